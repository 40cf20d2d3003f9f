"""The pages of destroying a file, and every page that names somebody once a file is destroyed."""

import csv
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.enforcement import deletions, destructions, erasures
from correction_service.proof import packs, signing, verifier
from correction_service.sealer import Sealer
from correction_service.settings import Settings
from models.agency import Office
from models.base import append_only_tables
from models.case import Case
from models.file_destruction import DestructionState, FileDestruction
from models.incident import Incident
from models.phone import PhoneAccess
from models.user import Role
from tests.county import NOW, County, make_case
from tests.desk import ADDRESS, PHONE
from tests.named import Ids
from tests.pages import SignedInClient
from tests.service.test_destruction_holds import written
from tests.service.test_destructions import second_head
from tests.service.test_retention import end
from tests.service.test_scope_walk import NO_LIST, asked, guarded
from tests.service.test_sealer import report, seal

LONG_AGO = timedelta(days=366 * 6)


@pytest.fixture
def kept_five_years(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "file_years", 5)


def long_over(database: Database, county: County) -> None:
    end(database, county.case)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state_since = NOW - LONG_AGO


def test_the_page_says_that_no_term_is_set(client_of: SignedInClient) -> None:
    assert "set no term" in client_of(Role.COUNTY_HEAD).get("/destructions/").text


def test_two_people_destroy_a_file_and_the_receipt_names_both_on_the_page_and_in_the_csv(
    kept_five_years: None, database: Database, county: County, client_of: SignedInClient
) -> None:
    long_over(database, county)
    head, above = client_of(Role.COUNTY_HEAD), client_of(Role.UPPER_AGENCY)
    assert "测试1" in head.get("/destructions/").text
    head.post(f"/destructions/cases/{county.case}", data={"number": "销 2031-4"})
    assert "销 2031-4" in above.get("/destructions/").text
    assert "proposed for destruction" in above.get("/").text
    with database.reading() as session:
        made = session.scalars(select(FileDestruction.id)).one()
    above.post(f"/destructions/{made}/decide", data={"decision": "agreed"})
    with database.reading() as session:
        assert session.get_one(FileDestruction, made).state is DestructionState.AGREED
    page = head.get("/endings/deletions").text
    assert "销 2031-4" in page
    assert "county_head → upper_agency" in page
    heads, *lines = head.get("/endings/deletions.csv").text.splitlines()
    assert heads.endswith("record,years,list,proposed_by,agreed_by,counted_in")
    assert all(it.endswith(",5,销 2031-4,county_head,upper_agency,") for it in lines)
    assert set(destructions.NAMED) <= set(heads.lstrip("\ufeff").split(","))
    assert "[file destroyed]" in head.get(f"/cases/{county.case}").text
    assert "档案已销毁" in head.get(f"/cases/{county.case}?lang=zh").text


def test_the_csv_has_every_receipt_of_a_file_however_much_else_was_deleted_since(
    database: Database,
    settings: Settings,
    county: County,
    client_of: SignedInClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deletions, "MOST", 1)
    with database.transaction(SYSTEM, "test") as session:
        went = {"fix": deletions.gone("1")}
        for name in ("file", "file", "telemetry", "telemetry"):
            said = deletions.rule(session, settings, name)
            deletions.receipt(session, county.case, went, said, NOW)
    head = client_of(Role.COUNTY_HEAD)
    lines = csv.DictReader(StringIO(head.get("/endings/deletions.csv").text.lstrip("\ufeff")))
    assert [it["name"] for it in lines] == ["file", "file", "telemetry"]


def test_a_proposal_is_taken_back_or_declined_on_the_page(
    kept_five_years: None, database: Database, county: County, client_of: SignedInClient
) -> None:
    long_over(database, county)
    second_head(database, county)
    head, above = client_of(Role.COUNTY_HEAD), client_of(Role.UPPER_AGENCY)
    for act, data, whose in (("take-back", {}, head), ("decide", {"note": "未满"}, above)):
        head.post(f"/destructions/cases/{county.case}", data={"number": "销 2031-4"})
        with database.reading() as session:
            made = session.scalar(select(func.max(FileDestruction.id)))
        whose.post(f"/destructions/{made}/{act}", data=data)
    with database.reading() as session:
        states = session.scalars(select(FileDestruction.state).order_by(FileDestruction.id)).all()
    assert states == [DestructionState.TAKEN_BACK, DestructionState.DECLINED]


def erase(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        erasures.erase(session, session.get_one(Case, county.case).person, NOW)


def pages(app: Flask, ids: Ids) -> Iterator[dict[str, Any]]:
    """Every page of the console that is only looked at."""
    for rule, _ in guarded(app):
        if "GET" in (rule.methods or ()) and rule.endpoint not in NO_LIST:
            yield asked(app, rule, ids, "GET")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_page_crashes_or_names_anybody_once_a_file_is_destroyed(
    app: Flask, client_of: SignedInClient, database: Database, county: County, ids: Ids
) -> None:
    erase(database, county)
    client, found, shown = client_of(Role.COUNTY_HEAD), [], 0
    for request in pages(app, ids):
        answer = client.get(request["path"], query_string=request["query_string"])
        text = answer.get_data().decode(errors="ignore")
        named = [it for it in ("测试1", PHONE, ADDRESS, "王某") if it in text]
        shown += "[file destroyed]" in text
        if answer.status_code >= 500 or named:
            found.append(f"{request['path']} answers {answer.status_code} naming {named}")
        answer.close()
    assert found == []
    assert shown >= len(ids) // 2


def test_a_destroyed_file_is_not_among_the_exit_bans_and_does_not_stop_their_list(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        other = make_case(session, session.get_one(Office, county.office), 2)
        session.flush()
        session.add_all([written(county, county.case), written(county, other.id)])
    erase(database, county)
    head = client_of(Role.COUNTY_HEAD)
    answer = head.post("/endings/exit-bans")
    assert answer.status_code == 200
    sheet = load_workbook(BytesIO(answer.data)).worksheets[0]
    assert [it[3] for it in sheet.iter_rows(min_row=4, values_only=True)] == ["T000002"]
    shown = head.get("/endings/exit-bans").text
    assert "测试2" in shown
    assert "[file destroyed]" not in shown


def figures(client: FlaskClient) -> list[str]:
    """Every cell of the statistics; the rest of the page has a token of its own each second."""
    return re.findall(r"<td.*?</td>", client.get("/statistics/").text, re.DOTALL)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_statistics_keep_their_counts(
    client_of: SignedInClient, database: Database, county: County, ids: Ids
) -> None:
    client = client_of(Role.COUNTY_HEAD)
    before = figures(client)
    assert before
    erase(database, county)
    assert figures(client) == before


def grown(session: Session) -> Iterator[tuple[str, int]]:
    for table in append_only_tables():
        if not table.name.startswith("audit_"):
            yield table.name, session.scalar(select(func.count()).select_from(table)) or 0


def test_rows_that_grow_stay_and_no_text_of_the_person_is_left_in_the_others(
    database: Database, county: County, ids: Ids
) -> None:
    with database.reading() as session:
        before = dict(grown(session))
    erase(database, county)
    with database.reading() as session:
        assert dict(grown(session)) == before
        for of, values in erasures.BLANKED.items():
            rows = session.scalars(select(of)).all()
            for name, blank in values.items():
                left = {str(getattr(row, name)) for row in rows}
                assert left <= {str(blank), "", "None"}, f"{of.__tablename__}.{name}"
        for of in erasures.DELETED:
            assert session.scalar(select(func.count()).select_from(of)) == 0


def test_an_open_phone_is_closed_with_the_file(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    assert opened_phone.get("/m/").status_code == 200
    erase(database, county)
    assert opened_phone.get("/m/").status_code == 302
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PhoneAccess)) == 0


def test_evidence_given_before_still_verifies_and_is_in_the_log_of_afterwards(
    database: Database, county: County, ids: Ids, tmp_path: Path
) -> None:
    key, kept = Ed25519PrivateKey.generate(), Sealer()
    public = bytes.fromhex(signing.public(key))
    for name in ("before.zip", "after.zip"):
        seal(database, kept)
        with database.transaction(SYSTEM, "test") as session:
            packs.export(session, desk_incident(session), key, NOW, tmp_path / name)
        if name == "before.zip":
            erase(database, county)
    for name in ("before.zip", "after.zip"):
        with zipfile.ZipFile(tmp_path / name) as pack:
            assert list(verifier.check(pack, public)) == []
    assert report(database).ok


def desk_incident(session: Session) -> int:
    return session.scalars(select(Incident.id)).one()
