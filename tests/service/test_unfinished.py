"""A check-in that was tried and did not come off is shown to an officer and held against nobody."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import sweep
from correction_service.db import Database
from correction_service.presence import duties, help_requests
from correction_service.settings import Settings
from models.case import Case
from models.checkin import UNUSABLE, Challenge, CheckInDuty, DutyState, Outcome
from models.help_request import HelpKind, HelpRequest
from models.risk import INNOCENT, SENTENCES, FlagKind, FlagState
from models.user import Role
from tests.county import NOW, County
from tests.swept import TODAY, add_duty, check_in, drafts, flags

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


@pytest.mark.parametrize("outcome", sorted(UNUSABLE))
def test_a_picture_without_a_clear_face_is_no_missed_check_in_and_is_shown_to_an_officer(
    database: Database, county: County, settings: Settings, outcome: Outcome
) -> None:
    add_duty(database, county.case, DutyState.DUE)
    check_in(database, county.case, BEGAN, outcome)
    assert shown(database, settings) == (
        "no_clear_picture",
        "Checked in at 2026-11-20 09:30; the picture did not show one face clearly.",
    )


@pytest.mark.parametrize("kind", HelpKind)
def test_asking_for_help_in_time_is_no_missed_check_in_and_is_shown_to_an_officer(
    database: Database, county: County, settings: Settings, kind: HelpKind
) -> None:
    add_duty(database, county.case, DutyState.DUE)
    ask(database, county.case, kind, BEGAN)
    assert shown(database, settings) == (
        "other_way_asked",
        "Asked for help or another way of checking in at 2026-11-20 09:30.",
    )


@pytest.mark.parametrize(
    ("kind", "missed"),
    [(HelpKind.VISIT, 0), (HelpKind.VIDEO_CALL, 0), (HelpKind.CALL_BACK, 0), (HelpKind.HELP, 1)],
)
def test_another_way_asked_for_before_counts_until_it_was_given(
    database: Database, county: County, settings: Settings, kind: HelpKind, missed: int
) -> None:
    add_duty(database, county.case, DutyState.DUE)
    ask(database, county.case, kind, BEGAN - timedelta(days=1))
    assert lapse(database, settings) == missed


def test_a_call_asked_for_beside_a_check_in_excuses_no_later_day(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.DUE)
    ask(database, county.case, HelpKind.CALL_BACK, BEGAN - timedelta(days=1), beside=True)
    assert lapse(database, settings) == 1


def test_a_call_asked_for_as_another_way_excuses_although_an_older_one_is_open(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.DUE)
    ask(database, county.case, HelpKind.CALL_BACK, BEGAN - timedelta(days=1), beside=True)
    ask(database, county.case, HelpKind.CALL_BACK, BEGAN)
    assert shown(database, settings) == (
        "other_way_asked",
        "Asked for help or another way of checking in at 2026-11-20 09:30.",
    )


def test_a_request_dealt_with_before_and_one_made_too_late_excuse_nothing(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.DUE)
    ask(database, county.case, HelpKind.VISIT, BEGAN - timedelta(days=1))
    with database.transaction(SYSTEM, "test") as session:
        request = session.scalars(select(HelpRequest)).one()
        request.handle(county.users[Role.OFFICER], BEGAN - timedelta(hours=1), "visited")
    ask(database, county.case, HelpKind.CALL_BACK, BEGAN + timedelta(hours=4))
    assert lapse(database, settings) == 1


def ask(
    database: Database, case_id: int, kind: HelpKind, at: datetime, *, beside: bool = False
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        help_requests.ask(session, session.get_one(Case, case_id), kind, at, beside=beside)


def shown(database: Database, settings: Settings) -> tuple[str | None, str]:
    """Let the duty lapse, sweep, and return why it is void and what the one flag says."""
    assert lapse(database, settings) == 0
    sweep.run(database, TODAY, NOW, settings)
    [flag] = flags(database, FlagKind.CHECKIN_UNFINISHED)
    [reason] = flag.reasons
    with database.reading() as session:
        why = session.scalars(select(CheckInDuty.void_reason)).one()
    return why, SENTENCES[reason["fact"]] % reason["facts"]
