"""How check-ins go, in figures: what is counted, for whom, and of whom nothing is told."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.presence import checkin_figures, duties
from correction_service.presence.checkin_figures import Figures, Group, Grouping, large_enough
from models.agency import Office
from models.case import Case
from models.checkin import (
    Challenge,
    CheckIn,
    CheckInDuty,
    DutyKind,
    DutyState,
    Liveness,
    Outcome,
    Way,
)
from models.notice import Notice
from models.review import CheckInReview, ReviewDecision
from models.user import Role, User
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient

HOUR = timedelta(hours=1)
RECEIPTS = count()


class Weeks:
    """Seven people of one office and one of another, and what they sent."""

    def __init__(self, session: Session, county: County) -> None:
        self.session, self.county = session, county
        office, other = (session.get_one(Office, it) for it in (county.office, county.other_office))
        self.cases = [make_case(session, office, 100 + 2 * number) for number in range(7)]
        self.elsewhere = make_case(session, other, 121)
        session.flush()

    def duty(self, case: Case, state: DutyState, tries: int = 0) -> CheckInDuty:
        made = CheckInDuty(
            case_id=case.id,
            kind=DutyKind.SCHEDULED,
            key=f"scheduled:{next(RECEIPTS)}",
            opens_at=NOW - 30 * HOUR,
            closes_at=NOW - 20 * HOUR,
            missed_after=NOW - 19 * HOUR,
            state=state,
        )
        self.session.add(made)
        self.session.flush()
        for _ in range(tries):
            self.sent(case, Outcome.POOR_IMAGE, duty_id=made.id)
        return made

    def unheard(self, case: Case, at: datetime) -> None:
        """A check-in asked at `at` of which nobody heard."""
        duty = self.duty(case, DutyState.VOID)
        duty.void_reason, duty.opens_at, duty.closes_at = "not_delivered", None, None
        asked = Notice(person_id=case.person_id, duty_id=duty.id, created_at=at, kind="spot_check")
        asked.text_zh = asked.text_en = "x"
        self.session.add(asked)
        self.session.flush()

    def sent(self, case: Case, outcome: Outcome, **fields: object) -> CheckIn:
        made = CheckIn(
            case_id=case.id,
            at=NOW - 21 * HOUR,
            way=Way.PHONE,
            outcome=outcome,
            liveness=Liveness.LIVE,
            reasons=[],
            answers={},
            browser="Chrome 116",
            receipt=f"F{next(RECEIPTS):07d}",
        )
        for name, value in fields.items():
            setattr(made, name, value)
        self.session.add(made)
        self.session.flush()
        return made

    def found(self, checkin: CheckIn, decision: ReviewDecision, after: timedelta) -> None:
        officer = self.session.get_one(User, self.county.users[Role.OFFICER])
        finding = CheckInReview(
            checkin_id=checkin.id, decision=decision, note="x", by=officer.id, at=checkin.at + after
        )
        self.session.add(finding)
        self.session.flush()
        if finding.provisional:
            head = self.session.get_one(User, self.county.users[Role.COUNTY_HEAD])
            self.session.add(finding.confirm(head, finding.at + 2 * HOUR, "x"))
            self.session.flush()

    def figures(self, role: Role = Role.COUNTY_HEAD, office_id: int | None = None) -> Figures:
        user = self.session.get_one(User, self.county.users[role])
        return checkin_figures.measure(self.session, user, 30, NOW, office_id)


@pytest.fixture
def weeks(database: Database, county: County) -> Iterator[Weeks]:
    with database.transaction(SYSTEM, "test") as session:
        yield Weeks(session, county)


def test_duties_are_counted_by_office_and_tries_by_duty(weeks: Weeks) -> None:
    for state, tries in ((DutyState.DONE, 1), (DutyState.DONE, 3), (DutyState.LATE, 2)):
        weeks.duty(weeks.cases[0], state, tries)
    weeks.duty(weeks.cases[1], DutyState.MISSED)
    weeks.duty(weeks.cases[2], DutyState.VOID)
    weeks.duty(weeks.elsewhere, DutyState.DONE)
    figures = weeks.figures()
    assert figures.completion.share == 0.8
    assert figures.completion[1:] == (3, 1, 1, 1)
    assert {it.office: it[1:] for it in figures.offices} == {
        "甲司法所": (2, 1, 1, 1),
        "乙司法所": (1, 0, 0, 0),
    }
    assert figures.tries == (3, 2)
    assert weeks.figures(office_id=weeks.county.other_office).completion[1:] == (1, 0, 0, 0)
    assert weeks.figures(Role.OFFICER).completion[1:] == (2, 1, 1, 1)


def test_what_counts_neither_way_is_told_by_its_reason(weeks: Weeks) -> None:
    weeks.duty(weeks.cases[0], DutyState.DONE)
    for reason in (duties.UNCLEAR, duties.UNCLEAR, duties.SERVICE_DOWN):
        weeks.duty(weeks.cases[1], DutyState.VOID).void_reason = reason
    weeks.unheard(weeks.cases[2], NOW - 48 * HOUR)
    weeks.unheard(weeks.cases[2], NOW - 60 * 24 * HOUR)  # before the period
    figures = weeks.figures()
    assert figures.voids == {"no_clear_picture": 2, "service_down": 1, "not_delivered": 1}
    assert (figures.excused, figures.completion.void, figures.completion.share) == (1, 4, 1.0)


def test_an_unfinished_try_is_one_and_a_fault_of_ours_is_none(weeks: Weeks) -> None:
    faulty = weeks.duty(weeks.cases[0], DutyState.DONE, tries=1)
    weeks.sent(weeks.cases[0], Outcome.FAULT, duty_id=faulty.id)
    only_ours = weeks.duty(weeks.cases[1], DutyState.VOID)
    weeks.sent(weeks.cases[1], Outcome.FAULT, duty_id=only_ours.id)
    assert weeks.figures().tries == (1, 0)
    case = weeks.cases[2]
    weeks.duty(case, DutyState.DONE, tries=1)
    began = NOW - 25 * HOUR
    row = {"person_id": case.person_id, "case_id": case.id, "issued_at": began}
    weeks.session.add(Challenge(token_hash=bytes(32), expires_at=began + HOUR, **row))
    weeks.session.flush()
    assert weeks.figures().tries == (2, 1)


def test_a_face_wrongly_doubted_is_one_that_an_officer_found_to_be_right(weeks: Weeks) -> None:
    for case in weeks.cases:
        weeks.sent(case, Outcome.MATCH)
    doubted = [weeks.sent(case, Outcome.UNCERTAIN) for case in weeks.cases[:3]]
    weeks.found(doubted[0], ReviewDecision.MATCH, HOUR)
    weeks.found(doubted[1], ReviewDecision.NO_MATCH, 3 * HOUR)
    weeks.sent(weeks.cases[0], Outcome.NO_FACE)
    groups = weeks.figures().groups[Grouping.BROWSER]
    assert groups.shown == [Group("Chrome 116", people=7, compared=10, doubted=3, overturned=1)]
    assert groups.shown[0].share == 0.1


def test_a_kind_of_phone_that_is_doubted_more_often_is_told(weeks: Weeks) -> None:
    poor, good = weeks.cases[:5], weeks.cases[5:]
    for case in poor:
        doubted = weeks.sent(case, Outcome.UNCERTAIN, phone_model="M2102K1AC")
        weeks.found(doubted, ReviewDecision.MATCH, HOUR)
        weeks.sent(case, Outcome.MATCH, phone_model="ELS-AN00")
    for case in good:
        weeks.sent(case, Outcome.MATCH, phone_model="ELS-AN00")
    shown = weeks.figures().groups[Grouping.MODEL].shown
    assert {it.name: it.share for it in shown} == {"M2102K1AC": 1.0, "ELS-AN00": 0.0}


def test_how_soon_officers_look_is_told_for_the_first_and_for_the_second(weeks: Weeks) -> None:
    for hours, decision in enumerate((*[ReviewDecision.MATCH] * 9, ReviewDecision.NO_MATCH), 1):
        weeks.found(weeks.sent(weeks.cases[0], Outcome.UNCERTAIN), decision, hours * HOUR)
    figures = weeks.figures()
    rounded = [round(it.total_seconds() / 3600, 3) for it in figures.first_look if it]
    assert rounded == [5, 9]
    assert figures.second_look.p50 is not None
    assert round(figures.second_look.p50 / HOUR, 3) == 2


def test_groups_of_sex_and_age_come_from_the_register(weeks: Weeks) -> None:
    for case in weeks.cases:
        weeks.sent(case, Outcome.MATCH)
    groups = weeks.figures().groups
    [by_age] = groups[Grouping.AGE].shown
    assert (by_age.name, by_age.people) == ("30", 7)  # born on the first of 1990
    assert [it.name for it in groups[Grouping.SEX].shown] == ["female"]


def group(name: str, people: int) -> Group:
    return Group(name, people, compared=9, doubted=1, overturned=1)


def test_a_group_of_four_is_not_told_and_takes_another_with_it() -> None:
    told = large_enough([group("a", 4), group("b", 9), group("c", 6)])
    assert ([it.name for it in told.shown], told.hidden) == (["b"], 2)
    told = large_enough([group("a", 4), group("b", 3), group("c", 6)])
    assert ([it.name for it in told.shown], told.hidden) == (["c"], 2)
    assert large_enough([group("a", 4)]).shown == []
    assert large_enough([group("a", 5)]).hidden == 0


@pytest.mark.parametrize("role", [Role.OFFICER, Role.PROCURATOR, Role.UPPER_AGENCY])
def test_the_page_and_its_table_are_for_who_sees_quality(
    client_of: SignedInClient, role: Role
) -> None:
    client = client_of(role)
    assert "How check-ins go" in client.get("/quality/checkins/?days=30").text
    table = client.get("/quality/checkins/export.csv").get_data(as_text=True)
    assert table.startswith("\ufeffwhat,of,figure,value\r\nduties,all,done,0\r\n")
    assert "duties,all,void,0" in table


def test_a_volunteer_sees_neither_figures_nor_reviews(client_of: SignedInClient) -> None:
    volunteer = client_of(Role.VOLUNTEER)
    for path in ("/quality/checkins/", "/quality/checkins/export.csv", "/reviews/"):
        assert volunteer.get(path).status_code == 403
