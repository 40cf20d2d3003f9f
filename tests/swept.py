"""Cases, duties and orders for a sweep to find, and what it found."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from models.agency import Office
from models.checkin import (
    CheckIn,
    CheckInDuty,
    DutyKind,
    DutyState,
    Liveness,
    Outcome,
    Way,
)
from models.device import Binding, Device, DeviceState, Gateway
from models.order import Ground, PositioningOrder
from models.points import PointsDraft
from models.risk import FlagKind, RiskFlag
from models.user import Role
from tests.county import NOW, County, make_case

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


def check_in(
    database: Database,
    case_id: int,
    at: datetime,
    outcome: Outcome,
    began: datetime | None = None,
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(
            CheckIn(
                case_id=case_id,
                at=at,
                began_at=began,
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
