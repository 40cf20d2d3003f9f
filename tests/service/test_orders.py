"""Orders to position: five grounds with their facts, three months, an assessment before more."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import order_facts, order_papers, orders, worklist
from correction_service.casework.order_facts import Fact
from correction_service.casework.orders import Wanted
from correction_service.db import Database
from models.case import Case
from models.discipline import Measure, MeasureKind, MeasureState
from models.errors import DomainError, Forbidden, Invalid, NotFound, Refused
from models.incident import Cause, Incident, IncidentKind, IncidentState, Severity
from models.leave import Leave, LeaveReason, LeaveState
from models.notice import Notice
from models.order import ASKED, TERM_MONTHS, Ground, PositioningOrder
from models.order_evidence import EvidenceKind, OrderEvidence, evidence_kind
from models.order_paper import OrderAssessment, Paper
from models.user import Role, User
from tests.county import DAY, NOW, County
from tests.pages import SignedInClient

STATEMENT = Fact("document", None, "询问笔录 3")
FACT_OF = {
    Ground.PROHIBITION_BREACHED: STATEMENT,
    Ground.LEFT_WITHOUT_APPROVAL: STATEMENT,
    Ground.REFUSED_REPORTING_WARNED: Fact("warning", None, "警告决定书 2026-4"),
    Ground.BREACH_PENALISED: Fact("penalty", None, "公（汇）行罚 2026-17"),
    Ground.REVOCATION_PROPOSED: Fact("proposal", None, "撤销缓刑建议书 2026-1"),
}


def user(session: Session, county: County, role: Role) -> User:
    return session.get_one(User, county.users[role])


def decide(
    session: Session,
    county: County,
    ground: Ground = Ground.LEFT_WITHOUT_APPROVAL,
    facts: Sequence[Fact] = (STATEMENT,),
    *,
    starts_on: date = DAY,
    ends_on: date = DAY + timedelta(days=30),
) -> PositioningOrder:
    wanted = Wanted(
        ground=ground,
        evidence="2026年11月1日未经批准离开遵义市",
        facts=facts,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    head = user(session, county, Role.COUNTY_HEAD)
    return orders.decide(session, head, county.case, wanted, NOW)


def extend(session: Session, county: County) -> PositioningOrder:
    begins, ends = DAY + timedelta(days=31), DAY + timedelta(days=60)
    return decide(session, county, starts_on=begins, ends_on=ends)


def closed(session: Session, county: County, kind: IncidentKind, cause: Cause) -> int:
    before = NOW - timedelta(days=2)
    made = Incident(
        case_id=county.case, kind=kind, severity=Severity.SOON, rule="LCC 27", since=before,
        opened_at=before, last_seen_at=NOW, state=IncidentState.CLOSED, cause=cause,
        closed_at=NOW - timedelta(days=1), facts={},
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made.id


def test_the_grounds_are_the_closed_list_of_the_law() -> None:
    assert [ground.value for ground in Ground] == [
        "prohibition_breached",
        "left_without_approval",
        "refused_reporting_warned",
        "breach_penalised",
        "revocation_proposed",
    ]
    assert set(ASKED) == set(Ground)


@pytest.mark.parametrize("ground", Ground)
def test_each_ground_takes_its_own_kind_of_fact(
    database: Database, county: County, ground: Ground
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = decide(session, county, ground, [FACT_OF[ground]])
        assert [(it.kind.value, it.document) for it in order.facts] == [
            (FACT_OF[ground].kind, FACT_OF[ground].document)
        ]


@pytest.mark.parametrize(
    ("ground", "why"),
    [
        (Ground.REFUSED_REPORTING_WARNED, "formal warning"),
        (Ground.BREACH_PENALISED, "public-security penalty"),
        (Ground.REVOCATION_PROPOSED, "proposal"),
    ],
)
def test_a_ground_without_its_kind_of_fact_is_refused(
    database: Database, county: County, ground: Ground, why: str
) -> None:
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid, match=why):
        decide(session, county, ground, [STATEMENT])


def test_an_order_without_any_fact_is_refused(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Invalid) as refusal:
        decide(session, county, facts=[])
    assert refusal.value.field == "facts"


@pytest.mark.parametrize("kind", ["score", "risk", "flag", "level", "category", "points", "Score"])
def test_a_score_a_level_or_points_is_no_ground(
    database: Database, county: County, kind: str
) -> None:
    with pytest.raises(Refused, match="no ground"):
        evidence_kind(kind)
    with database.transaction(SYSTEM, "test") as session, pytest.raises(Refused) as refusal:
        decide(session, county, facts=[STATEMENT, Fact(kind, 3)])
    assert refusal.value.code == "no_ground"


@pytest.mark.parametrize(
    "fact", [Fact("hearsay"), Fact("incident"), Fact("document", None, " "), Fact("penalty")]
)
def test_a_fact_is_a_row_of_the_file_or_a_numbered_document(fact: Fact) -> None:
    with pytest.raises(Invalid) as refusal:
        OrderEvidence.of(*fact)
    assert refusal.value.field == "facts"


def test_an_incident_is_a_fact_once_an_officer_found_it_true(
    database: Database, county: County
) -> None:
    left, banned = IncidentKind.LEFT_HOME_AREA, IncidentKind.ENTERED_EXCLUSION
    with database.transaction(SYSTEM, "test") as session:
        drift = closed(session, county, left, Cause.POSITION_DRIFT)
        found = closed(session, county, left, Cause.LEFT_WITHOUT_APPROVAL)
        entered = closed(session, county, banned, Cause.OTHER)
        case = session.get_one(Case, county.case)
        offered = {it.subject_id: it.grounds for it in order_facts.candidates(session, case)}
        assert offered == {
            found: (Ground.LEFT_WITHOUT_APPROVAL,),
            entered: (Ground.PROHIBITION_BREACHED,),
        }
        for wrong in (drift, entered, 999_999):
            with pytest.raises(Invalid, match="found it true"):
                decide(session, county, facts=[Fact("incident", wrong)])
        order = decide(session, county, facts=[Fact("incident", found)])
        assert [it.subject_id for it in order.facts] == [found]


def test_a_leave_is_a_fact_once_its_return_was_late(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        leave = Leave(
            case_id=county.case, reason=LeaveReason.WORK, divisions=["520100"], note="表 3",
            starts_at=NOW - timedelta(days=9), ends_at=NOW - timedelta(days=3),
        )  # fmt: skip
        session.add(leave)
        session.flush()
        with pytest.raises(Invalid, match="found it true"):
            decide(session, county, facts=[Fact("leave", leave.id)])
        leave.state, leave.returned_at = LeaveState.RETURNED, NOW - timedelta(days=1)
        assert decide(session, county, facts=[Fact("leave", leave.id)]).facts[0].kind is (
            EvidenceKind.LEAVE
        )


def test_no_order_rests_on_a_late_signing_off(database: Database, county: County) -> None:
    ended = NOW - timedelta(days=3)
    with database.transaction(SYSTEM, "test") as session:
        leave = Leave(
            case_id=county.case, reason=LeaveReason.WORK, divisions=["520100"], note="表 3",
            starts_at=ended - timedelta(days=6), ends_at=ended, state=LeaveState.RETURNED,
            returned_at=ended + timedelta(days=2), return_said_at=ended - timedelta(hours=1),
        )  # fmt: skip
        session.add(leave)
        session.flush()
        case = session.get_one(Case, county.case)
        assert order_facts.candidates(session, case) == []
        with pytest.raises(Invalid, match="found it true"):
            decide(session, county, facts=[Fact("leave", leave.id)])
        leave.back_at = ended + timedelta(days=1)  # an officer found otherwise
        assert [it.subject_id for it in order_facts.candidates(session, case)] == [leave.id]


def measure(county: County, kind: MeasureKind, state: MeasureState) -> Measure:
    return Measure(
        case_id=county.case, kind=kind, state=state, limb="report", law="IM 35", found="未报到",
        happened_on=DAY, prepared_by=county.users[Role.OFFICER], prepared_at=NOW,
    )  # fmt: skip


STANDS = {
    "warning": (MeasureKind.WARNING, {MeasureState.DECIDED}),
    "penalty": (MeasureKind.PUBLIC_SECURITY, {MeasureState.GRANTED}),
    "proposal": (
        MeasureKind.REVOKE_SUSPENSION,
        {MeasureState.PREPARED, MeasureState.DECIDED},
    ),
}


@pytest.mark.parametrize("fact", STANDS)
def test_a_measure_of_the_file_is_a_fact_while_it_stands(
    database: Database, county: County, fact: str
) -> None:
    kind, counts = STANDS[fact]
    ground = order_facts.GROUND_OF[EvidenceKind(fact)]
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        made = measure(county, kind, MeasureState.PREPARED)
        session.add(made)
        session.flush()
        found = set()
        for state in MeasureState:
            made.state = state
            session.flush()
            offered = [it.grounds for it in order_facts.candidates(session, case)]
            if offered:
                found.add(state)
                assert offered == [(ground,)]
                assert order_facts.linked(session, case, ground, [Fact(fact, made.id)])
            else:
                with pytest.raises(Invalid, match="found it true"):
                    order_facts.linked(session, case, ground, [Fact(fact, made.id)])
        assert found == counts


def test_an_order_runs_for_three_months_at_most(database: Database, county: County) -> None:
    assert TERM_MONTHS == 3
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Invalid, match="three months"):
            decide(session, county, ends_on=date(2027, 2, 20))
        order = decide(session, county, ends_on=date(2027, 2, 19))
        assert not order.in_force(hours.day_end(date(2027, 2, 19))), "it stops by itself"


def test_an_extension_follows_an_assessment_that_it_is_still_needed(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = decide(session, county)
        officer = user(session, county, Role.OFFICER)

        def assess(*, needed: bool, found: str) -> None:
            order_papers.assess(session, officer, first, needed=needed, found=found, now=NOW)

        with pytest.raises(Refused, match="follows an assessment"):
            extend(session, county)
        assess(needed=False, found="已经配合")
        with pytest.raises(Refused, match="follows an assessment"):
            extend(session, county)
        with pytest.raises(Invalid, match="what the assessment found"):
            assess(needed=True, found=" ")
        assess(needed=True, found="再次离开")
        assert extend(session, county).extends_id == first.id


def test_the_same_facts_carry_another_order_after_an_assessment_alone(
    database: Database, county: County
) -> None:
    later, latest = DAY + timedelta(days=40), DAY + timedelta(days=70)
    with database.transaction(SYSTEM, "test") as session:
        first = decide(session, county)
        with pytest.raises(Refused, match="same facts"):
            decide(session, county, starts_on=later, ends_on=later)
        fresh = Fact("document", None, "询问笔录 2026-99")
        other = decide(session, county, facts=[fresh], starts_on=later, ends_on=later)
        assert other.extends_id is None
        officer = user(session, county, Role.OFFICER)
        order_papers.assess(session, officer, first, needed=True, found="再次离开", now=NOW)
        again = decide(session, county, starts_on=latest, ends_on=latest)
        assert again.extends_id == first.id


def test_an_extension_waits_for_the_head_with_its_assessment(
    database: Database, county: County
) -> None:
    def waits(session: Session, role: Role) -> list[str]:
        found = worklist.items(session, user(session, county, role), NOW)
        return [it.subject.found for it in found if isinstance(it.subject, OrderAssessment)]

    with database.transaction(SYSTEM, "test") as session:
        first = decide(session, county)
        officer = user(session, county, Role.OFFICER)
        for needed, found in ((False, "已经配合"), (True, "再次离开")):
            order_papers.assess(session, officer, first, needed=needed, found=found, now=NOW)
        assert waits(session, Role.COUNTY_HEAD) == ["再次离开"]
        assert waits(session, Role.OFFICER) == []
        extend(session, county)
        assert waits(session, Role.COUNTY_HEAD) == []


def test_only_an_order_in_force_is_assessed(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = decide(session, county)
        officer = user(session, county, Role.OFFICER)
        orders.lift(session, officer, order.id, NOW)
        with pytest.raises(Refused, match="in force"):
            order_papers.assess(session, officer, order, needed=True, found="x", now=NOW)


def test_the_person_is_told_and_the_procuratorate_gets_a_copy_with_its_receipt(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = decide(session, county)
        assert session.scalars(select(Notice.kind)).all() == ["order"]
        told, copy = order_papers.of(session, order.case)
        assert [told.kind, copy.kind] == list(Paper)
        assert (told.sent_at, copy.sent_at) == (None, None), "owed"
        officer = user(session, county, Role.OFFICER)
        with pytest.raises(Refused, match="not sent yet"):
            order_papers.receive(session, officer, copy.id, "回执", NOW)
        with pytest.raises(Invalid, match="number of the letter"):
            order_papers.send(session, officer, copy.id, " ", NOW)
        order_papers.send(session, officer, copy.id, "汇矫函 9 号", NOW)
        with pytest.raises(Refused, match="sent already"):
            order_papers.send(session, officer, copy.id, "汇矫函 9 号", NOW)
        order_papers.receive(session, officer, copy.id, "检察院回执", NOW + timedelta(days=1))
        assert (copy.number, copy.received_note) == ("汇矫函 9 号", "检察院回执")


def test_papers_of_another_office_do_not_exist(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        paper = order_papers.of(session, decide(session, county).case)[0].id
        elsewhere = user(session, county, Role.OFFICE_HEAD)
        elsewhere.office_id = county.other_office
        refused: list[tuple[Role, type[DomainError]]] = [
            (Role.OFFICE_HEAD, NotFound),
            (Role.PROCURATOR, Forbidden),
        ]
        for role, refusal in refused:
            with pytest.raises(refusal):
                order_papers.send(session, user(session, county, role), paper, "1", NOW)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_head_decides_on_the_page_and_the_procurator_reads_the_ground(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        incident = closed(session, county, IncidentKind.LEFT_HOME_AREA, Cause.LEFT_WITHOUT_APPROVAL)
    today = hours.local_day(datetime.now(UTC))
    page = f"/cases/{county.case}/orders"
    form = {
        "ground": "left_without_approval", "evidence": "离开遵义市三日",
        "fact": f"incident:{incident}",
        "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=30)).isoformat(),
    }  # fmt: skip
    head = client_of(Role.COUNTY_HEAD)
    scored = head.post(page, data={**form, "fact": "score:3"})
    assert (scored.status_code, "no ground" in scored.text) == (409, True)
    assert head.post(page, data=form).status_code == 302
    officer = client_of(Role.OFFICER)
    for path, said in (
        ("orders/1/assess", {"needed": "1", "note": "再次离开"}),
        ("orders/papers/2/send", {"number": "汇矫函 9 号"}),
        ("orders/papers/2/receive", {"number": "回执 4"}),
    ):
        assert officer.post(f"/cases/{county.case}/{path}", data=said).status_code == 302
    read = client_of(Role.PROCURATOR).get(page).text
    for told in ("离开遵义市三日", f"/incidents/{incident}", "再次离开", "回执 4", "owed"):
        assert told in read
    officer.post(f"/cases/{county.case}/orders/1/lift")
    assert "lifted" in officer.get(page).text
