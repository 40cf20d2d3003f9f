"""The notice of a month: what the close knew, with reasons and the days to object."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.assessment import month_notices, months, objections
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from models.assessment import PointsMonth
from models.case import Case
from models.errors import NotFound
from models.points import PointsEntry
from models.user import Role
from tests.county import NOW, County, add_draft
from tests.pages import SignedInClient

NOVEMBER = date(2026, 11, 1)
FIFTH = datetime(2026, 12, 5, 4, 0, tzinfo=UTC)


def enter(session: Session, county: County, item: str, fact: str, now: datetime) -> PointsEntry:
    made = add_draft(session, county.case, item, fact)
    return points.confirm(session, made, county.users[Role.OFFICER], now, "未说明理由")


@pytest.fixture
def closed(database: Database, county: County) -> int:
    """November closed with three entries: one stands, one was taken back, one is objected to."""
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        enter(session, county, "checkin_missed", "duty:1", NOW)
        wrong = enter(session, county, "checkin_late", "duty:2", NOW)
        points.reverse(session, wrong, officer, NOW, "医院证明")
        doubted = enter(session, county, "verification_avoided", "checkin:3", NOW)
        case = session.get_one(Case, county.case)
        objections.object_to(session, case, doubted.id, "手机坏了", now=NOW)
    months.run(database, NOVEMBER, FIFTH)
    with database.reading() as session:
        return session.scalars(select(PointsMonth.id)).one()


def said(database: Database, county: County, month_id: int) -> dict[str, object]:
    with database.reading() as session:
        case = session.get_one(Case, county.case)
        return month_notices.paper(session, case, month_notices.month_for(session, case, month_id))


def test_the_notice_has_every_entry_with_its_reason_and_whether_it_counts(
    database: Database, county: County, closed: int
) -> None:
    paper = said(database, county, closed)
    assert [(row[2], row[3], row[4]) for row in paper["entries"]] == [  # type: ignore[attr-defined]
        ("-5", "未说明理由", "计入"),
        ("-2", "未说明理由", "已撤销"),
        ("+2", "医院证明", "撤销前项"),
        ("-3", "未说明理由", "异议中，暂不计"),
    ]
    assert (paper["base"], paper["held"], paper["total"]) == (93, -3, 88)
    assert (paper["object_within"], paper["answer_within"]) == (5, 10)
    assert paper["number"] == f"〔2026〕考告字第{closed}号"


def test_what_comes_after_the_close_is_on_a_notice_of_its_own(
    database: Database, county: County, closed: int
) -> None:
    before = said(database, county, closed)
    with database.transaction(SYSTEM, "test") as session:
        enter(session, county, "volunteering", "service:9", FIFTH + timedelta(hours=1))
    months.run(database, NOVEMBER, FIFTH + timedelta(days=2))
    assert said(database, county, closed) == before
    with database.reading() as session:
        latest = session.scalars(select(PointsMonth.id).where(PointsMonth.edition == 2)).one()
    assert said(database, county, latest)["total"] == 90


def test_a_notice_is_the_same_paper_each_time(
    database: Database, county: County, closed: int
) -> None:
    papers = {month_notices.pdf(said(database, county, closed), FIFTH) for _ in range(2)}
    (paper,) = papers
    assert paper.startswith(b"%PDF-1.7")


def test_a_month_of_somebody_else_is_not_there(
    database: Database, county: County, closed: int
) -> None:
    with database.reading() as session:
        case = session.get_one(Case, county.case)
        with pytest.raises(NotFound):
            month_notices.month_for(session, case, closed + 1)


def test_the_person_and_the_office_open_the_same_notice(
    opened_phone: FlaskClient, client_of: SignedInClient, county: County, closed: int
) -> None:
    path = f"/m/points/months/{closed}.pdf"
    assert path in opened_phone.get("/m/points").text
    mine = opened_phone.get(path)
    theirs = client_of(Role.OFFICER).get(f"/points/cases/{county.case}/months/{closed}.pdf")
    assert mine.mimetype == "application/pdf"
    assert mine.data == theirs.data
    assert mine.headers["Cache-Control"] == "no-store"
