"""Custody: it begins on the day of the custodian's paper, not on the day of a click (LCC 32)."""

from datetime import date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import deductions, sweep
from correction_service.db import Database
from correction_service.oversight import watching
from correction_service.people import cases
from correction_service.searches import searches
from correction_service.settings import Settings
from models.case import Case, CaseState
from models.checkin import CheckInDuty, DutyState
from models.errors import Invalid
from models.points import DraftState, PointsDraft, PointsEntry
from models.search import Finding
from models.user import Role, User
from tests.county import DAY, NOW, County
from tests.pages import SignedInClient
from tests.swept import TODAY, add_duty

DAYS = timedelta(days=1)


def officer(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.OFFICER])


def detain(database: Database, county: County, since: date | None, now: datetime = NOW) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        state = CaseState.DETAINED
        cases.move(session, user, county.case, state, note="拘留通知书 3", now=now, since=since)


def of_day(database: Database, county: County, day: date, state: DutyState) -> int:
    opens = hours.day_start(day) + timedelta(hours=9)
    times = {"opens_at": opens, "closes_at": opens + 2 * timedelta(hours=1)}
    late = {"missed_after": opens + 4 * timedelta(hours=1), "key": f"scheduled:{day}"}
    return add_duty(database, county.case, state, **times, **late)


def states(database: Database) -> dict[int, tuple[DutyState, str | None]]:
    with database.reading() as session:
        duties = session.scalars(select(CheckInDuty)).all()
        return {it.id: (it.state, it.void_reason) for it in duties}


def test_what_was_missed_in_custody_is_void_from_its_first_day(
    database: Database, county: County
) -> None:
    since = TODAY - 2 * DAYS
    before = of_day(database, county, since - DAYS, DutyState.MISSED)
    void = [
        of_day(database, county, since, DutyState.MISSED),
        of_day(database, county, since + DAYS, DutyState.LATE),
        of_day(database, county, since + 2 * DAYS, DutyState.DUE),
    ]
    met = of_day(database, county, since + 3 * DAYS, DutyState.DONE)
    detain(database, county, since)
    assert states(database) == {
        before: (DutyState.MISSED, None),
        **dict.fromkeys(void, (DutyState.VOID, "detained")),
        met: (DutyState.DONE, None),
    }


def test_a_draft_for_a_day_in_custody_withdraws_itself(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    detain(database, county, TODAY)
    sweep.run(database, TODAY, NOW + timedelta(minutes=10), settings)
    with database.reading() as session:
        drafts = session.scalars(select(PointsDraft)).all()
        assert [it.state for it in drafts] == [DraftState.REFUSED]


def test_a_deduction_for_a_day_in_custody_is_one_to_take_back(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        draft = session.scalars(select(PointsDraft)).one()
        session.add(
            PointsEntry(
                case_id=county.case, rulebook_id=draft.rulebook_id, item=draft.item, points=-5,
                draft_id=draft.id, happened_on=TODAY, reason="未签到", made_at=NOW,
                made_by=county.users[Role.OFFICER],
            )
        )  # fmt: skip
    with database.reading() as session:
        moot = select(PointsDraft.id).where(deductions.standing(), deductions.gone())
        assert session.scalars(moot).all() == []
    detain(database, county, TODAY)
    with database.reading() as session:
        assert len(session.scalars(moot).all()) == 1


def test_the_procurator_sees_what_was_asked_since_custody_began(
    database: Database, county: County
) -> None:
    detain(database, county, DAY - 5 * DAYS)
    of_day(database, county, DAY - 3 * DAYS, DutyState.MISSED)
    with database.reading() as session:
        procurator = session.get_one(User, county.users[Role.PROCURATOR])
        found = watching.noticed(session, procurator, "detained_not_suspended", NOW)
    assert [it.fact for it in found] == [watching.Fact.ASKED_IN_CUSTODY]


@pytest.mark.parametrize("since", [None, DAY + DAYS, date(2016, 1, 1)])
def test_custody_wants_its_day(database: Database, county: County, since: date | None) -> None:
    with pytest.raises(Invalid) as refusal:
        detain(database, county, since)
    assert refusal.value.field == "since"


def test_who_is_found_in_custody_was_there_since_a_day(database: Database, county: County) -> None:
    missed = of_day(database, county, DAY - DAYS, DutyState.MISSED)
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        made = searches.begin(session, user, county.case, DAY - DAYS, NOW)
        with pytest.raises(Invalid, match="since when"), session.begin_nested():
            searches.find(session, user, made.id, Finding.CUSTODY, note="见函", now=NOW)
        session.refresh(made)
        searches.find(
            session, user, made.id, Finding.CUSTODY, note="见函", now=NOW,
            in_custody_since=DAY - DAYS,
        )  # fmt: skip
        assert made.case.detained_since == hours.day_start(DAY - DAYS)
    assert states(database)[missed][0] is DutyState.VOID


def test_the_page_of_the_file_asks_for_the_day(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    client: FlaskClient = client_of(Role.OFFICER)
    path, form = f"/cases/{county.case}/state", {"state": "detained", "note": "拘留通知书"}
    for given, state in (
        (form, CaseState.UNDER_CORRECTION),
        ({**form, "since": "soon"}, CaseState.UNDER_CORRECTION),
        ({**form, "since": f"{DAY}"}, CaseState.DETAINED),
    ):
        assert client.post(path, data=given).status_code == 302
        with database.reading() as session:
            assert session.get_one(Case, county.case).state is state
