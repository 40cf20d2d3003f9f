"""A duty runs inside lawful hours, for supervised cases, from a message that arrived."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.messages import notices
from correction_service.presence import duties
from correction_service.settings import Settings
from models.case import LEGAL_ZONE, Case, CaseState
from models.checkin import CheckInDuty, DutyKind, DutyState
from models.errors import Invalid, NotFound, Refused
from models.notice import Notice, NoticeState
from models.user import Role
from tests.county import County

MIDNIGHT = datetime(2026, 11, 19, 16, 0, tzinfo=UTC)  # 20 November begins in Shanghai, a Friday


def clock(hour: int, minute: int = 0) -> datetime:
    """A moment of 20 November by the wall clock of Shanghai."""
    return MIDNIGHT + timedelta(hours=hour, minutes=minute)


def plan(session: Session, county: County, settings: Settings, **fields: object) -> None:
    case = session.get_one(Case, county.case)
    values = {"weekdays": "1234567", "opens": time(9), "closes": time(11)}
    duties.plan(session, case, settings, **(values | fields))  # type: ignore[arg-type]


def only_duty(session: Session) -> CheckInDuty:
    return session.scalars(select(CheckInDuty)).one()


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(CheckInDuty)) or 0


def spot_day(session: Session, county: County, settings: Settings) -> datetime:
    """Ask for a spot check at the drawn moment of 20 November and return that moment."""
    plan(session, county, settings, spot_checks=True)
    moment = duties.spot_moment(session, county.case, date(2026, 11, 20), settings)
    assert moment is not None
    assert duties.spot(session, moment - timedelta(seconds=1), settings) == 0
    assert duties.spot(session, moment, settings) == 1
    return moment


@pytest.fixture
def every_day(settings: Settings) -> Settings:
    """Settings under which each day has a spot check."""
    return settings.model_copy(update={"spot_check_share": 1.0})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"opens": time(5, 59)}, "opens"),
        ({"closes": time(22, 1)}, "closes"),
        ({"opens": time(11), "closes": time(11)}, "closes"),
        ({"weekdays": ""}, "weekdays"),
        ({"weekdays": "108"}, "weekdays"),
        ({"late_minutes": -1}, "late_minutes"),
        ({"late_minutes": 721}, "late_minutes"),
    ],
)
def test_a_plan_outside_the_rules_is_refused_by_field(
    database: Database, county: County, settings: Settings, fields: dict[str, object], field: str
) -> None:
    with (
        pytest.raises(Invalid) as refusal,
        database.transaction(SYSTEM, "test") as session,
    ):
        plan(session, county, settings, **fields)
    assert refusal.value.field == field


def test_the_day_brings_one_duty_with_its_window_in_local_time(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings, weekdays="5")
        assert duties.make(session, MIDNIGHT - timedelta(seconds=1), settings) == 0  # Thursday
        assert duties.make(session, MIDNIGHT, settings) == 1
        assert duties.make(session, clock(8), settings) == 0
        duty = only_duty(session)
        assert (duty.key, duty.state) == ("scheduled:2026-11-20", DutyState.DUE)
        window = (duty.opens_at, duty.closes_at, duty.missed_after)
        assert window == (clock(9), clock(11), clock(13))
        assert duties.make(session, clock(24), settings) == 0  # Saturday


@pytest.mark.parametrize("state", [CaseState.DETAINED, CaseState.TERMINATED])
def test_a_suspended_case_gets_no_duty_and_its_open_ones_are_void(
    database: Database, county: County, settings: Settings, state: CaseState
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings)
        duties.make(session, MIDNIGHT, settings)
        session.get_one(Case, county.case).move(state, clock(8))
        assert duties.lapse(session, clock(8), settings) == 0
        duty = only_duty(session)
        assert (duty.state, duty.void_reason) == (DutyState.VOID, state.value)
        assert duties.make(session, clock(24), settings) == 0


def test_no_duty_outlives_the_term(database: Database, county: County, settings: Settings) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings, spot_checks=True)
        case = session.get_one(Case, county.case)
        case.term_end = date(2026, 11, 20)
        assert duties.make(session, MIDNIGHT, settings) == 1
        case.term_end = date(2026, 11, 19)
        duties.lapse(session, clock(14), settings)
        duty = only_duty(session)
        assert (duty.state, duty.void_reason) == (DutyState.VOID, "term_over")
        session.delete(duty)
        session.flush()
        always = settings.model_copy(update={"spot_check_share": 1.0})
        assert duties.make(session, MIDNIGHT, settings) == 0
        assert duties.spot(session, clock(21), always) == 0
        with pytest.raises(Refused, match="suspended"):
            duties.on_demand(session, case, clock(10), settings)


@pytest.mark.parametrize(("made_at", "made"), [(clock(9), 1), (clock(9, 1), 0)])
def test_a_duty_made_late_leaves_time_to_answer_or_is_let_go(
    database: Database, county: County, settings: Settings, made_at: datetime, made: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings)
        assert duties.make(session, made_at, settings) == made


def test_a_duty_is_missed_only_after_the_time_for_coming_late(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings)
        duties.make(session, MIDNIGHT, settings)
        assert duties.lapse(session, clock(13), settings) == 0
        assert duties.lapse(session, clock(13, 1), settings) == 1
        assert only_duty(session).state is DutyState.MISSED


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (clock(8, 59), None),
        (clock(11), DutyState.DONE),
        (clock(11, 1), DutyState.LATE),
        (clock(22, 59), DutyState.LATE),
        (clock(23, 1), None),
    ],
)
def test_a_check_in_settles_the_duty_it_answers(
    database: Database,
    county: County,
    settings: Settings,
    at: datetime,
    state: DutyState | None,
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings)
        duties.make(session, MIDNIGHT, settings)
        duties.lapse(session, at, settings)
        settled = duties.settle(session, county.case, at)
        assert (settled.state if settled else None) is state


def test_a_review_settles_a_missed_duty_by_the_time_of_the_capture(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings)
        duties.make(session, MIDNIGHT, settings)
        duties.lapse(session, clock(18), settings)
        duties.settle(session, county.case, clock(10))
        assert only_duty(session).state is DutyState.DONE


@pytest.mark.parametrize(
    ("captured", "state"),
    [
        (clock(8, 59), DutyState.LATE),
        (clock(10, 55), DutyState.DONE),
        (clock(11, 2), DutyState.LATE),
    ],
)
def test_a_capture_inside_the_window_mends_a_late_duty(
    database: Database, county: County, settings: Settings, captured: datetime, state: DutyState
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings)
        duties.make(session, MIDNIGHT, settings)
        duties.settle(session, county.case, clock(11, 3))
        duties.settle(session, county.case, captured)
        assert only_duty(session).state is state


def test_a_check_in_is_in_time_as_of_when_it_was_begun(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings)
        duties.make(session, MIDNIGHT, settings)
        assert duties.settle(session, county.case, clock(8, 59), clock(8, 58)) is None
        settled = duties.settle(session, county.case, clock(11, 1), clock(10, 59))
        assert settled is not None
        assert settled.state is DutyState.DONE


def test_a_check_in_begun_just_before_the_window_answers_it(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        plan(session, county, settings)
        duties.make(session, MIDNIGHT, settings)
        duties.settle(session, county.case, clock(9), clock(8, 59))
        assert only_duty(session).state is DutyState.DONE


def test_spot_checks_come_once_a_day_at_lawful_hours_with_time_to_answer(
    database: Database, county: County, every_day: Settings
) -> None:
    with database.reading() as session:
        moments = [
            duties.spot_moment(
                session, county.case, date(2026, 1, 1) + timedelta(days=n), every_day
            )
            for n in range(365)
        ]
    hours = [moment.astimezone(LEGAL_ZONE).hour for moment in moments if moment]
    assert len(hours) == 365
    assert set(hours) == set(range(6, 20))
    with database.transaction(SYSTEM, "test") as session:
        moment = spot_day(session, county, every_day)
        assert duties.spot(session, moment + timedelta(minutes=1), every_day) == 0
        assert count(session) == 1


def test_a_share_of_the_days_has_a_spot_check(
    database: Database, county: County, settings: Settings
) -> None:
    with database.reading() as session:
        days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
        drawn = [duties.spot_moment(session, county.case, day, settings) for day in days]
    assert 60 < sum(moment is not None for moment in drawn) < 160  # 0.3 of 365, within 5 sigma


def test_a_spot_checks_clock_starts_with_the_proof_of_delivery(
    database: Database, county: County, every_day: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        moment = spot_day(session, county, every_day)
        duty = only_duty(session)
        assert (duty.state, duty.opens_at) == (DutyState.AWAITING_DELIVERY, None)
        notice = session.scalars(select(Notice)).one()
        assert notice.reference is not None
        arrived = moment + timedelta(minutes=7)
        notices.delivered(session, notice.reference, arrived, every_day)
        assert (duty.state, duty.opens_at) == (DutyState.DUE, arrived)
        notices.delivered(session, notice.reference, arrived + timedelta(minutes=9), every_day)
        assert duty.opens_at == arrived
        with pytest.raises(NotFound) as refusal:
            notices.delivered(session, "nobody", arrived, every_day)
        assert refusal.value.field == "reference"


def test_what_was_never_delivered_never_counts(
    database: Database, county: County, every_day: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        spot_day(session, county, every_day)
        assert duties.lapse(session, clock(23, 59), every_day) == 0
        assert only_duty(session).state is DutyState.AWAITING_DELIVERY
        assert duties.lapse(session, clock(24), every_day) == 0
        duty = only_duty(session)
        assert (duty.state, duty.void_reason) == (DutyState.VOID, "not_delivered")


@pytest.mark.parametrize(
    ("shown_at", "closes"),
    [
        (clock(20, 30), clock(22)),
        (clock(21, 45), clock(22)),
        (clock(21, 46), None),
        (clock(29, 59), None),
        (clock(30), clock(32)),
    ],
)
def test_the_clock_stays_inside_lawful_hours(
    database: Database,
    county: County,
    settings: Settings,
    shown_at: datetime,
    closes: datetime | None,
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        duty = duties.on_demand(session, case, clock(20), settings)
        notices.shown(session, case.person_id, shown_at, settings)
        assert duty.closes_at == closes
        assert duty.state is (DutyState.DUE if closes else DutyState.VOID)


def test_an_officer_asks_now_once_and_only_in_lawful_hours(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        for hour in (5, 22):
            with pytest.raises(Refused, match="hour"):
                duties.on_demand(session, case, clock(hour), settings)
        duty = duties.on_demand(session, case, clock(10), settings)
        assert duty.kind is DutyKind.ON_DEMAND
        assert duties.on_demand(session, case, clock(10, 5), settings) is duty
        case.move(CaseState.DETAINED, clock(11))
        with pytest.raises(Refused, match="suspended"):
            duties.on_demand(session, case, clock(11), settings)


def test_a_check_in_answers_a_request_that_was_not_proved_delivered(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        duty = duties.on_demand(session, session.get_one(Case, county.case), clock(10), settings)
        assert duties.settle(session, county.case, clock(9)) is None  # made before it was asked
        assert duties.settle(session, county.case, clock(10, 1)) is duty
        assert duty.state is DutyState.DONE


def test_an_officers_call_proves_delivery_only_when_the_person_was_reached(
    database: Database, county: County, settings: Settings
) -> None:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        duty = duties.on_demand(session, session.get_one(Case, county.case), clock(10), settings)
        notice = session.scalars(select(Notice)).one()
        notices.called(session, notice, officer, clock(10, 5), settings, reached=False)
        assert duty.state is DutyState.AWAITING_DELIVERY
        notices.called(session, notice, officer, clock(10, 9), settings, reached=True)
        assert (notice.state, notice.channel) == (NoticeState.DELIVERED, "call")
        assert (duty.state, duty.opens_at) == (DutyState.DUE, clock(10, 9))
        with pytest.raises(Refused, match="already arrived"):
            notices.called(session, notice, officer, clock(11), settings, reached=True)
