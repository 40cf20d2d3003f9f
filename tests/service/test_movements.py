"""A day of a wearer becomes two places, beside the weeks before; it goes with the fixes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from correction_service import retention
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.risk import movements
from correction_service.settings import Settings
from models.case import Case, CaseState
from models.device import Binding, Device, Gateway
from models.movement import MovementDay
from tests.county import NOW, County
from tests.history import store

DAY = date(2026, 11, 18)
BEGINS = datetime(2026, 11, 17, 16, tzinfo=UTC)
HOME, WORK, FAR = (27.70, 106.90), (27.72, 106.92), (27.90, 107.10)


def wear(database: Database, county: County, since: datetime, until: datetime | None) -> int:
    with database.transaction(SYSTEM, "test") as session:
        gateway = Gateway(name="g1", agency_id=county.agency, secret_hash="x", online=True)
        device = Device(name="b1", gateway=gateway)
        session.add_all(
            [device, Binding(device=device, case_id=county.case, bound_at=since, unbound_at=until)]
        )
        session.flush()
        return device.id


def fix(device: int, hour: float, place: tuple[float, float], **fields: object) -> dict[str, Any]:
    at = BEGINS + timedelta(hours=hour)
    row: dict[str, Any] = {"device_id": device, "time": at, "seq": int(hour * 60), "received": at}
    row |= {"lat": place[0], "lon": place[1], "accuracy_m": 10.0, "source": "gnss", "crs": "wgs84"}
    row |= dict.fromkeys(("speed_mps", "heading_deg", "battery", "strap_open", "worn"))
    return row | fields


def day_of(database: Database, county: County) -> MovementDay:
    with database.reading() as session:
        found = session.get_one(MovementDay, (county.case, DAY))
        session.expunge_all()
        return found


def ordinary(database: Database, county: County, days: int) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for ago in range(1, days + 1):
            places = {"night_lat": HOME[0], "night_lon": HOME[1]}
            places |= {"far_lat": WORK[0], "far_lon": WORK[1]}
            day = DAY - timedelta(days=ago)
            session.add(MovementDay(case_id=county.case, day=day, fixes=900, **places))


def test_a_day_is_its_night_and_its_farthest_hour(database: Database, county: County) -> None:
    device = wear(database, county, BEGINS - timedelta(days=40), None)
    away = [fix(device, hour, WORK) for hour in (9, 9.5, 10, 11)]
    store(database, [fix(device, hour, HOME) for hour in (0, 1, 2, 22)] + away)
    assert movements.run(database, DAY) == 1
    found = day_of(database, county)
    assert found.fixes == 8
    assert (found.night_lat, found.night_lon) == pytest.approx(HOME)
    assert (found.far_lat, found.far_lon) == pytest.approx(WORK)
    assert (found.new_place_m, found.other_night_m, found.unusually_far_m) == (None, None, None)


def test_a_day_unlike_the_weeks_before_is_said_in_metres(
    database: Database, county: County
) -> None:
    device = wear(database, county, BEGINS - timedelta(days=40), None)
    ordinary(database, county, 28)
    store(database, [fix(device, 1, FAR), fix(device, 12, FAR)])
    for _ in range(2):  # again is harmless
        assert movements.run(database, DAY) == 1
    found = day_of(database, county)
    assert found.new_place_m == pytest.approx(26_700, rel=0.02)
    assert found.other_night_m == pytest.approx(29_700, rel=0.02)
    assert found.unusually_far_m == pytest.approx(29_700, rel=0.02)


def test_cells_inexact_fixes_and_those_of_another_wearer_do_not_count(
    database: Database, county: County
) -> None:
    device = wear(database, county, BEGINS - timedelta(days=1), BEGINS + timedelta(hours=12))
    store(
        database,
        [
            fix(device, 1, HOME),
            fix(device, 2, FAR, source="lbs"),
            fix(device, 3, FAR, accuracy_m=900.0),
            fix(device, 13, FAR),
        ],
    )
    movements.run(database, DAY)
    assert day_of(database, county).fixes == 1


def test_a_day_of_which_nothing_came_has_no_row(database: Database, county: County) -> None:
    wear(database, county, BEGINS, None)
    assert movements.run(database, DAY) == 0


def test_the_places_go_when_the_fixes_of_an_ended_case_go(
    database: Database, county: County, settings: Settings
) -> None:
    ordinary(database, county, 3)
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.state, case.state_since = CaseState.RELEASED, NOW - timedelta(days=364)
    assert retention.run(database, settings, NOW) == 0
    assert retention.run(database, settings, NOW + timedelta(days=2)) == 3
    with database.reading() as session:
        assert session.scalars(select(MovementDay)).all() == []
