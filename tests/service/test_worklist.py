"""Who needs me now: everything that waits, most urgent first, and only what one may see."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import flags, worklist
from correction_service.casework.needs import Need
from correction_service.db import Database
from models.agency import Office
from models.case import Case, TeamMember
from models.identity import Sex
from models.incident import Incident, IncidentKind, IncidentState, Severity
from models.risk import FlagKind, RiskFlag
from models.user import Role, User
from tests.county import NOW, County, make_case
from tests.desk import Desk, missed


def needs(session: Session, county: County, role: Role) -> list[tuple[Need, Severity]]:
    user = session.get_one(User, county.users[role])
    return [(item.need, item.severity) for item in worklist.items(session, user, NOW)]


def test_what_waits_is_ranked_urgent_first(database: Database, county: County, desk: Desk) -> None:
    with database.reading() as session:
        found = needs(session, county, Role.OFFICER)
    assert found[0] == (Need.INCIDENT, Severity.URGENT)
    assert {need for need, severity in found if severity is Severity.SOON} == {
        Need.FLAG,
        Need.HELP,
        Need.CALL,
    }
    assert {need for need, severity in found if severity is Severity.WATCH} == {
        Need.REVIEWS,
        Need.DRAFTS,
    }


def test_an_incident_in_hand_stands_below_an_untouched_one(
    database: Database, county: County, desk: Desk
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = session.get_one(Incident, desk.incident)
        first.move(IncidentState.ACKNOWLEDGED, county.users[Role.OFFICER], NOW)
        older = Incident(
            case_id=desk.case,
            kind=IncidentKind.SOS,
            severity=Severity.URGENT,
            rule="sos@1",
            since=NOW - timedelta(days=2),
            opened_at=NOW - timedelta(days=2),
            last_seen_at=NOW,
            facts={"times": 1},
            open_key="sos:1",
        )
        session.add(older)
        session.flush()
        officer = session.get_one(User, county.users[Role.OFFICER])
        subjects = [item.subject for item in worklist.items(session, officer, NOW)]
        assert subjects[:2] == [older, first]


def test_who_only_looks_on_is_not_sent_to_queues_that_are_closed_to_them(
    database: Database, county: County, desk: Desk
) -> None:
    with database.reading() as session:
        found = {need for need, _ in needs(session, county, Role.PROCURATOR)}
    assert found == {Need.INCIDENT, Need.FLAG, Need.HELP, Need.DRAFTS}


@pytest.mark.parametrize(
    ("ends_in", "severity"), [(timedelta(days=2), "soon"), (timedelta(days=9), "watch")]
)
def test_an_order_about_to_end_becomes_pressing_three_days_before(
    database: Database, county: County, ends_in: timedelta, severity: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        flag = missed(session.get_one(Case, county.case), 1)
        flag.kind, flag.due = FlagKind.ORDER_ENDING, NOW + ends_in
        session.add(flag)
        session.flush()
        assert needs(session, county, Role.OFFICER) == [(Need.FLAG, Severity(severity))]


def test_what_was_handled_no_longer_waits(database: Database, county: County, desk: Desk) -> None:
    with database.transaction(SYSTEM, "test") as session:
        flag = session.get_one(RiskFlag, desk.flag)
        flags.handle(session, flag, county.users[Role.OFFICER], "已联系", NOW)
        officer = session.get_one(User, county.users[Role.OFFICER])
        assert worklist.counts(session, officer)["flags"] == 0


def test_each_sees_what_waits_in_their_own_offices(
    database: Database, county: County, desk: Desk
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        other = session.get_one(Office, county.other_office)
        case = make_case(session, other, 2)
        session.add(missed(case, 2))
        session.flush()

        def flags_of(role: Role) -> int:
            return worklist.counts(session, session.get_one(User, county.users[role]))["flags"]

        assert (flags_of(Role.OFFICER), flags_of(Role.COUNTY_HEAD)) == (1, 2)
        assert (flags_of(Role.VOLUNTEER), flags_of(Role.ADMINISTRATOR)) == (0, 0)
        volunteer = county.users[Role.VOLUNTEER]
        case.team.append(
            TeamMember(name="志愿者", sex=Sex.MALE, part="volunteer", user_id=volunteer)
        )
        session.flush()
        assert flags_of(Role.VOLUNTEER) == 0  # of whom they accompany they see no file
