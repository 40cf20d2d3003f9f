"""Another agency's list beside the register: each difference is seen, and what was done kept."""

import io

import pytest
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people import reconciliations
from correction_service.sheets import Table, table_of
from models.agency import Office
from models.case import Case, CaseState
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.reconciliation import DifferenceKind, RegisterDifference
from models.user import Role, User
from tests.county import NOW, County, make_case, resident_id
from tests.pages import SignedInClient

Kind = DifferenceKind
SOURCE = "县人民法院 2026-11-20"


def listing(*numbers: str) -> bytes:
    return "\n".join(["身份证号", *numbers]).encode()


def head(session: Session, county: County, role: Role = Role.COUNTY_HEAD) -> User:
    return session.get_one(User, county.users[role])


def compare(
    session: Session, county: County, table: Table, source: str = SOURCE
) -> list[tuple[Kind, int | None, int | None]]:
    """What a comparison finds: kind, row and case, and that its counts fit."""
    made = reconciliations.compare(session, head(session, county), table, source, NOW)
    return [(it.kind, it.row, it.case_id) for it in made.differences]


def test_every_kind_of_difference_is_found_by_the_number_alone(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        office = session.get_one(Office, county.office)
        ended = make_case(session, office, 2, state=CaseState.RELEASED)
        only_here = make_case(session, office, 3)
        session.flush()
        again = Case(
            number="T000009", person=session.get_one(Case, county.case).person, office=office,
            agency=office.agency, category=only_here.category, deciding_authority="法院",
            effective_on=only_here.effective_on, reported_on=only_here.reported_on,
            term_start=only_here.term_start, term_end=only_here.term_end,
            state=CaseState.UNDER_CORRECTION, state_since=NOW,
        )  # fmt: skip
        session.add(again)
        session.flush()
        agrees, stranger = resident_id(1), resident_id(77)
        table = table_of(listing(agrees, resident_id(2), stranger, agrees, "12345"))
        found = compare(session, county, table)
        assert sorted(found, key=str) == sorted(
            [
                (Kind.UNREADABLE, 6, None),
                (Kind.TWICE_THERE, 5, None),
                (Kind.ENDED_HERE, 3, ended.id),
                (Kind.NOT_HERE, 4, None),
                (Kind.TWICE_HERE, None, again.id),
                (Kind.NOT_THERE, None, only_here.id),
            ],
            key=str,
        )
        (made,) = reconciliations.made(session, head(session, county))
        assert (made.listed, made.agreed, made.source) == (5, 1, SOURCE)


def test_a_list_that_agrees_has_no_difference(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert compare(session, county, table_of(listing(resident_id(1)))) == []


def test_a_list_is_compared_by_the_county_and_says_whose_it_is(
    database: Database, county: County
) -> None:
    table = table_of(listing(resident_id(1)))
    with database.transaction(SYSTEM, "test") as session:
        for role in (Role.OFFICER, Role.PROCURATOR):
            with pytest.raises(Forbidden):
                reconciliations.compare(session, head(session, county, role), table, SOURCE, NOW)
        with pytest.raises(Invalid, match="whose list"):
            compare(session, county, table, " ")
        with pytest.raises(Invalid, match="lacks these headings"):
            compare(session, county, table_of("姓名\n张三".encode()))


def test_what_was_done_is_written_down_once_and_by_who_may_see_the_case(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        compare(session, county, table_of(listing(resident_id(77))))
        missing, only_here = reconciliations.differences(session, head(session, county), 1)
        user = head(session, county)
        with pytest.raises(Invalid, match="found and done"):
            reconciliations.handle(session, user, missing.id, " ", NOW)
        reconciliations.handle(session, user, missing.id, "已发函索要文书", NOW)
        with pytest.raises(Refused, match="already"):
            reconciliations.handle(session, user, missing.id, "x", NOW)
        order = [it.id for it in reconciliations.differences(session, user, 1)]
        assert order == [only_here.id, missing.id], "what is open comes first"
        elsewhere = head(session, county, Role.OFFICE_HEAD)
        elsewhere.office_id = county.other_office
        with pytest.raises(NotFound):
            reconciliations.handle(session, elsewhere, only_here.id, "x", NOW)
        with pytest.raises(Forbidden):
            reconciliations.handle(
                session, head(session, county, Role.PROCURATOR), only_here.id, "x", NOW
            )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_list_is_loaded_and_acted_on_in_the_console(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    client = client_of(Role.COUNTY_HEAD)
    assert "No list was compared yet." in client.get("/reconcile/").text
    assert "Choose a file first." in client.post("/reconcile/", data={"source": SOURCE}).text
    file = (io.BytesIO(listing(resident_id(77))), "list.csv")
    page = client.post(
        "/reconcile/", data={"source": SOURCE, "file": file}, follow_redirects=True
    ).text
    assert "1 on the list, 0 agree." in page
    assert "never handed over?" in page
    assert "测试1" in page
    done = client.post("/reconcile/1/handle", data={"note": "已发函"}, follow_redirects=True)
    assert "已发函" in done.text
    with database.reading() as session:
        noted = session.get_one(RegisterDifference, 1)
        assert (noted.kind, noted.handled_by) == (Kind.NOT_HERE, county.users[Role.COUNTY_HEAD])
