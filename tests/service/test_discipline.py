"""The ladder of rewards and penalties: each rung by its rule, each step by a person."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import points, sweep
from correction_service.db import Database
from correction_service.discipline import facts, measures
from correction_service.discipline.measures import File
from correction_service.settings import Settings
from models.case import Case, CaseState, Category
from models.checkin import CheckInDuty, DutyKind, DutyState
from models.discipline import Measure, MeasureKind, MeasureState
from models.errors import DomainError, Forbidden, Invalid, Refused
from models.leave import Leave, LeaveReason, LeaveState
from models.points import PointsDraft
from models.user import Role, User
from tests.county import DAY, NOW, County

K = MeasureKind
PAPER = "document:汇矫〔2026〕12号"
ADMONITION = File(
    kind=K.ADMONITION,
    limb="minor_breach",
    facts=[PAPER],
    found="两次未按规定报告",
    happened_on=DAY,
)
MEDICAL = File(
    kind=K.WARNING, limb="health_report", facts=[PAPER], found="未交复查情况", happened_on=DAY
)


def officer(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.OFFICER])


def head(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.COUNTY_HEAD])


def prepared(session: Session, county: County, file: File = ADMONITION) -> Measure:
    return measures.prepare(session, officer(session, county), county.case, file, NOW)


def decided(session: Session, county: County, file: File = ADMONITION) -> Measure:
    made = prepared(session, county, file)
    measures.hear(session, officer(session, county), made.id, "没有意见", NOW)
    return measures.decide(
        session, head(session, county), made.id, agreed=True, number="1号", reason="属实", now=NOW
    )


def refused(session: Session, county: County, file: File) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        prepared(session, county, file)
    return refusal.value


def missed(session: Session, county: County, number: int = 1) -> int:
    """A check-in that was missed, by its duty."""
    duty = CheckInDuty(
        case_id=county.case,
        kind=DutyKind.SCHEDULED,
        key=f"scheduled:{number}",
        opens_at=NOW - timedelta(hours=4),
        closes_at=NOW - timedelta(hours=2),
        missed_after=NOW - timedelta(hours=1),
        state=DutyState.MISSED,
    )
    session.add(duty)
    session.flush()
    return duty.id


def penalised(session: Session, county: County, *named: str) -> PointsDraft:
    """What the rulebook takes for an admonition on these facts, still to be confirmed."""
    points.install_default(session)
    made = decided(session, county, replace(ADMONITION, facts=named))
    return session.scalars(
        select(PointsDraft).where(PointsDraft.fact == f"measure:{made.id}")
    ).one()


@pytest.mark.parametrize(
    ("kind", "days", "field"),
    [
        (K.ADMONITION, 10, None),
        (K.ADMONITION, 11, "days"),
        (K.WARNING, 10, "days"),
        (K.WARNING, 11, None),
        (K.WARNING, None, "days"),
    ],
)
def test_ten_days_out_of_supervision_are_an_admonition_and_eleven_a_warning(
    database: Database, county: County, kind: K, days: int | None, field: str | None
) -> None:
    file = replace(ADMONITION, kind=kind, limb="late_or_out", days=days)
    with database.transaction(SYSTEM, "test") as session:
        if field is None:
            assert prepared(session, county, file).law == "IM 34 (S)" or kind is K.WARNING
        else:
            assert refused(session, county, file).field == field


@pytest.mark.parametrize(("days", "allowed"), [(31, False), (32, True)])
def test_more_than_a_calendar_month_may_lead_to_revocation(
    database: Database, county: County, days: int, *, allowed: bool
) -> None:
    october = date(2026, 10, 1)
    file = replace(
        ADMONITION,
        kind=K.REVOKE_SUSPENSION,
        limb="out_over_a_month",
        days=days,
        happened_on=october,
    )
    with database.transaction(SYSTEM, "test") as session:
        if allowed:
            assert prepared(session, county, file).kind is K.REVOKE_SUSPENSION
        else:
            assert refused(session, county, file).field == "days"


def test_public_surveillance_cannot_be_revoked(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.category = Category.PUBLIC_SURVEILLANCE
        for kind, limb in (
            (K.REVOKE_SUSPENSION, "other_serious"),
            (K.REVOKE_PAROLE, "other_breach"),
            (K.RECOMMITMENT, "serious_breach"),
        ):
            refusal = refused(session, county, replace(ADMONITION, kind=kind, limb=limb))
            assert str(refusal) == "Public surveillance cannot be revoked."


@pytest.mark.parametrize(
    ("category", "kind", "limb"),
    [
        (Category.SUSPENDED_SENTENCE, K.REVOKE_PAROLE, "other_breach"),
        (Category.PAROLE, K.REVOKE_SUSPENSION, "other_serious"),
        (Category.PAROLE, K.RECOMMITMENT, "serious_breach"),
    ],
)
def test_a_revocation_is_for_its_own_category(
    database: Database, county: County, category: Category, kind: K, limb: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).category = category
        file = replace(ADMONITION, kind=kind, limb=limb)
        assert refused(session, county, file).field == "kind"


def test_a_withheld_health_report_is_for_service_outside_prison(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert refused(session, county, MEDICAL).field == "limb"
        session.get_one(Case, county.case).category = Category.OUTSIDE_PRISON
        assert prepared(session, county, MEDICAL).law == "IM 35 (S)"


@pytest.mark.parametrize("fact", ["points:3", "entry:1", "score:red", "level:strict", "flag:7"])
def test_points_a_level_or_a_score_is_never_the_ground(
    database: Database, county: County, fact: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        refusal = refused(session, county, replace(ADMONITION, facts=[PAPER, fact]))
        assert isinstance(refusal, Refused)
        assert refusal.field == "facts"


def test_a_measure_rests_on_facts_of_this_person_that_somebody_found_true(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        duty = session.get_one(CheckInDuty, missed(session, county))
        duty.state = DutyState.DUE
        file = replace(ADMONITION, facts=[f"duty:{duty.id}"])
        for wrong in (file, replace(file, facts=[]), replace(file, facts=["duty:0", "duty:x"])):
            assert refused(session, county, wrong).field == "facts"
        duty.state = DutyState.MISSED
        assert prepared(session, county, file).facts[0].key == f"duty:{duty.id}"


def test_two_admonitions_and_no_change_is_a_finding_in_words_and_not_a_count(
    database: Database, county: County, settings: Settings
) -> None:
    unchanged = replace(ADMONITION, kind=K.WARNING, limb="unchanged")
    with database.transaction(SYSTEM, "test") as session:
        first, second = decided(session, county), decided(session, county)
        both = [f"measure:{first.id}", f"measure:{second.id}"]
        one = replace(unchanged, facts=both[:1], unchanged="仍不报告")
        assert refused(session, county, one).field == "facts"
        assert refused(session, county, replace(unchanged, facts=both)).field == "unchanged"
        measures.in_force(session, county.case, K.ADMONITION)
    assert sweep.run(database, DAY, NOW, settings).errors == []
    with database.transaction(SYSTEM, "test") as session:
        assert len(session.scalars(select(Measure)).all()) == 2  # the sweep drafts none
        made = prepared(session, county, replace(unchanged, facts=both, unchanged="仍不报告"))
        assert made.unchanged == "仍不报告"


def test_an_admonition_that_was_not_decided_does_not_count_as_one(
    database: Database, county: County
) -> None:
    unchanged = replace(ADMONITION, kind=K.WARNING, limb="unchanged", unchanged="仍不报告")
    with database.transaction(SYSTEM, "test") as session:
        both = [f"measure:{decided(session, county).id}", f"measure:{prepared(session, county).id}"]
        assert refused(session, county, replace(unchanged, facts=both)).field == "facts"


def test_a_commendation_asks_for_six_months_but_not_for_an_outstanding_deed(
    database: Database, county: County
) -> None:
    file = replace(ADMONITION, kind=K.COMMENDATION, limb="four_conditions")
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.reported_on = date(2026, 5, 21)
        assert refused(session, county, file).field == "limb"
        case.reported_on = date(2026, 5, 20)
        assert prepared(session, county, file).kind is K.COMMENDATION
        case.reported_on = date(2026, 11, 1)
        assert prepared(session, county, replace(file, limb="outstanding_deed")).limb


def test_the_person_is_heard_before_and_a_second_person_of_the_county_decides(
    database: Database, county: County
) -> None:
    agreed = {"agreed": True, "number": "1号", "reason": "属实", "now": NOW}
    with database.transaction(SYSTEM, "test") as session:
        made = prepared(session, county)
        with pytest.raises(Forbidden):
            measures.decide(session, officer(session, county), made.id, **agreed)  # type: ignore[arg-type]
        with pytest.raises(Refused, match="heard first"):
            measures.decide(session, head(session, county), made.id, **agreed)  # type: ignore[arg-type]
        own = measures.prepare(session, head(session, county), county.case, ADMONITION, NOW)
        measures.hear(session, head(session, county), own.id, "没有意见", NOW)
        with pytest.raises(Refused, match="other than who prepared"):
            measures.decide(session, head(session, county), own.id, **agreed)  # type: ignore[arg-type]


def test_the_guardian_of_a_minor_is_called_first(database: Database, county: County) -> None:
    agreed = {"agreed": True, "number": "1号", "reason": "属实", "now": NOW}
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).minor = True
        made = prepared(session, county)
        measures.hear(session, officer(session, county), made.id, "没有意见", NOW)
        with pytest.raises(Refused, match="guardian"):
            measures.decide(session, head(session, county), made.id, **agreed)  # type: ignore[arg-type]
        measures.call_guardian(session, officer(session, county), made.id, "母亲，电话", NOW)
        decision = measures.decide(session, head(session, county), made.id, **agreed)  # type: ignore[arg-type]
        assert decision.in_force


def test_a_decision_is_numbered_served_once_and_copied_once(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user, made = officer(session, county), prepared(session, county)
        with pytest.raises(Refused, match="not decided"):
            measures.serve(session, user, made.id, "当面", NOW)
        measures.hear(session, user, made.id, "没有意见", NOW)
        with pytest.raises(Invalid) as refusal:
            measures.decide(
                session, head(session, county), made.id,
                agreed=True, number=" ", reason="属实", now=NOW,
            )  # fmt: skip
        assert refusal.value.field == "number"
        made = decided(session, county)
        assert measures.served(session, county.case) == []
        measures.serve(session, user, made.id, "当面", NOW)
        measures.copy(session, user, made.id, "〔2026〕3号", NOW)
        assert measures.served(session, county.case) == [made]
        for verb in (measures.serve, measures.copy):
            with pytest.raises(Refused):
                verb(session, user, made.id, "再次", NOW)


def test_the_police_decide_a_public_security_penalty_and_only_then_it_is_in_force(
    database: Database, county: County
) -> None:
    file = replace(ADMONITION, kind=K.PUBLIC_SECURITY, limb="breach")
    with database.transaction(SYSTEM, "test") as session:
        made = decided(session, county, file)
        assert not made.in_force
        assert measures.in_force(session, county.case, K.PUBLIC_SECURITY) == []
        measures.answered(
            session, officer(session, county), made.id, granted=True, outcome="公罚1号", now=NOW
        )
        assert made.state is MeasureState.GRANTED
        assert measures.in_force(session, county.case, K.PUBLIC_SECURITY) == [made]


@pytest.mark.parametrize(("hours_after_end", "ground"), [(-1, False), (1, True)])
def test_a_leave_is_a_ground_only_where_its_return_was_late(
    database: Database, county: County, hours_after_end: int, *, ground: bool
) -> None:
    ended = NOW - timedelta(days=3)
    with database.transaction(SYSTEM, "test") as session:
        leave = Leave(
            case_id=county.case,
            reason=LeaveReason.FAMILY,
            divisions=["520302"],
            starts_at=ended - timedelta(days=2),
            ends_at=ended,
            note="准假1号",
            state=LeaveState.RETURNED,
            return_said_at=ended + timedelta(hours=hours_after_end),
            returned_at=NOW,  # the office signed it off when it opened again
        )
        session.add(leave)
        session.flush()
        file = replace(ADMONITION, facts=[f"leave:{leave.id}"])
        if ground:
            assert prepared(session, county, file).facts
        else:
            assert refused(session, county, file).field == "facts"


def test_a_measure_is_a_ground_only_while_it_is_in_force(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = decided(session, county)
        made = prepared(session, county)
        measures.decide(
            session, head(session, county), made.id, agreed=False, number="", reason="不实", now=NOW
        )
        named = [name for name, _ in facts.candidates(session, made.case)]
        assert named == [f"measure:{first.id}"]
        file = replace(ADMONITION, facts=[f"measure:{made.id}"])
        assert refused(session, county, file).field == "facts"


def test_nothing_is_prepared_for_a_case_that_ended(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).move(CaseState.RELEASED, NOW)
        assert refused(session, county, ADMONITION).code == "case_ended"
