"""The procurator's seat: what the register shows, the lists; only their own agencies."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.law import watch_rules
from correction_service.law.tables import Mark
from correction_service.oversight import opinions, registers, watching
from correction_service.oversight.opinions import Writing
from correction_service.oversight.watching import WATCHES, Fact
from correction_service.people import looks
from models.agency import Agency, AgencyLevel
from models.assessment import Objection, PointsPublication
from models.audit import AuditRecord
from models.case import Case, CaseState, TeamMember
from models.checkin import CheckInDuty, DutyKind, DutyState
from models.clock import LegalClock
from models.device import Binding
from models.discipline import FactKind, Measure, MeasureFact, MeasureKind, MeasureState
from models.errors import NotFound
from models.identity import Sex
from models.incident import Cause, Incident, IncidentKind, IncidentState, Severity
from models.opinion import OpinionKind
from models.order import PositioningOrder
from models.order_paper import OrderPaper, Paper
from models.points import PointsEntry
from models.user import Role, User
from tests.county import DAY, NOW, County, add_draft
from tests.pages import SignedInClient
from tests.tracked import Tracked

LONG_AGO, DAYS = NOW - timedelta(days=90), timedelta(days=1)


def user(session: Session, county: County, role: Role) -> User:
    return session.get_one(User, county.users[role])


def listed(
    database: Database, county: County, name: str, role: Role = Role.PROCURATOR
) -> list[Fact]:
    with database.reading() as session:
        found = watching.noticed(session, user(session, county, role), name, NOW)
        assert {it.case.id for it in found} <= {county.case}
        return [it.fact for it in found]


def set_case(database: Database, county: County, **fields: object) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        for name, value in fields.items():
            setattr(case, name, value)


def breach(session: Session, county: County, days_ago: int, cause: Cause) -> int:
    at = NOW - days_ago * DAYS
    made = Incident(
        case_id=county.case, kind=IncidentKind.LEFT_HOME_AREA, severity=Severity.SOON,
        rule="LCC 27", since=at, opened_at=at, last_seen_at=at, closed_at=at, facts={},
        state=IncidentState.CLOSED, cause=cause,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made.id


def decided(county: County, **fields: object) -> Measure:
    made = Measure(
        case_id=county.case, kind=MeasureKind.ADMONITION, limb="minor_breach", law="IM 34 (S)",
        found="未报告", happened_on=DAY, prepared_by=county.users[Role.OFFICER],
        prepared_at=LONG_AGO, state=MeasureState.DECIDED, number="训 1",
        decided_by=county.users[Role.COUNTY_HEAD], decided_at=LONG_AGO, decision="同意",
        statement="无异议",
    )  # fmt: skip
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(("days", "found"), [(29, []), (30, [Fact.INCIDENT_FOUND_TRUE])])
def test_breach_unpunished_is_listed_from_its_day_on(
    database: Database, county: County, days: int, found: list[Fact]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        breach(session, county, days, Cause.LEFT_WITHOUT_APPROVAL)
        breach(session, county, 90, Cause.POSITION_DRIFT)
    assert listed(database, county, "breach_unpunished") == found


def test_breach_unpunished_is_not_listed_once_a_measure_rests_on_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        number = breach(session, county, 90, Cause.TAMPERED)
        fact = MeasureFact(kind=FactKind.INCIDENT, reference=str(number))
        session.add(decided(county, facts=[fact]))
    assert listed(database, county, "breach_unpunished") == []


def custody_clock(county: County) -> LegalClock:
    return LegalClock(
        case_id=county.case, rule="arrest_custody", starts_at=NOW - DAYS, due_at=None,
        exact=True, basis="LCC 47 V", note="逮捕决定书",
    )  # fmt: skip


def asked_in_custody(county: County) -> CheckInDuty:
    opens = NOW - 2 * DAYS
    return CheckInDuty(
        case_id=county.case, kind=DutyKind.SCHEDULED, key="x", state=DutyState.MISSED,
        opens_at=opens, closes_at=opens + timedelta(hours=2), missed_after=NOW - DAYS,
    )  # fmt: skip


def test_detained_not_suspended_lists_a_clock_of_custody_beside_a_case_that_runs(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(custody_clock(county))
    assert listed(database, county, "detained_not_suspended") == [Fact.CUSTODY_CLOCK_RUNS]
    set_case(database, county, state=CaseState.DETAINED)
    assert listed(database, county, "detained_not_suspended") == []


def test_detained_not_suspended_lists_what_was_asked_and_taken_in_custody(
    database: Database, county: County
) -> None:
    set_case(database, county, state=CaseState.DETAINED, state_since=NOW - 5 * DAYS)
    with database.transaction(SYSTEM, "test") as session:
        session.add(asked_in_custody(county))
        draft = add_draft(session, county.case, "checkin_missed", "duty:9")
        for day in (DAY - 6 * DAYS, DAY - 3 * DAYS):  # of before and of during
            session.add(
                PointsEntry(
                    case_id=county.case, rulebook_id=draft.rulebook_id, item=draft.item,
                    points=-5, happened_on=day, reason="未签到", made_at=NOW - 2 * DAYS,
                    made_by=county.users[Role.OFFICER],
                )
            )  # fmt: skip
    found = listed(database, county, "detained_not_suspended")
    assert sorted(found) == [Fact.ASKED_IN_CUSTODY, Fact.DEDUCTED_IN_CUSTODY]


@pytest.mark.parametrize(("days", "found"), [(13, []), (14, [Fact.NOT_REPORTED_IN])])
def test_late_without_action_is_listed_three_days_after_the_last_day(
    database: Database, county: County, days: int, found: list[Fact]
) -> None:
    waiting = {"state": CaseState.AWAITING_REPORT, "reported_on": None}
    set_case(database, county, **waiting, effective_on=DAY - days * DAYS)
    assert listed(database, county, "late_without_action") == found


def test_late_without_action_ends_with_a_measure(database: Database, county: County) -> None:
    reported = date(2026, 11, 12)  # effective on 1 November: the tenth day is the eleventh
    set_case(database, county, reported_on=reported)
    assert listed(database, county, "late_without_action") == [Fact.REPORTED_IN_LATE]
    with database.transaction(SYSTEM, "test") as session:
        session.add(decided(county))
    assert listed(database, county, "late_without_action") == []


def test_order_over_still_worn_is_listed_until_the_bracelet_is_off(
    database: Database, county: County, tracked: Tracked
) -> None:
    assert listed(database, county, "order_over_still_worn") == []
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(PositioningOrder, tracked.order).lifted_at = NOW - DAYS
    assert listed(database, county, "order_over_still_worn") == [Fact.BRACELET_ON]
    with database.transaction(SYSTEM, "test") as session:
        session.scalars(select(Binding)).one().unbound_at = NOW
    assert listed(database, county, "order_over_still_worn") == []


def test_copy_missing_lists_orders_and_decisions(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(OrderPaper(order_id=tracked.order, kind=Paper.PROCURATORATE_COPY))
        session.add(decided(county, decided_at=NOW - 5 * DAYS))
        session.add(decided(county, decided_at=NOW - 4 * DAYS))  # still in time
    both = [Fact.DECISION_NOT_COPIED, Fact.ORDER_NOT_COPIED]
    assert sorted(listed(database, county, "copy_missing")) == both
    with database.transaction(SYSTEM, "test") as session:
        session.scalars(select(OrderPaper)).one().send(county.users[Role.OFFICER], NOW, "函 1")
    assert listed(database, county, "copy_missing") == [Fact.DECISION_NOT_COPIED]


def objection(session: Session, county: County, due_on: date) -> None:
    draft = add_draft(session, county.case, "checkin_missed", f"duty:{due_on.day}")
    entry = draft.confirm(county.users[Role.OFFICER], NOW, "未签到")
    session.add(
        Objection(
            entry=entry, case_id=county.case, text="系统故障", made_at=NOW, timely=True,
            holds=True, due_on=due_on,
        )
    )  # fmt: skip


def test_objection_unanswered_is_listed_once_its_day_is_past(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        objection(session, county, DAY)
    assert listed(database, county, "objection_unanswered") == []
    with database.transaction(SYSTEM, "test") as session:
        objection(session, county, DAY - DAYS)
    assert listed(database, county, "objection_unanswered") == [Fact.OBJECTION_OPEN]


def test_every_rule_is_data_with_a_mark_a_source_and_innocent_explanations() -> None:
    rules = watch_rules.rules()
    assert set(rules) == set(WATCHES)
    for rule in rules.values():
        assert (rule.mark, bool(rule.source), bool(rule.basis)) == (Mark.RECALLED, True, True)
        assert all(set(words) == {"en", "zh"} for words in (rule.said, rule.source, *rule.innocent))
        assert rule.innocent


def test_a_procurator_sees_only_the_agencies_that_they_stand_for(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        breach(session, county, 90, Cause.TAMPERED)
        elsewhere = Agency(name="红花岗区", level=AgencyLevel.COUNTY, division="520302")
        session.add(elsewhere)
        session.flush()
        user(session, county, Role.PROCURATOR).agency_id = elsewhere.id
    assert listed(database, county, "breach_unpunished") == []
    with database.transaction(SYSTEM, "test") as session:
        procurator = user(session, county, Role.PROCURATOR)
        assert session.scalars(registers.measures(procurator)).all() == []
        for named in ({"case_id": county.case}, {"agency_id": county.agency}):
            writing = Writing(kind=OpinionKind.SUGGESTION, text="x", number="1", **named)
            with pytest.raises(NotFound):
                opinions.enter(session, procurator, writing, NOW)


def test_what_a_minor_s_rights_are_is_read_from_the_file(
    database: Database, county: County
) -> None:
    set_case(database, county, minor=True)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.team.append(TeamMember(name="李某", sex=Sex.MALE, part="guardian"))
        session.add_all([decided(county), decided(county, guardian="父亲到场")])
        session.add(
            PointsPublication(
                agency_id=county.agency, month=date(2026, 10, 1), lines=[[county.case, 98]],
                made_by=county.users[Role.COUNTY_HEAD], made_at=NOW,
            )
        )  # fmt: skip
        procurator = user(session, county, Role.PROCURATOR)
        (it,) = registers.rights(session, session.scalars(registers.minors(procurator)).all())
    assert (it.parts, it.penalties, it.guardian_called) == (("officer", "guardian"), 2, 1)
    assert (it.published, it.guardian_clock) == (True, False)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_seat_is_read_only_and_every_look_at_a_list_is_logged_with_its_purpose(
    database: Database, county: County, client_of: SignedInClient, tracked: Tracked
) -> None:
    set_case(database, county, minor=True)
    with database.transaction(SYSTEM, "test") as session:
        breach(session, county, 90, Cause.TAMPERED)
        session.add(decided(county))
        objection(session, county, DAY)
        person = session.get_one(Case, county.case).person_id
    procurator = client_of(Role.PROCURATOR)
    assert procurator.get("/").location == "/oversight/"
    home = procurator.get("/oversight/").text
    assert "Legal supervision" in home
    assert "测试1" not in home
    for path in (
        *(f"watch/{name}" for name in WATCHES),
        *(f"lists/{it}" for it in registers.Register),
    ):
        assert procurator.get(f"/oversight/{path}").status_code == 200
    page = procurator.get("/oversight/watch/breach_unpunished").text
    assert "测试1" in page
    assert "so slight that no rung" in page
    assert ">R<" in page
    assert procurator.get("/oversight/watch/x").status_code == 404
    assert procurator.get("/oversight/lists/x").status_code == 404
    with database.reading() as session:
        seen = select(AuditRecord.subject_id).where(AuditRecord.action == "oversee_case")
        assert set(session.scalars(seen)) == {str(county.case)}
        purposes = {look.purpose for look in looks.of(session, person, NOW + 400 * DAYS)[:1]}
    assert purposes <= {looks.OVERSIGHT}
