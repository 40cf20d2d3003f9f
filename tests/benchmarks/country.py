"""A country under supervision: who wears what, where they live, which zones they have.

Made of real county borders and of nobody: a device a person, each bound, under an order in force,
with a home county, a round curfew zone and two round exclusion zones. What lasts is written once;
what zones remember is written for the moment a run begins.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    delete,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Session

from correction_service import accounts
from correction_service.hardware import gateways
from correction_service.zones import boundaries
from models.agency import Agency, AgencyLevel, Office
from models.area import as_geojson
from models.base import Base
from models.case import Case, CaseState, Category, Level
from models.device import Binding, Device, DeviceState, Gateway, Protocol
from models.evidence import DRIFT, SCORE_MAX, SPREAD, WEIGHT_MAX
from models.identity import IdKind, Sex
from models.memory import INSIDE, OUTSIDE, Memory, blank, pack
from models.motion import SPEED_MPS
from models.order import Ground, PositioningOrder
from models.person import Person
from models.standing import StandingChange
from models.user import Role, User
from models.zone import Zone, ZoneKind, ZoneShape

GATEWAYS = 100
SECRET = "bench"
LON, LAT = (100.0, 135.0), (18.0, 54.0)  # so that every degree has as many digits
LEAST_CORNERS, LEAST_AREA_DEG2 = 300, 0.05
INDOORS_DEG = 0.02  # nobody lives so near a county line that drift alone crosses it
ZONES, KEPT_IN = 4, 2  # a home county and a curfew zone to stay in, two to stay out of
DEPARTING = 100  # one in so many leaves the county, independently of others,
MINUTES = 10  # in one of these minutes,
UNDECIDED = 2  # or in one of these just before the run, and is not judged yet
STEP = WEIGHT_MAX * (SCORE_MAX[0] - DRIFT)  # what a clear fix beyond adds to the evidence
DAY_S = 86_400
SCATTER = np.uint64(0x9E37_79B9_7F4A_7C15)  # 2**64 over the golden ratio: neighbours fall far apart
EXCLUSIONS_DEG = ((0.05, 0.03), (-0.04, 0.05))  # from home, latitude and longitude
E7 = 10**7

Steps = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Homes:
    """Where everyone lives, in steps of 1e-7 degrees; device i belongs to gateway i // share."""

    gateways: int
    lat: Steps
    lon: Steps
    beyond: Steps  # a longitude over the county line

    @property
    def devices(self) -> int:
        """How many."""
        return len(self.lat)

    @property
    def share(self) -> int:
        """Devices of one gateway."""
        return self.devices // self.gateways

    def save(self, path: Path) -> None:
        """Keep them in a file."""
        np.savez(path, gateways=self.gateways, lat=self.lat, lon=self.lon, beyond=self.beyond)

    @classmethod
    def load(cls, path: Path) -> "Homes":
        """Read what `save` wrote."""
        with np.load(path) as kept:
            return cls(int(kept["gateways"]), kept["lat"], kept["lon"], kept["beyond"])


def device_name(number: int) -> str:
    """The name of device 0…; its id is one more."""
    return f"br-{number:07d}"


def gateway_name(number: int) -> str:
    """The name of gateway 0…."""
    return f"gw-{number:03d}"


def leaves_at(devices: Steps) -> Steps:
    """The minute of the run in which a device's wearer is first seen outside; far off for most."""
    dice = devices.astype(np.uint64) * SCATTER >> np.uint64(32)
    spread = dice // DEPARTING % (MINUTES + UNDECIDED)
    leaves = dice % DEPARTING == 0
    return np.where(leaves, spread.astype(np.int64) - UNDECIDED, 2**31)


def counties(count: int) -> list[BaseGeometry]:
    """So many counties from all over the country, the one of 876 corners among them."""
    codes = ["520303", *list(boundaries.divisions())[::10]]
    found: list[BaseGeometry] = []
    for code in codes:
        shape = boundaries._packaged(boundaries.divisions()[code].row)  # noqa: SLF001
        west, south, east, north = shape.bounds
        placed = LON[0] < west and east < LON[1] and LAT[0] < south and north < LAT[1]
        roomy = shapely.area(shape) >= LEAST_AREA_DEG2
        if placed and roomy and shapely.get_num_coordinates(shape) >= LEAST_CORNERS:
            found.append(shape)
        if len(found) == count:
            return found
    msg = f"only {len(found)} counties are large enough"
    raise ValueError(msg)


def settle(devices: int, shapes: Sequence[BaseGeometry]) -> Homes:
    """Spread people over the counties, the same for the same numbers."""
    dice = np.random.default_rng(520303)
    share = devices // len(shapes)
    places = [_within(shape, share, dice) for shape in shapes]
    lon, lat = np.rint(np.concatenate(places).T * E7).astype(np.int64)
    beyond = [np.full(share, round((shape.bounds[2] + 0.05) * E7)) for shape in shapes]
    return Homes(len(shapes), lat, lon, np.concatenate(beyond))


def _within(shape: BaseGeometry, count: int, dice: np.random.Generator) -> npt.NDArray[np.float64]:
    inner = shapely.buffer(shape, -INDOORS_DEG, quad_segs=1)
    shapely.prepare(inner)
    west, south, east, north = inner.bounds
    found = np.empty((0, 2))
    while len(found) < count:
        tried = dice.uniform((west, south), (east, north), (2 * count, 2))
        found = np.vstack([found, tried[shapely.contains_xy(inner, tried)]])
    return found[:count]


def found(engine: Engine, devices: int, gateways_count: int = GATEWAYS) -> Homes:
    """Write the country into an empty, migrated database."""
    shapes = counties(gateways_count)
    homes = settle(devices, shapes)
    began = datetime.now(UTC) - timedelta(days=1)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # keys and notes of 700,000 people cost minutes
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        _found_offices(connection, shapes)
        people = _people(connection, homes)
        _write_people(connection, people, began)
        _write_bracelets(connection, people, began)
        _write_zones(connection, people, began)
        connection.execute(delete(StandingChange))
        people.drop(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return homes


def _found_offices(connection: Connection, shapes: Sequence[BaseGeometry]) -> None:
    secret = gateways.hash_of(SECRET)
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        for number, shape in enumerate(shapes):
            name = gateway_name(number)
            agency = Agency(id=number + 1, name=name, level=AgencyLevel.COUNTY, division="520303")
            session.add(agency)
            session.add(Office(id=number + 1, agency=agency, name=name))
            gateway = Gateway(
                id=number + 1, name=name, agency_id=number + 1, secret_hash=secret, active=True
            )
            digest = f"{number:032d}".encode()
            geometry = as_geojson(shape)
            session.add_all([gateway, ZoneShape(id=number + 1, digest=digest, geometry=geometry)])
        session.flush()
        head = session.get_one(Agency, 1)
        accounts.add(
            session,
            username="head",
            name="head",
            role=Role.COUNTY_HEAD,
            agency=head,
            password="not-a-secret-of-anyone",
            must_change_password=False,
        )
        session.commit()


def _people(connection: Connection, homes: Homes) -> Table:
    """A passing table of everyone, from which the others are filled by the database itself."""
    table = Table(
        "home",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("name", String(32)),
        Column("person", Uuid),
        Column("blind", LargeBinary),
        Column("county", Integer),
        Column("lat", Double),
        Column("lon", Double),
        prefixes=["TEMPORARY"],
    )
    table.create(connection)
    rows = (
        (
            number + 1,
            device_name(number),
            UUID(int=number + 1),
            b"%032d" % number,
            number // homes.share + 1,
            lat / E7,
            lon / E7,
        )
        for number, (lat, lon) in enumerate(
            zip(homes.lat.tolist(), homes.lon.tolist(), strict=True)
        )
    )
    pour(connection, table, [column.name for column in table.columns], rows)
    return table


def pour(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write many rows: COPY on PostgreSQL."""
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
        return
    driver = connection.connection.driver_connection
    with driver.cursor().copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:  # type: ignore[union-attr] # psycopg's connection
        for row in rows:
            copy.write_row(row)


def _fill(connection: Connection, into: type[Base], source: Table, /, **columns: Any) -> None:  # noqa: ANN401 - a column's own type
    """Insert one row a row of `source`; a value that is no expression is the same for all."""
    table = into.__table__
    values = [
        value
        if isinstance(value, ColumnElement)
        else literal(value, table.c[name].type).label(name)
        for name, value in columns.items()
    ]
    rows = select(*values).select_from(source)
    connection.execute(insert(table).from_select(list(columns), rows))  # type: ignore[arg-type] # a mapped class's table


def _write_people(connection: Connection, people: Table, began: datetime) -> None:
    home = people.c
    day = began.date()
    _fill(
        connection,
        Person,
        people,
        id=home.person,
        name=home.name,
        sex=Sex.FEMALE,
        id_kind=IdKind.RESIDENT,
        id_index=home.blind,
        id_number_sealed=home.blind,
        created_at=began,
    )
    _fill(
        connection,
        Case,
        people,
        id=home.id,
        number=home.name,
        person_id=home.person,
        office_id=home.county,
        agency_id=home.county,
        category=Category.PAROLE,
        deciding_authority="",
        effective_on=day,
        reported_on=day,
        term_start=day,
        term_end=day + timedelta(days=365),
        state=CaseState.UNDER_CORRECTION,
        state_since=began,
        level=Level.ORDINARY,
        minor=False,
    )


def _write_bracelets(connection: Connection, people: Table, began: datetime) -> None:
    """A bracelet a person, bound, under an order in force."""
    home = people.c
    _fill(
        connection,
        Device,
        people,
        id=home.id,
        name=home.name,
        protocol=Protocol.NATIVE,
        gateway_id=home.county,
    )
    _fill(
        connection,
        Binding,
        people,
        id=home.id,
        device_id=home.id,
        case_id=home.id,
        bound_at=began,
    )
    _fill(
        connection,
        PositioningOrder,
        people,
        id=home.id,
        case_id=home.id,
        ground=Ground.LEFT_WITHOUT_APPROVAL,
        evidence="-",
        starts_at=began,
        ends_at=began + timedelta(days=80),
        approved_by=select(User.id).limit(1).scalar_subquery(),
        approved_at=began,
    )


def _write_zones(connection: Connection, people: Table, began: datetime) -> None:
    home = people.c
    same = {"case_id": home.id, "divisions": [], "datum": "wgs84", "margin_m": 50.0}
    same |= {"valid_from": began, "name": "-"}
    first = home.id * ZONES
    _fill(connection, Zone, people, id=first, kind=ZoneKind.HOME, shape_id=home.county, **same)
    around = {"lat": home.lat, "lon": home.lon, "radius_m": 200.0, "hours": "00:00-23:59"}
    _fill(connection, Zone, people, id=first + 1, kind=ZoneKind.CURFEW, **around, **same)
    for number, (lat, lon) in enumerate(EXCLUSIONS_DEG):
        apart = {"lat": home.lat + lat, "lon": home.lon + lon, "radius_m": 500.0}
        own = {"id": first + 2 + number, "kind": ZoneKind.EXCLUSION}
        _fill(connection, Zone, people, **own, **apart, **same)


def remember(connection: Connection, homes: Homes, now: datetime) -> None:
    """Write what zones remember of everyone before `now`: a settled life, some on their way."""
    names = ("device_id", "heard_at", "time", "seq", "lat", "lon", "source", "zones", "revision")
    table = DeviceState.__table__
    pour(connection, table, names, _states(homes, now))  # type: ignore[arg-type] # a mapped class's table


def _states(homes: Homes, now: datetime) -> Iterator[tuple[Any, ...]]:
    last = now - timedelta(minutes=1)
    memory = _remembered(homes, int(last.timestamp()))
    places = zip(homes.lat.tolist(), homes.lon.tolist(), strict=True)
    for number, (lat, lon) in enumerate(places):
        zones = pack(memory[ZONES * number : ZONES * (number + 1)])
        yield (number + 1, last, last, 0, lat / E7, lon / E7, "gnss", zones, 0)


def _remembered(homes: Homes, last: int) -> Memory:
    """A settled life in every zone, seen a minute ago; some have been beyond for minutes."""
    memory = blank(np.arange(homes.devices * ZONES) + ZONES)
    kept_in = np.arange(homes.devices * ZONES) % ZONES < KEPT_IN
    minutes = np.clip(-leaves_at(np.arange(homes.devices)), 0, UNDECIDED).repeat(ZONES)
    left = kept_in & (minutes > 0)
    memory["state"] = memory["settled"] = np.where(kept_in, INSIDE, OUTSIDE)
    memory["since"] = last - DAY_S
    memory["heard"] = last
    memory["lat"] = homes.lat.repeat(ZONES)
    memory["lon"] = np.where(left, homes.beyond.repeat(ZONES), homes.lon.repeat(ZONES))
    memory["error_m"] = SPREAD[0] * 10
    memory["speed_var"] = np.where(left, SPEED_MPS**2, 0)
    memory["total"] = np.where(left, minutes * STEP, 0.0)
    memory["sure"] = np.where(left, last - 60 * (minutes - 1), 0)
    memory["left"] = np.where(left, last - 60 * (minutes - 1), 0)
    memory["fixes"][:, 0] = np.where(left, minutes, 0)
    memory["best_m"][left] = memory["worst_m"][left] = 10
    return memory
