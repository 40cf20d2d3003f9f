"""A county whose people wear bracelets now, each inside a circle that they will leave."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from correction_service.zones import zones
from models.agency import Agency, AgencyLevel, Office
from models.case import Case
from models.device import Binding, Device, Gateway
from models.order import Ground, PositioningOrder
from models.order_evidence import OrderEvidence
from models.user import Role, User
from models.zone import ZoneKind
from tests.county import make_case

HOME = (27.7250, 106.9200)
AWAY = (27.8250, 106.9200)  # eleven kilometres north
RADIUS_M = 1000
FITTED = timedelta(days=7)


def wear(session: Session, bracelets: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Bind every bracelet, by gateway, to a person of its own; case ids by bracelet."""
    since = datetime.now(UTC) - FITTED
    agency = Agency(name="汇川区社区矫正中心", level=AgencyLevel.COUNTY, division="520303")
    office = Office(name="甲司法所", agency=agency)
    head = User(
        username="head",
        name="head",
        role=Role.COUNTY_HEAD,
        agency=agency,
        password_hash="!",
    )
    session.add_all([agency, office, head])
    session.flush()
    cases: dict[str, int] = {}
    for name, devices in bracelets.items():
        gateway = Gateway(name=name, agency_id=agency.id, secret_hash="!")
        for device in devices:
            case = make_case(session, office, len(cases))
            session.add(
                Binding(device=Device(name=device, gateway=gateway), case=case, bound_at=since)
            )
            _follow(session, case, head, since)
            session.flush()
            cases[device] = case.id
    return cases


def _follow(session: Session, case: Case, head: User, since: datetime) -> None:
    """Order the person to be positioned, and to stay in the circle."""
    session.add(
        PositioningOrder.drawn(
            case,
            ground=Ground.BREACH_PENALISED,
            evidence="治安处罚决定书",
            facts=[OrderEvidence.of("penalty", document="公（汇）行罚 2026-17")],
            starts_at=since,
            ends_at=since + timedelta(days=60),
        ).approve(head, since)
    )
    terms = zones.Terms(kind=ZoneKind.HOME, name="home", valid_from=since, made_by=None)
    zones.circle(session, case, terms, lat=HOME[0], lon=HOME[1], radius_m=RADIUS_M)
