"""The sweep finds who may be slipping away, says why, and repeats itself harmlessly."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Self, TypeVar

import pytest
from sqlalchemy import Select, event, func, select, text
from sqlalchemy.orm import Session

from correction_service import incidents, jobs, points, sweep
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.settings import Settings
from models.agency import Office
from models.case import Case, CaseState, Category
from models.checkin import (
    CheckIn,
    CheckInDuty,
    CheckInReview,
    DutyKind,
    DutyState,
    Liveness,
    Outcome,
    ReviewDecision,
    Way,
)
from models.device import Binding, Device, DeviceState, Gateway
from models.errors import Invalid, Refused
from models.incident import Cause, Incident, IncidentKind
from models.job import JobRun, JobState
from models.order import Ground, PositioningOrder
from models.outbox import Outbox
from models.points import DraftState, PointsDraft, PointsEntry
from models.risk import INNOCENT, SENTENCES, FlagKind, FlagState, RiskFlag
from models.user import Role
from tests.county import NOW, County, add_draft, make_case

T = TypeVar("T")
TODAY = date(2026, 11, 20)  # NOW is 16:00 in Shanghai


def add_case(database: Database, county: County, number: int, **fields: object) -> int:
    with database.transaction(SYSTEM, "test") as session:
        case = make_case(session, session.get_one(Office, county.office), number, **fields)
        session.flush()
        return case.id


def add_duty(database: Database, case_id: int, state: DutyState, **fields: object) -> int:
    """A duty of this morning, 9:00 to 11:00 in Shanghai, over at 13:00."""
    opens = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
    values = {
        "kind": DutyKind.SCHEDULED,
        "key": f"scheduled:{TODAY}",
        "opens_at": opens,
        "closes_at": opens + timedelta(hours=2),
        "missed_after": opens + timedelta(hours=4),
    }
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        duty = CheckInDuty(case_id=case_id, state=state, **(values | fields))
        session.add(duty)
        session.flush()
        return duty.id


def check_in(database: Database, case_id: int, at: datetime, outcome: Outcome) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(
            CheckIn(
                case_id=case_id,
                at=at,
                way=Way.PHONE,
                outcome=outcome,
                liveness=Liveness.NOT_JUDGED,
                reasons=[],
                answers={},
                receipt=f"{at:%H%M%S}",
            )
        )


def add_order(database: Database, county: County, case_id: int, ends_at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(
            PositioningOrder(
                case_id=case_id,
                ground=Ground.LEFT_WITHOUT_APPROVAL,
                evidence="x",
                starts_at=ends_at - timedelta(days=80),
                ends_at=ends_at,
                approved_by=county.users[Role.COUNTY_HEAD],
                approved_at=NOW,
            )
        )


def wear(database: Database, county: County, case_id: int, heard_at: datetime | None) -> None:
    with database.transaction(SYSTEM, "test") as session:
        gateway = Gateway(name="g1", agency_id=county.agency, secret_hash="x", online=True)
        device = Device(name="b1", gateway=gateway)
        session.add_all(
            [device, Binding(device=device, case_id=case_id, bound_at=NOW - timedelta(days=3))]
        )
        session.flush()
        if heard_at:
            session.add(DeviceState(device_id=device.id, heard_at=heard_at, battery=0.1, zones=b""))


def detached(session: Session, query: Select[T]) -> list[T]:
    rows = list(session.scalars(query))
    session.expunge_all()
    return rows


def flags(database: Database, kind: FlagKind) -> Sequence[RiskFlag]:
    with database.reading() as session:
        query = select(RiskFlag).where(RiskFlag.kind == kind).order_by(RiskFlag.id)
        return detached(session, query)


def drafts(database: Database) -> Sequence[PointsDraft]:
    with database.reading() as session:
        return detached(session, select(PointsDraft).order_by(PointsDraft.id))


@pytest.mark.parametrize(("moment", "late"), [("2026-11-11T15:59", 0), ("2026-11-11T16:00", 1)])
def test_reporting_in_is_late_from_the_eleventh_shanghai_day(
    database: Database, county: County, settings: Settings, moment: str, late: int
) -> None:
    waiting = {"state": CaseState.AWAITING_REPORT, "reported_on": None}
    add_case(database, county, 2, **waiting, effective_on=date(2026, 11, 1))
    add_case(
        database,
        county,
        3,
        **waiting,
        effective_on=date(2026, 10, 1),
        category=Category.OUTSIDE_PRISON,
    )  # fmt: skip - handed over by the custodian, so not this person's lateness
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    day = date(2026, 11, 11 + late)
    result = sweep.run(database, day, now, settings)
    assert result.flags["late_to_report"] == late
    for flag in flags(database, FlagKind.LATE_TO_REPORT):
        assert flag.law == "LCC 21"
        assert flag.due == datetime(2026, 11, 11, 16, 0, tzinfo=UTC)  # the end of 11 November
        assert flag.reasons[0]["facts"] == {"by": "2026-11-11"}


def test_every_reason_has_its_sentence_and_its_innocent_explanations(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    check_in(database, county.case, NOW - timedelta(hours=6, minutes=30), Outcome.POOR_IMAGE)
    add_order(database, county, county.case, NOW + timedelta(days=15))
    wear(database, county, county.case, NOW - timedelta(minutes=61))
    sweep.run(database, TODAY, NOW, settings)
    with database.reading() as session:
        found = detached(session, select(RiskFlag))
    assert {flag.kind for flag in found} == {
        FlagKind.CHECKIN_MISSED,
        FlagKind.DEVICE_SILENT,
        FlagKind.ORDER_ENDING,
    }
    for reason in (reason for flag in found for reason in flag.reasons):
        assert SENTENCES[reason["fact"]] % reason["facts"]
        assert set(reason["innocent"]) <= set(INNOCENT)


def test_a_sweep_again_finds_the_same_and_writes_nothing_new(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    first = sweep.run(database, TODAY, NOW, settings)
    assert (first.flags["checkin_missed"], first.drafts, first.errors) == (1, 1, [])
    with database.reading() as session:
        rows = session.scalar(select(func.count()).select_from(Outbox))
    again = sweep.run(database, TODAY, NOW + timedelta(minutes=10), settings)
    assert (again.flags, again.drafts, again.passed) == (first.flags, 0, 0)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RiskFlag)) == 1
        assert session.scalar(select(func.count()).select_from(PointsDraft)) == 1
        assert session.scalar(select(func.count()).select_from(Outbox)) == rows
        run = session.scalars(select(JobRun)).one()
        assert (run.state, run.runs, run.result) == (JobState.DONE, 2, again.as_json())


def test_a_missed_duty_becomes_a_flag_and_a_draft_with_its_evidence(
    database: Database, county: County, settings: Settings
) -> None:
    duty = add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    [flag] = flags(database, FlagKind.CHECKIN_MISSED)
    assert (flag.key, flag.state, flag.day) == (f"duty:{duty}", FlagState.OPEN, TODAY)
    [draft] = drafts(database)
    assert (draft.item, draft.points, draft.fact) == ("checkin_missed", -5, f"duty:{duty}")
    assert draft.happened_on == TODAY
    assert draft.evidence["closes_at"] == "2026-11-20T03:00:00+00:00"


def test_a_try_that_failed_is_flagged_but_never_drafted(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    check_in(database, county.case, datetime(2026, 11, 20, 1, 30, tzinfo=UTC), Outcome.UNCERTAIN)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["checkin_missed"], result.drafts) == (1, 0)
    [flag] = flags(database, FlagKind.CHECKIN_MISSED)
    assert "tries_not_counted" in {reason["fact"] for reason in flag.reasons}


@pytest.mark.parametrize(("minute", "drafted"), [(55, 0), (61, 1)])
def test_lateness_after_a_fault_of_ours_inside_the_window_costs_nothing(
    database: Database, county: County, settings: Settings, minute: int, drafted: int
) -> None:
    add_duty(database, county.case, DutyState.LATE)
    ten = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai, the window closes at 11
    check_in(database, county.case, ten + timedelta(minutes=minute), Outcome.FAULT)
    check_in(database, county.case, ten + timedelta(minutes=63), Outcome.MATCH)
    assert sweep.run(database, TODAY, NOW, settings).drafts == drafted


def confirm_only_draft(database: Database, county: County) -> int:
    with database.transaction(SYSTEM, "test") as session:
        draft = session.scalars(select(PointsDraft)).one()
        return points.confirm(session, draft, county.users[Role.OFFICER], NOW, "核实").id


def test_a_deducted_duty_that_is_settled_otherwise_is_shown_to_an_officer_and_not_deducted_again(
    database: Database, county: County, settings: Settings
) -> None:
    duty_id = add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    entry = confirm_only_draft(database, county)
    assert sweep.run(database, TODAY, NOW, settings).flags["deduction_moot"] == 0
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(CheckInDuty, duty_id).settle(NOW)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["deduction_moot"], result.drafts) == (1, 0)
    [flag] = flags(database, FlagKind.DEDUCTION_MOOT)
    assert (flag.key, flag.reasons[0]["facts"]) == (f"entry:{entry}", {"points": 5})
    with database.transaction(SYSTEM, "test") as session:
        row = session.get_one(PointsEntry, entry)
        points.reverse(session, row, county.users[Role.OFFICER], NOW, "当日迟到")
    assert sweep.run(database, TODAY, NOW, settings).drafts == 1  # the lateness alone
    [flag] = flags(database, FlagKind.DEDUCTION_MOOT)
    assert flag.state is FlagState.PASSED


def closed_incident(database: Database, county: County, cause: Cause) -> int:
    officer = county.users[Role.OFFICER]
    with database.transaction(SYSTEM, "test") as session:
        seen = incidents.Seen(
            kind=IncidentKind.LEFT_HOME_AREA,
            case_id=county.case,
            device_id=None,
            since=NOW - timedelta(hours=9),
            at=NOW - timedelta(hours=8),
        )
        points.install_default(session)
        incident = incidents.open_or_update(session, seen, NOW - timedelta(hours=8))
        incidents.close(session, incident, officer, NOW, cause=cause, note="问清")
        return incident.id


@pytest.mark.parametrize(
    ("cause", "drafted"), [(Cause.LEFT_WITHOUT_APPROVAL, 1), (Cause.APPROVED_ABSENCE, 0)]
)
def test_leaving_without_approval_is_drafted_once_an_officer_found_it(
    database: Database, county: County, settings: Settings, cause: Cause, drafted: int
) -> None:
    incident = closed_incident(database, county, cause)
    assert sweep.run(database, TODAY, NOW, settings).drafts == drafted
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0
    expected = [("left_without_approval", -15, f"incident:{incident}", TODAY)] * drafted
    assert [(d.item, d.points, d.fact, d.happened_on) for d in drafts(database)] == expected


def test_an_incident_opened_again_takes_its_draft_back(
    database: Database, county: County, settings: Settings
) -> None:
    incident_id = closed_incident(database, county, Cause.LEFT_WITHOUT_APPROVAL)
    sweep.run(database, TODAY, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        incident = session.get_one(Incident, incident_id)
        incidents.reopen(session, incident, county.users[Role.OFFICER], NOW, "复核")
    assert sweep.run(database, TODAY, NOW, settings).passed == 1
    assert [draft.state for draft in drafts(database)] == [DraftState.REFUSED]


def review(database: Database, county: County, decision: ReviewDecision) -> None:
    with database.transaction(SYSTEM, "test") as session:
        checkin_id = session.scalars(select(CheckIn.id)).one()
        officer = county.users[Role.OFFICER]
        points.install_default(session)
        session.add(
            CheckInReview(checkin_id=checkin_id, decision=decision, note="x", by=officer, at=NOW)
        )


def test_a_check_in_found_not_to_be_the_person_is_drafted_and_a_later_match_takes_it_back(
    database: Database, county: County, settings: Settings
) -> None:
    check_in(database, county.case, NOW - timedelta(hours=1), Outcome.NO_MATCH)
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0  # no machine makes it a fact
    for decision in (ReviewDecision.NO_MATCH, ReviewDecision.NO_MATCH):
        review(database, county, decision)
        sweep.run(database, TODAY, NOW, settings)
    [draft] = drafts(database)
    assert (draft.item, draft.points) == ("verification_avoided", -3)
    review(database, county, ReviewDecision.MATCH)
    assert sweep.run(database, TODAY, NOW, settings).passed == 1
    [draft] = drafts(database)
    assert (draft.state, draft.decided_by) == (DraftState.REFUSED, None)


def test_an_excused_incident_is_not_drafted(
    database: Database, county: County, settings: Settings
) -> None:
    incident = closed_incident(database, county, Cause.LEFT_WITHOUT_APPROVAL)
    with database.transaction(SYSTEM, "test") as session:
        draft = add_draft(session, county.case, "false_material", f"incident:{incident}")
        officer = county.users[Role.OFFICER]
        points.refuse(session, draft, officer, NOW, "住院", excuse="illness")
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0


def test_after_the_term_nothing_is_drafted_or_flagged_as_missed(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).term_end = date(2026, 11, 19)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["checkin_missed"], result.drafts) == (0, 0)


@pytest.mark.parametrize("state", [DutyState.VOID, DutyState.DONE, DutyState.AWAITING_DELIVERY])
def test_what_is_void_done_or_undelivered_costs_nothing(
    database: Database, county: County, settings: Settings, state: DutyState
) -> None:
    add_duty(database, county.case, state)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["checkin_missed"], result.drafts) == (0, 0)


def test_a_detained_person_is_neither_flagged_nor_drafted(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).move(CaseState.DETAINED, NOW)
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["checkin_missed"], result.drafts) == (0, 0)


def test_a_missed_duty_answered_late_passes_and_costs_only_the_lateness(
    database: Database, county: County, settings: Settings
) -> None:
    duty_id = add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(CheckInDuty, duty_id).settle(NOW)
    result = sweep.run(database, TODAY, NOW + timedelta(minutes=10), settings)
    assert (result.passed, result.drafts) == (2, 1)
    assert [flag.state for flag in flags(database, FlagKind.CHECKIN_MISSED)] == [FlagState.PASSED]
    assert [(draft.item, draft.state) for draft in drafts(database)] == [
        ("checkin_missed", DraftState.REFUSED),
        ("checkin_late", DraftState.DRAFT),
    ]


def test_an_excused_fact_is_not_drafted_again_as_another_item(
    database: Database, county: County, settings: Settings
) -> None:
    duty_id = add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        draft = session.scalars(select(PointsDraft)).one()
        officer = county.users[Role.OFFICER]
        points.refuse(session, draft, officer, NOW, "住院", excuse="illness")
        session.get_one(CheckInDuty, duty_id).settle(NOW)
    assert sweep.run(database, TODAY, NOW, settings).drafts == 0


@pytest.mark.parametrize(("heard_minutes_ago", "silent"), [(59, 0), (61, 1), (None, 1)])
def test_a_bracelet_under_order_is_silent_after_an_hour_and_heard_again_passes(
    database: Database,
    county: County,
    settings: Settings,
    heard_minutes_ago: int | None,
    silent: int,
) -> None:
    heard = NOW - timedelta(minutes=heard_minutes_ago) if heard_minutes_ago else None
    wear(database, county, county.case, heard)
    assert sweep.run(database, TODAY, NOW, settings).flags["device_silent"] == 0  # no order
    add_order(database, county, county.case, NOW + timedelta(days=40))
    assert sweep.run(database, TODAY, NOW, settings).flags["device_silent"] == silent
    with database.transaction(SYSTEM, "test") as session:
        device = session.scalars(select(Device)).one()
        session.merge(DeviceState(device_id=device.id, heard_at=NOW, zones=b""))
    assert sweep.run(database, TODAY, NOW, settings).passed == silent


@pytest.mark.parametrize(("days", "warning"), [(16, None), (15, 15), (4, 15), (3, 3), (0, 3)])
def test_an_order_is_warned_of_fifteen_and_three_days_before_its_end(
    database: Database, county: County, settings: Settings, days: int, warning: int | None
) -> None:
    add_order(database, county, county.case, NOW + timedelta(days=days, hours=1))
    sweep.run(database, TODAY, NOW, settings)
    keys = [flag.key.rsplit(":", 1)[1] for flag in flags(database, FlagKind.ORDER_ENDING)]
    assert keys == ([] if warning is None else [str(warning)])


def test_an_extended_order_is_not_warned_of(
    database: Database, county: County, settings: Settings
) -> None:
    add_order(database, county, county.case, NOW + timedelta(days=2))
    add_order(database, county, county.case, NOW + timedelta(days=60))
    assert sweep.run(database, TODAY, NOW, settings).flags["order_ending"] == 0


@pytest.mark.parametrize(("term_end", "ending"), [(20, 1), (21, 0)])
def test_a_term_is_warned_of_thirty_days_before_its_end(
    database: Database, county: County, settings: Settings, term_end: int, ending: int
) -> None:
    add_case(database, county, 2, term_end=date(2026, 12, term_end))
    assert sweep.run(database, TODAY, NOW, settings).flags["term_ending"] == ending


def test_a_record_that_cannot_be_written_is_named_and_the_others_are_swept(
    database: Database, county: County, settings: Settings
) -> None:
    cases = [add_case(database, county, number) for number in range(2, 7)]
    for case in cases:
        add_duty(database, case, DutyState.MISSED)
    refuse_rows_of(database, cases[2])
    result = sweep.run(database, TODAY, NOW, settings)
    assert (result.flags["checkin_missed"], result.drafts) == (4, 5)
    [error] = result.errors
    assert (error["part"], error["subject"]) == ("checkin_missed", f"case {cases[2]}")
    flagged = {flag.case_id for flag in flags(database, FlagKind.CHECKIN_MISSED)}
    assert flagged == set(cases) - {cases[2]}


def refuse_rows_of(database: Database, case_id: int) -> None:
    """Make the database itself refuse this case's flags."""
    when = f"BEFORE INSERT ON risk_flag WHEN NEW.case_id = {case_id}"
    statement = {
        "sqlite": f"CREATE TRIGGER poison {when} BEGIN SELECT RAISE(ABORT, 'poison'); END",
        "postgresql": f"ALTER TABLE risk_flag ADD CONSTRAINT poison CHECK (case_id <> {case_id})",
    }[database.engine.dialect.name]
    with database.engine.begin() as connection:
        connection.execute(text(statement))


def test_a_record_that_cannot_be_read_is_named_and_its_open_flag_stays(
    database: Database, county: County, settings: Settings
) -> None:
    duty = add_duty(database, county.case, DutyState.MISSED)
    sweep.run(database, TODAY, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(CheckInDuty, duty).opens_at = None
    result = sweep.run(database, TODAY, NOW, settings)
    assert [error["subject"] for error in result.errors] == [f"case {county.case}"]
    assert [flag.state for flag in flags(database, FlagKind.CHECKIN_MISSED)] == [FlagState.OPEN]


def test_a_day_that_is_over_is_swept_again_by_hand_without_passing_anything(
    database: Database, county: County, settings: Settings
) -> None:
    add_duty(database, county.case, DutyState.MISSED)
    later = NOW + timedelta(days=2)
    wear(database, county, county.case, None)
    add_order(database, county, county.case, NOW + timedelta(days=40))
    for drafted in (1, 0):
        result = sweep.run(database, TODAY, later, settings)
        assert (result.flags["checkin_missed"], result.drafts) == (1, drafted)
        assert "device_silent" not in result.flags
    with pytest.raises(Invalid) as refusal:
        sweep.run(database, TODAY + timedelta(days=3), later, settings)
    assert refusal.value.field == "day"


def test_two_sweeps_of_a_day_do_not_run_at_once_and_a_dead_one_is_taken_over(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert jobs.claim(session, sweep.JOB, TODAY, NOW) is not None
    with pytest.raises(Refused, match="running already"):
        sweep.run(database, TODAY, NOW, settings)
    assert sweep.run(database, TODAY, NOW + timedelta(minutes=16), settings).errors == []


def test_a_sweep_asks_the_database_as_often_for_many_as_for_few(
    database: Database, county: County, settings: Settings
) -> None:
    counts = []
    for numbers in (range(2, 4), range(4, 24)):
        for number in numbers:
            case = add_case(database, county, number)
            add_duty(database, case, DutyState.MISSED)
        with StatementCount(database) as counted:
            sweep.run(database, TODAY, NOW, settings)
        counts.append(counted.reads)
    assert counts[0] == counts[1]


class StatementCount:
    """Counts SELECT statements sent to a database."""

    def __init__(self, database: Database) -> None:
        self.engine, self.reads = database.engine, 0

    def __enter__(self) -> Self:
        event.listen(self.engine, "before_cursor_execute", self._count)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._count)

    def _count(self, _c: object, _cursor: object, statement: str, *_: object) -> None:
        self.reads += statement.startswith("SELECT")
