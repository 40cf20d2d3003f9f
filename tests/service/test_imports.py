"""A file of people: all of them go in, or nobody and every fault by its row."""

import csv
import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import Workbook
from sqlalchemy import func, select

from correction_service.audit import SYSTEM
from correction_service.cli import cli
from correction_service.db import Database
from correction_service.people import imports, intake, persons
from correction_service.settings import Settings
from correction_service.sheets import table_of
from models.agency import Agency
from models.case import Case
from models.errors import DomainError, Invalid
from models.person import Person
from models.user import Role, User
from tests.county import NOW, VALID_ID, County, resident_id

CHINESE = [names[0] for names in intake.LABELS.values()]


def row(number: int, **fields: object) -> list[object]:
    given: dict[str, object] = {
        "name": f"某{number}",
        "id_kind": "身份证",
        "id_number": resident_id(number),
        "phone": f"1380000{number:04d}",
        "office": "甲司法所",
        "category": "缓刑",
        "deciding_authority": "汇川区人民法院",
        "effective_on": "2026-11-16",
        "term_start": "2026/11/16",
        "term_end": "2027年11月15日",
        **fields,
    }
    return [given.get(field, "") for field in intake.LABELS]


def as_csv(rows: list[list[object]], encoding: str, headings: list[str] = CHINESE) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([headings, *rows])
    return text.getvalue().encode(encoding)


def as_xlsx(rows: list[list[object]]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    everything: list[list[Any]] = [list(CHINESE), *rows]
    for each in everything:
        book.worksheets[0].append(each)
    book.save(out)
    return out.getvalue()


def take(database: Database, county: County, data: bytes) -> list[Case]:
    table = table_of(data)
    with database.transaction(SYSTEM, "test") as session:
        offices = session.get_one(Agency, county.agency).offices
        return imports.enrol_all(session, offices, table, NOW)


def refused(database: Database, county: County, data: bytes) -> list[tuple[int, str | None]]:
    """Every (row, field) that the refusal names, once it is sure that nothing went in."""
    with pytest.raises(imports.ImportRefused) as refusal:
        take(database, county, data)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 1
    return [(fault.row, fault.error.field) for fault in refusal.value.faults]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_csv_goes_in_in_every_encoding_of_an_office(
    database: Database, county: County, encoding: str
) -> None:
    made = take(database, county, as_csv([row(101), row(102)], encoding))
    assert [case.person.name for case in made] == ["某101", "某102"]
    assert made[0].number == "520303-2026-00001"
    assert made[0].term_end == date(2027, 11, 15)


def test_xlsx_goes_in_with_real_dates_blank_rows_and_english_headings(
    database: Database, county: County
) -> None:
    dated = row(101, effective_on=datetime(2026, 11, 16), phone=13800000001)  # noqa: DTZ001 - as a sheet gives it
    (made,) = take(database, county, as_xlsx([[], dated, [None]]))
    assert made.effective_on == date(2026, 11, 16)
    english = [names[1].upper() + " *" for names in intake.LABELS.values()]
    assert len(take(database, county, as_csv([row(102)], "utf-8", english))) == 1


def test_every_fault_of_every_row_is_named_and_nobody_goes_in(
    database: Database, county: County
) -> None:
    rows = [
        row(101),
        row(102, id_number="110105194912310021"),
        row(103, office="丙司法所", term_end="2026-13-01"),
        row(104, id_number=resident_id(101)),
        row(105, id_number=resident_id(1), name="测试1"),
        row(106, name="", phone="12345"),
        row(107, id_kind="护照", id_number="E1234567"),
        [*row(108), "more"],
        row(109, category="其他"),
    ]
    assert refused(database, county, as_csv(rows, "utf-8")) == [
        (3, "id_number"),
        (4, "office"),
        (4, "term_end"),
        (5, "id_number"),
        (6, "id_number"),
        (7, "name"),
        (7, "phone"),
        (8, "sex"),
        (8, "born_on"),
        (9, None),
        (10, "category"),
    ]


def test_one_broken_row_of_a_gbk_file_is_found_and_the_others_are_read(
    database: Database, county: County
) -> None:
    good = as_csv([row(101), row(102), row(103)], "gbk")
    broken = good.replace("某102".encode("gbk"), b"\xc4\xff\xff102")
    assert refused(database, county, broken) == [(3, None)]


def test_digits_that_a_spreadsheet_has_lost_are_not_guessed(
    database: Database, county: County
) -> None:
    data = as_xlsx([row(101), row(102, id_number=5.20303199001011e17)])
    assert refused(database, county, data) == [(3, None)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        "姓名,证件号码\n某,1".encode(),
        as_csv([], "utf-8"),
        as_csv([row(1)], "utf-8", [*CHINESE[:-1], CHINESE[0]]),
        as_csv([row(1)], "utf-8") + b'"open',
        as_xlsx([row(1)])[:500],
        b"PK\x03\x04" + b"x" * 100,
        b"\xd0\xcf\x11\xe0 old",
        b"\x89PNG\0\0",
    ],
    ids=["none", "blank", "headings", "rowless", "twice", "quote", "cut", "zip", "xls", "png"],
)
def test_what_is_no_such_table_is_refused_in_words(
    database: Database, county: County, data: bytes
) -> None:
    with pytest.raises(Invalid) as refusal:
        take(database, county, data)
    assert refusal.value.field == "file"


def test_the_report_is_a_csv_in_two_languages_without_secrets(
    database: Database, county: County
) -> None:
    with pytest.raises(imports.ImportRefused) as refusal:
        take(database, county, as_csv([row(101, id_number=VALID_ID[:-1] + "1")], "utf-8"))
    text = imports.report(refusal.value.faults).decode("utf-8-sig")
    number, *field, chinese, english = list(csv.reader(io.StringIO(text)))[1]
    assert (number, *field) == ("2", "证件号码", "Document number")
    assert "mistyped" in english
    assert chinese != english
    assert VALID_ID[:-1] not in text


def test_more_people_than_one_look_up_takes_go_in_together(
    database: Database, county: County
) -> None:
    passports = [
        row(n, id_kind="passport", id_number=f"E{n:07d}", sex="男", born_on="19900101",
            phone="13800000000")
        for n in range(1200)
    ]  # fmt: skip
    assert len(take(database, county, as_csv(passports, "utf-8"))) == 1200
    with database.reading() as session:
        assert session.scalar(select(func.max(Case.number))) == "T000001"
        last = select(func.max(Case.number)).where(Case.number.startswith("520303"))
        assert session.scalar(last) == "520303-2026-01200"


def test_the_command_imports_or_reports(
    database: Database, county: County, settings: Settings, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("CORRECTION_DATABASE_URL", settings.database_url.get_secret_value())
    assert settings.key_ring is not None
    monkeypatch.setenv("CORRECTION_KEY_RING", settings.key_ring.get_secret_value())
    file, report = tmp_path / "people.csv", tmp_path / "report.csv"
    dates = {"effective_on": "2020-01-01", "term_start": "2020-01-01", "term_end": "2100-01-01"}
    file.write_bytes(as_csv([row(101, **dates), row(102, **dates, sex="?")], "gbk"))
    command = ["person", "import", str(file), "--report", str(report)]
    answer = CliRunner().invoke(cli, command)
    assert isinstance(answer.exception, DomainError)
    assert "3\t性别\tSex\t" in answer.stderr
    assert report.read_bytes().startswith(b"\xef\xbb\xbf")
    file.write_bytes(as_csv([row(101, **dates)], "gbk"))
    answer = CliRunner().invoke(cli, command)
    assert answer.exit_code == 0
    assert answer.stdout.startswith("1 enrolled: 520303-")
    with database.reading() as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        assert len(persons.find(session, head, resident_id(101))) == 1


def test_offices_are_found_by_name_only_among_those_given(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        offices = session.get_one(Agency, county.agency).offices[:1]
        other = table_of(as_csv([row(101, office="乙司法所")], "utf-8"))
        with pytest.raises(imports.ImportRefused) as refusal:
            imports.enrol_all(session, offices, other, NOW)
    assert refusal.value.faults[0].error.field == "office"
