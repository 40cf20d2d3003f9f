"""A small county to test with: an agency, two offices, an account for each seat, a person."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database, ring_of
from correction_service.people.ends import End
from models.agency import Agency, AgencyLevel, Office
from models.case import Case, CaseState, Category, EndedAs, TeamMember
from models.identity import IdKind, Sex, check_character
from models.person import Person
from models.points import PointsDraft
from models.user import Role, User

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
PARDON = End(EndedAs.PARDON, "特赦令 1 号")
RECALL = End(EndedAs.SUSPENSION_REVOKED, "刑更 1 号")
VALID_ID = "11010519491231002X"


@dataclass(frozen=True)
class County:
    """Ids of what `county` made."""

    agency: int
    office: int
    other_office: int
    users: dict[Role, int]
    case: int


def resident_id(number: int) -> str:
    """Make a valid synthetic resident ID: division 000000 exists nowhere."""
    body = f"00000019900101{number % 1000:03d}"
    return body + check_character(body)


def make_case(session: Session, office: Office, number: int, **fields: object) -> Case:
    """Add a person with a case that is under correction since the start of the month."""
    person = Person.enrol(
        ring_of(session),
        NOW,
        name=f"测试{number}",
        id_kind=IdKind.RESIDENT,
        id_number=resident_id(number),
    )
    case = Case(
        number=f"T{number:06d}",
        person=person,
        office=office,
        agency=office.agency,
        category=Category.SUSPENDED_SENTENCE,
        deciding_authority="汇川区人民法院",
        effective_on=date(2026, 11, 1),
        reported_on=date(2026, 11, 3),
        term_start=date(2026, 11, 1),
        term_end=date(2027, 10, 31),
        state=CaseState.UNDER_CORRECTION,
        state_since=NOW,
        minor=False,
        team=[TeamMember(name="王某", sex=Sex.FEMALE, part="officer")],
    )
    for name, value in fields.items():
        setattr(case, name, value)
    session.add(case)
    return case


def add_draft(
    session: Session, case_id: int, item: str, fact: str, day: date = DAY, **evidence: object
) -> PointsDraft:
    """Propose points under the shipped rulebook, as a sweep does."""
    made = points.proposed(points.install_default(session), case_id, item, fact, day)
    made.evidence, made.made_at = evidence, NOW
    session.add(made)
    session.flush()
    return made


@pytest.fixture
def county(database: Database) -> County:
    """A county agency with two offices, an account for every role, one case at the first."""
    with database.transaction(SYSTEM, "test") as session:
        agency = Agency(name="汇川区社区矫正中心", level=AgencyLevel.COUNTY, division="520303")
        office, other = (
            Office(name="甲司法所", agency=agency),
            Office(name="乙司法所", agency=agency),
        )
        session.add_all([agency, office, other])
        at_office = {Role.OFFICER, Role.OFFICE_HEAD, Role.VOLUNTEER}
        users = {
            role: User(
                username=role.value,
                name=role.value,
                role=role,
                agency=agency,
                office=office if role in at_office else None,
                password_hash="!",
            )
            for role in Role
        }
        session.add_all(users.values())
        case = make_case(session, office, 1)
        session.flush()
        return County(
            agency=agency.id,
            office=office.id,
            other_office=other.id,
            users={role: user.id for role, user in users.items()},
            case=case.id,
        )
