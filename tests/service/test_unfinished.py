"""A check-in that was begun and never finished is shown to an officer and held against nobody."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import sweep
from correction_service.db import Database
from correction_service.presence import duties
from correction_service.settings import Settings
from models.case import Case
from models.checkin import Challenge, CheckInDuty, DutyState
from models.risk import INNOCENT, SENTENCES, FlagKind, FlagState
from tests.county import NOW, County
from tests.swept import TODAY, add_duty, drafts, flags

BEGAN = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)  # within the duty's window


def begin(database: Database, case_id: int, at: datetime) -> None:
    """Ask for a challenge and never send a thing."""
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, case_id)
        session.add(
            Challenge(
                person_id=case.person_id,
                case_id=case.id,
                receipt=f"{at:%d%H-%M%S}",
                token_hash=f"{at:%d%H%M%S}".encode(),
                issued_at=at,
                expires_at=at + timedelta(minutes=2),
            )
        )


def lapse(database: Database, settings: Settings) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return duties.lapse(session, NOW, settings)


def test_an_unfinished_check_in_is_a_flag_with_its_innocent_explanations_and_no_draft(
    database: Database, county: County, settings: Settings
) -> None:
    duty = add_duty(database, county.case, DutyState.DUE)
    begin(database, county.case, BEGAN)
    assert lapse(database, settings) == 0
    sweep.run(database, TODAY, NOW, settings)
    [flag] = flags(database, FlagKind.CHECKIN_UNFINISHED)
    assert (flag.key, flag.state) == (f"duty:{duty}", FlagState.OPEN)
    [reason] = flag.reasons
    assert SENTENCES[reason["fact"]] % reason["facts"] == (
        "Began a check-in at 2026-11-20 09:30 and did not finish it."
    )
    assert reason["innocent"]
    assert set(reason["innocent"]) <= set(INNOCENT)
    assert flags(database, FlagKind.CHECKIN_MISSED) == []
    assert drafts(database) == []


def test_a_pattern_of_unfinished_check_ins_is_counted_for_the_officer(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.DUE)
    begin(database, county.case, BEGAN)
    yesterday = timedelta(days=1)
    window = {
        "opens_at": BEGAN - yesterday,
        "closes_at": BEGAN + timedelta(hours=1) - yesterday,
        "missed_after": BEGAN + timedelta(hours=2) - yesterday,
    }
    add_duty(database, county.case, DutyState.DUE, key="scheduled:2026-11-19", **window)
    begin(database, county.case, BEGAN - yesterday + timedelta(minutes=1))
    assert lapse(database, settings) == 0
    sweep.run(database, TODAY, NOW, settings)
    for flag in flags(database, FlagKind.CHECKIN_UNFINISHED):
        assert flag.reasons[1]["facts"] == {"times": 2, "days": 30}
        assert SENTENCES[flag.reasons[1]["fact"]] % flag.reasons[1]["facts"]


def test_an_attempt_that_was_finished_later_leaves_no_flag(
    database: Database, county: County, settings: Settings
) -> None:
    duty = add_duty(database, county.case, DutyState.DUE)
    begin(database, county.case, BEGAN)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(CheckInDuty, duty).settle(BEGAN + timedelta(minutes=9))
    assert lapse(database, settings) == 0
    sweep.run(database, TODAY, NOW, settings)
    assert flags(database, FlagKind.CHECKIN_UNFINISHED) == []
    with database.reading() as session:
        assert session.scalars(select(CheckInDuty.state)).one() is DutyState.DONE
