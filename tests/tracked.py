"""A person with a bracelet under an order, at home in Zunyi's three districts; and messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.tracking.fixes import Recorded, record
from correction_service.tracking.gate import Heard
from correction_service.zones import zones
from devices import wire
from models.case import Case
from models.device import Binding, Device, DeviceState, Gateway
from models.incident import Incident
from models.order import Ground, PositioningOrder
from models.order_evidence import OrderEvidence
from models.user import Role, User
from tests.county import NOW, County

GATEWAY, DEVICE = "gw-1", "B0001"
HUICHUAN = (27.7250, 106.9200)  # 汇川区, near its centre
HONGHUAGANG = (27.6600, 106.9600)  # 红花岗区, over the district border
BEYOND = (28.1300, 106.8300)  # 桐梓县, outside the city's districts
FITTED = NOW - timedelta(days=7)
_seqs = count(1)


@dataclass(frozen=True)
class Tracked:
    """Ids of what `tracked` made."""

    case: int
    device: int
    gateway: int
    order: int
    zone: int


@pytest.fixture
def tracked(database: Database, county: County) -> Tracked:
    """The county's case, wearing a bracelet for a week under an order of two months."""
    with database.transaction(SYSTEM, "test") as session:
        return track(session, session.get_one(Case, county.case), county)


def track(
    session: Session,
    case: Case,
    county: County,
    device: str = DEVICE,
    speaker: Gateway | None = None,
) -> Tracked:
    """Give a case a bracelet, an order and a home area."""
    head = session.get_one(User, county.users[Role.COUNTY_HEAD])
    speaker = speaker or Gateway(name=GATEWAY, agency_id=county.agency, secret_hash="!")
    bracelet = Device(name=device, gateway=speaker)
    order = PositioningOrder.drawn(
        case,
        ground=Ground.BREACH_PENALISED,
        evidence="治安处罚决定书",
        facts=[OrderEvidence.of("penalty", document="公（汇）行罚 2026-17")],
        starts_at=FITTED,
        ends_at=FITTED + timedelta(days=60),
    ).approve(head, FITTED)
    binding = Binding(device=bracelet, case=case, bound_at=FITTED)
    session.add_all([speaker, bracelet, order, binding])
    zone = zones.home_of_divisions(session, case, ["520302", "520303", "520304"], valid_from=FITTED)
    return Tracked(case.id, bracelet.id, speaker.id, order.id, zone.id)


def fix(at: datetime, place: tuple[float, float] = HUICHUAN, **fields: object) -> dict[str, object]:
    """A fix as a gateway writes it."""
    lat, lon = place
    said = {"seq": next(_seqs), "time": at.isoformat(), "lat": lat, "lon": lon}
    return {**said, "accuracy_m": 8.0, "source": "gnss", **fields}


def event(at: datetime, name: str, **fields: object) -> dict[str, object]:
    """An event as a gateway writes it."""
    return {"seq": next(_seqs), "time": at.isoformat(), "event": name, **fields}


def minutes(
    start: datetime, places: Sequence[tuple[float, float]], **fields: object
) -> list[dict[str, object]]:
    """A fix a minute."""
    return [
        fix(start + timedelta(minutes=number), place, **fields)
        for number, place in enumerate(places)
    ]


def heard(
    said: object,
    *,
    kind: str = "fix",
    device: str = DEVICE,
    gateway: str = GATEWAY,
    received: datetime = NOW,
) -> Heard:
    """What ingest makes of a payload."""
    payload = msgspec.json.encode(said)
    topic = (
        f"correction/v1/{gateway}/{device}/{kind}" if device else f"correction/v1/{gateway}/{kind}"
    )
    return Heard(wire.decode(topic, payload), payload, received)


def take(database: Database, *batch: Heard, now: datetime = NOW) -> Recorded:
    """Record a batch as the ingest process does, in a transaction of its own."""
    with database.transaction(SYSTEM, "test") as session:
        return record(session, batch, now)


def stored_of(recorded: Recorded) -> dict[str, dict[str, list[int]]]:
    """The numbers that may be receipted, by gateway and bracelet, as they came."""
    found: dict[str, dict[str, list[int]]] = {}
    for gateway, device, first, last in recorded.stored:
        found.setdefault(gateway, {}).setdefault(device, []).extend(range(first, last + 1))
    return found


def live_at(database: Database, one: dict[str, object], at: datetime) -> Recorded:
    """Take a message as it comes, two seconds after its own time."""
    kind = "event" if "event" in one else "fix"
    received = at + timedelta(seconds=2)
    return take(database, heard(one, kind=kind, received=received), now=received)


def live(database: Database, fixes: list[dict[str, object]]) -> None:
    """Take fixes one by one as they come."""
    for one in fixes:
        live_at(database, one, datetime.fromisoformat(str(one["time"])))


def state_of(database: Database, device_id: int) -> DeviceState:
    """What is known of a bracelet now, to look at after the session."""
    with database.reading() as session:
        state = session.get_one(DeviceState, device_id)
        session.expunge_all()
        return state


def incidents_of(database: Database) -> list[Incident]:
    """All incidents, oldest first, to look at after the session."""
    with database.reading() as session:
        found = list(session.scalars(select(Incident).order_by(Incident.id)))
        session.expunge_all()
        return found
