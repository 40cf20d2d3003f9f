"""How a case ends: by its term, a pardon, what a court granted, a death; and what is owed then."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.discipline import measures
from correction_service.enforcement import endings, exit_bans, milestones
from correction_service.enforcement.exit_bans import BanState
from correction_service.enforcement.milestones import Done
from correction_service.law.steps import Phase
from correction_service.people import cases, ends
from correction_service.people.ends import End
from correction_service.reports import periods, statistics
from correction_service.searches import searches
from models.case import Case, CaseState, Category, EndedAs
from models.discipline import Measure, MeasureKind, MeasureState
from models.errors import DomainError, Invalid, Refused
from models.milestone import Step
from models.points import DraftState
from models.search import Finding
from models.user import Role, User
from tests.county import DAY, NOW, PARDON, RECALL, County, add_draft, make_case
from tests.pages import SignedInClient

DIED = End(EndedAs.DEATH, "死亡证明 7 号")


def by(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def end(
    session: Session, county: County, state: CaseState, how: End | None, case_id: int | None = None
) -> Case:
    whose = case_id or county.case
    user = by(session, county)
    return cases.move(session, user, whose, state, note="见文书", now=NOW, end=how)


def proposed(county: County, state: MeasureState = MeasureState.GRANTED) -> Measure:
    return Measure(
        case_id=county.case,
        kind=MeasureKind.REVOKE_SUSPENSION,
        limb="other_serious",
        law="IM 46 (S)",
        found="事实",
        happened_on=DAY,
        prepared_by=county.users[Role.OFFICER],
        prepared_at=NOW,
        state=state,
        outcome="（2026）黔0303刑更12号" if state is MeasureState.GRANTED else None,
    )


def done(step: Step) -> Done:
    return Done(step=step, on=DAY, number="终 1", party="汇川区人民检察院", note="副卷")


def found_dead(session: Session, county: County) -> None:
    officer = by(session, county)
    record = searches.begin(session, officer, county.case, DAY, NOW)
    searches.find(session, officer, record.id, Finding.DEAD, note="见死亡证明", now=NOW)


def offer(session: Session, county: County, today: date = DAY) -> End | None:
    case = session.get_one(Case, county.case)
    return ends.offered(session, [case], today).get(case.id)


def test_lcc_44_before_the_term_ends_a_pardon_alone_releases_and_by_its_number(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for how, field in (
            (None, "ended_as"),
            (End(EndedAs.TERM_OVER), "ended_as"),
            (End(EndedAs.PARDON, " "), "number"),
            (DIED, "ended_as"),
        ):
            with pytest.raises(DomainError) as refusal:
                end(session, county, CaseState.RELEASED, how)
            assert refusal.value.field == field
        case = end(session, county, CaseState.RELEASED, PARDON)
        assert (case.ended_as, case.ended_by) == (EndedAs.PARDON, PARDON.number)


def test_on_its_last_day_a_case_is_released_by_its_term(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).term_end = DAY
        case = end(session, county, CaseState.RELEASED, None)
        assert (case.ended_as, case.ended_by) == (EndedAs.TERM_OVER, None)


@pytest.mark.parametrize("state", [MeasureState.DECIDED, MeasureState.DENIED])
def test_a_revocation_that_was_not_granted_ends_nothing(
    database: Database, county: County, state: MeasureState
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(proposed(county, state))
        with pytest.raises(Invalid) as refusal:
            end(session, county, CaseState.TERMINATED, End(EndedAs.SUSPENSION_REVOKED))
        assert refusal.value.field == "number"


def test_a_revocation_ends_a_case_by_the_granted_proposal_or_the_number_of_the_decision(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        other = make_case(session, case.office, 2)
        session.add(proposed(county))
        session.flush()
        end(session, county, CaseState.TERMINATED, End(EndedAs.SUSPENSION_REVOKED))
        assert case.ended_by == "（2026）黔0303刑更12号"
        end(session, county, CaseState.TERMINATED, RECALL, other.id)
        assert other.ended_by == RECALL.number


@pytest.mark.parametrize(
    ("category", "ways"),
    [
        (Category.PUBLIC_SURVEILLANCE, set()),
        (Category.SUSPENDED_SENTENCE, {EndedAs.SUSPENSION_REVOKED}),
        (Category.PAROLE, {EndedAs.PAROLE_REVOKED}),
        (Category.OUTSIDE_PRISON, {EndedAs.RECOMMITTED}),
    ],
)
def test_a_case_is_revoked_by_its_own_category_and_public_surveillance_not_at_all(
    database: Database, county: County, category: Category, ways: set[EndedAs]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.category = category
        assert set(ends.lawful(case)) & set(ends.MEASURES) == ways
        for ended_as in set(ends.MEASURES) - ways:
            with pytest.raises(Refused):
                end(session, county, CaseState.TERMINATED, End(ended_as, "刑更 1 号"))


def test_a_termination_says_its_ground_and_another_one_gives_its_paper(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for how, field in ((None, "ended_as"), (End(EndedAs.OTHER), "number")):
            with pytest.raises(Invalid) as refusal:
                end(session, county, CaseState.TERMINATED, how)
            assert refusal.value.field == field
        case = end(session, county, CaseState.TERMINATED, End(EndedAs.OTHER, "再审无罪判决 3 号"))
        assert case.ended_as is EndedAs.OTHER


def test_a_death_needs_the_certificate_and_nothing_counts_against_who_has_died(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        taken = add_draft(session, county.case, "checkin_missed", "duty:1")
        given = add_draft(session, county.case, "commendation", "measure:9")
        given.points = 10
        prepared = proposed(county, MeasureState.PREPARED)
        prepared.statement = "未陈述"
        session.add(prepared)
        session.flush()
        with pytest.raises(Invalid, match="certificate"):
            end(session, county, CaseState.TERMINATED, End(EndedAs.DEATH, " "))
        end(session, county, CaseState.TERMINATED, DIED)
        assert (taken.state, taken.decided_by) == (DraftState.REFUSED, None)
        assert given.state is DraftState.DRAFT
        head = by(session, county, Role.COUNTY_HEAD)
        with pytest.raises(Refused, match="after their death"):
            measures.decide(
                session, head, prepared.id, agreed=True, number="1", reason="属实", now=NOW
            )


def test_an_end_is_offered_with_its_ground_and_never_made(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        assert offer(session, county) is None
        assert offer(session, county, case.term_end) == End(EndedAs.TERM_OVER)
        session.add(proposed(county))
        session.flush()
        granted = offer(session, county, case.term_end)
        assert granted == End(EndedAs.SUSPENSION_REVOKED, "（2026）黔0303刑更12号")
        assert granted.state is CaseState.TERMINATED
        found_dead(session, county)
        assert offer(session, county, case.term_end) == End(EndedAs.DEATH)
        assert case.state is CaseState.LOST_CONTACT
        assert [it.offer for it in endings.queue(session, by(session, county), NOW)] == [
            End(EndedAs.DEATH)
        ]


def test_nobody_who_never_reported_in_is_offered_a_release(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.state, case.reported_on = CaseState.AWAITING_REPORT, None
        assert offer(session, county, case.term_end) is None


@pytest.mark.parametrize(
    ("how", "steps"),
    [
        (DIED, ["authority_told", "procuratorate_told", "police_told", "exit_ban_lifted"]),
        (RECALL, ["end_told", "delivered"]),
        (End(EndedAs.OTHER, "再审判决 3 号"), ["exit_ban_lifted", "end_told"]),
    ],
)
def test_lcc_51_what_is_owed_after_an_end_is_listed_until_it_is_done_and_nothing_else(
    database: Database, county: County, how: End, steps: list[str]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = end(session, county, CaseState.TERMINATED, how)
        officer = by(session, county)
        found = milestones.checklist(session, case, Phase.ENDING)
        assert [it.rule.name for it in found.items] == steps
        with pytest.raises(Refused, match="does not belong"):
            milestones.record(session, officer, case.id, done(Step.CERTIFICATE), NOW)
        for name in steps:
            assert [it.case.id for it in endings.queue(session, officer, NOW)] == [case.id]
            milestones.record(session, officer, case.id, done(Step(name)), NOW)
        assert endings.queue(session, officer, NOW) == []


@pytest.mark.parametrize(
    ("how", "bans"),
    [
        (DIED, [BanState.TO_LIFT]),
        (End(EndedAs.OTHER, "再审无罪判决 3 号"), [BanState.TO_LIFT]),
        (RECALL, []),
    ],
)
def test_an_exit_ban_is_lifted_where_no_sentence_is_left_to_serve(
    database: Database, county: County, how: End, bans: list[BanState]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = by(session, county)
        milestones.record(session, officer, county.case, done(Step.EXIT_BAN_REPORTED), NOW)
        end(session, county, CaseState.TERMINATED, how)
        assert [it.state for it in exit_bans.listed(session, officer)] == bans
        standing = select(Case.id).where(exit_bans.standing(Case))
        assert session.scalars(standing).all() == [county.case] * len(bans)


def test_statistics_count_ends_by_their_ground(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        office = session.get_one(Case, county.case).office
        before = make_case(session, office, 3, state=CaseState.TERMINATED)
        other = make_case(session, office, 4)
        session.flush()
        assert before.ended_as is None
        end(session, county, CaseState.TERMINATED, DIED)
        end(session, county, CaseState.TERMINATED, RECALL, other.id)
        head = by(session, county, Role.COUNTY_HEAD)
        total = statistics.count(session, head, periods.read("2026-11")).total
        names = ("ended.death", "ended.suspension_revoked", "ended.pardon", "ended_unsaid")
        assert [total[it] for it in names] == [1, 1, 0, 1]
        assert total["terminated"] == 3


def test_the_standards_codes_are_behind_a_mapping() -> None:
    assert set(ends.CODES) == set(EndedAs)
    codes = [ends.CODES[it] for it in (EndedAs.PARDON, EndedAs.RECOMMITTED, EndedAs.DEATH)]
    assert codes == ["02", "03", "04"]


def test_the_pages_lead_from_the_finding_to_the_end_with_its_ground_filled_in(
    database: Database, client_of: SignedInClient, county: County
) -> None:
    client, page = client_of(Role.OFFICER), f"/endings/cases/{county.case}"
    with database.transaction(SYSTEM, "test") as session:
        found_dead(session, county)
    assert page in client.get("/searches/1").text
    assert "may be ended: death" in client.get("/endings/").text
    shown = client.get(page).text
    assert 'name="ended_as" value="death"' in shown
    form = {"state": "terminated", "ended_as": "death", "note": "见证明", "next": page}
    path = f"/cases/{county.case}/state"
    assert client_of(Role.PROCURATOR).post(path, data=form).status_code == 403
    for given in (form, {**form, "sure": "on"}, {**form, "sure": "on", "ended_as": "no such"}):
        client.post(path, data=given)
        with database.reading() as session:
            assert session.get_one(Case, county.case).ended_as is None
    client.post(path, data={**form, "sure": "on", "number": "死亡证明 7 号"})
    shown = client.get(page).text
    assert "death (04) · 死亡证明 7 号" in shown
    assert "Procuratorate told" in shown
    assert "Certificate of release" not in shown
    assert "死亡证明 7 号" in client.get(f"/cases/{county.case}/file").text
