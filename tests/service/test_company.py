"""Who is together though an order keeps them apart: one incident a storm, and nobody else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import incidents
from correction_service.zones import company, company_watch, zones
from correction_service.zones.company import Terms
from models.agency import Office
from models.audit import AuditRecord
from models.case import Case, CaseState
from models.company import CompanyPair
from models.device import Binding, DeviceState, Gateway
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.incident import Cause, Incident, IncidentKind, Severity
from models.order import PositioningOrder
from models.user import Role, User
from models.zone import ZoneKind
from tests.county import NOW, County, make_case
from tests.tracked import FITTED, HUICHUAN, Tracked, incidents_of, track

MINUTE = timedelta(minutes=1)
LAT, LON = HUICHUAN
METRE = 1 / 111_195.0  # degrees of latitude
FAR = 5000.0


@dataclass(frozen=True)
class Three:
    """Three people with bracelets: two of one office, the third of another."""

    cases: tuple[int, int, int]
    devices: tuple[int, int, int]
    ban: int


@pytest.fixture
def three(database: Database, county: County) -> Three:
    """The first two are kept apart by an order."""
    with database.transaction(SYSTEM, "test") as session:
        office = session.get_one(Office, county.office)
        other = session.get_one(Office, county.other_office)
        cases = [session.get_one(Case, county.case), make_case(session, office, 2)]
        cases.append(make_case(session, other, 3))
        session.flush()
        gateway = Gateway(name="gw-1", agency_id=county.agency, secret_hash="!")
        worn = [
            track(session, case, county, f"B000{number}", gateway)
            for number, case in enumerate(cases)
        ]
        ban = company.forbid(session, head(session, county), cases[0].id, apart(cases[1]), NOW)
        a, b, c = worn
        return Three((a.case, b.case, c.case), (a.device, b.device, c.device), ban.id)


def head(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.COUNTY_HEAD])


def officer(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.OFFICER])


def apart(*others: Case, since: datetime = NOW, until: datetime | None = None) -> Terms:
    numbers = [it.number for it in others]
    return Terms(
        numbers=numbers, named=None, basis="(2026)黔0303刑初17号", valid_from=since, valid_to=until
    )


def minute(
    database: Database,
    three: Three,
    at: datetime,
    north_m: Sequence[float | None],
    **fields: object,
) -> int:
    """The newest position of each, so far north of one place, and a look at all of them."""
    with database.transaction(SYSTEM, "test") as session:
        for device, metres in zip(three.devices, north_m, strict=False):
            if metres is None:
                continue
            state = session.get(DeviceState, device) or DeviceState(device_id=device)
            state.heard_at = state.time = at
            state.lat, state.lon = LAT + metres * METRE, LON
            state.accuracy_m, state.source, state.zones = 8.0, "gnss", b""
            for name, value in fields.items():
                setattr(state, name, value)
            session.add(state)
        session.flush()
        return company_watch.watch(session, at)


def minutes(
    database: Database,
    three: Three,
    first: int,
    last: int,
    north_m: Sequence[float | None],
    **fields: object,
) -> int:
    """The same for minutes `first` to `last`; how many pairs are together then."""
    return max(
        minute(database, three, NOW + number * MINUTE, north_m, **fields)
        for number in range(first, last + 1)
    )


NEAR = (0.0, 20.0, FAR)


def test_ten_minutes_together_are_one_incident(database: Database, three: Three) -> None:
    minutes(database, three, 0, 9, NEAR)
    assert incidents_of(database) == []
    minutes(database, three, 10, 25, NEAR)
    (incident,) = incidents_of(database)
    assert (incident.kind, incident.severity) == (IncidentKind.CONTACT, Severity.SOON)
    assert incident.facts["cases"] == list(three.cases[:2])
    assert (incident.since, incident.opened_at) == (NOW, NOW + 10 * MINUTE)
    assert incident.last_seen_at == NOW + 25 * MINUTE
    assert incident.facts["together_s"] == 25 * 60
    assert incident.facts["times"] == 1
    with database.reading() as session:
        told = select(AuditRecord).where(AuditRecord.subject_kind == "incident")
        assert len(session.scalars(told).all()) == 1, "a minute more is no other row of the log"


def test_the_facts_hold_no_coordinates_and_no_names(database: Database, three: Three) -> None:
    minutes(database, three, 0, 12, NEAR)
    (incident,) = incidents_of(database)
    assert set(incident.facts) == {
        *("cases", "bans", "near_m", "near_error_m", "together_s", "neighbours", "times")
    }


def test_apart_again_ends_it(database: Database, three: Three) -> None:
    minutes(database, three, 0, 12, NEAR)
    minutes(database, three, 13, 25, (0.0, FAR, FAR))
    (incident,) = incidents_of(database)
    assert incident.facts["ended_by"] == "apart"
    assert incident.ended_at == NOW + 12 * MINUTE
    assert incident.open_key is not None, "an officer closes it with a cause"


def test_what_an_officer_closed_is_not_raised_again_while_it_lasts(
    database: Database, county: County, three: Three
) -> None:
    minutes(database, three, 0, 12, NEAR)
    with database.transaction(SYSTEM, "test") as session:
        incident = session.scalars(select(Incident)).one()
        by = county.users[Role.OFFICER]
        at = NOW + 12 * MINUTE
        incidents.close(session, incident, by, at, cause=Cause.OTHER, note="同乘")
    minutes(database, three, 13, 20, NEAR)
    assert len(incidents_of(database)) == 1
    minutes(database, three, 21, 45, (0.0, FAR, FAR))
    minutes(database, three, 46, 60, NEAR)
    assert len(incidents_of(database)) == 2, "another meeting is another incident"


UNKNOWN: dict[str, dict[str, object]] = {
    "a cell tower": {"source": "lbs"},
    "an old position": {"time": NOW - 6 * MINUTE},
    "no position": {"time": None, "lat": None, "lon": None},
    "a coarse position": {"accuracy_m": 120.0},
}


@pytest.mark.parametrize("fields", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_unknown_is_no_contact(
    database: Database, three: Three, fields: dict[str, object]
) -> None:
    assert minutes(database, three, 0, 15, NEAR, **fields) == 0
    assert incidents_of(database) == []


def test_half_an_hour_of_nothing_ends_it_as_unknown(database: Database, three: Three) -> None:
    minutes(database, three, 0, 12, NEAR)
    minutes(database, three, 13, 42, (None, None, None))
    (incident,) = incidents_of(database)
    assert incident.ended_at is None
    minutes(database, three, 43, 43, (None, None, None))
    (incident,) = incidents_of(database)
    assert incident.facts["ended_by"] == "no_evidence"
    with database.reading() as session:
        assert session.scalars(select(CompanyPair)).all() == []


def test_who_is_under_no_ban_is_not_looked_at(database: Database, three: Three) -> None:
    assert minutes(database, three, 0, 15, (0.0, FAR, 0.0)) == 0
    with database.reading() as session:
        assert session.scalars(select(CompanyPair)).all() == []


def lift_order(session: Session, three: Three) -> None:
    order = select(PositioningOrder).where(PositioningOrder.case_id == three.cases[0])
    session.scalars(order).one().lifted_at = NOW


def take_off(session: Session, three: Three) -> None:
    worn = select(Binding).where(Binding.case_id == three.cases[0])
    session.scalars(worn).one().unbound_at = NOW


def detain(session: Session, three: Three) -> None:
    session.get_one(Case, three.cases[0]).move(CaseState.DETAINED, NOW)


@pytest.mark.parametrize("ending", [lift_order, take_off, detain])
def test_nobody_is_followed_without_an_order_in_force(
    database: Database, three: Three, ending: Callable[[Session, Three], None]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ending(session, three)
    assert minutes(database, three, 0, 15, NEAR) == 0


def test_a_ban_that_is_lifted_ends_what_it_raised(
    database: Database, county: County, three: Three
) -> None:
    minutes(database, three, 0, 12, NEAR)
    with database.transaction(SYSTEM, "test") as session:
        company.lift(session, officer(session, county), three.ban, NOW + 13 * MINUTE)
    minutes(database, three, 13, 13, NEAR)
    (incident,) = incidents_of(database)
    assert incident.facts["ended_by"] == "not_in_force"


def test_meeting_at_the_centre_is_no_contact(
    database: Database, county: County, three: Three
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        place = company.add_place(
            session, head(session, county), "矫正中心", at=HUICHUAN, radius_m=80, now=NOW
        )
    assert minutes(database, three, 0, 30, NEAR) == 0
    with database.transaction(SYSTEM, "test") as session:
        company.end_place(session, head(session, county), place.id, NOW + 30 * MINUTE)
    assert minutes(database, three, 31, 45, NEAR) == 1


def test_neighbours_are_only_watched(database: Database, three: Three) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for case_id, metres in zip(three.cases[:2], (0, 250), strict=True):
            terms = zones.Terms(
                kind=ZoneKind.CURFEW, name="住处", valid_from=FITTED, hours="22:00-06:00"
            )
            case = session.get_one(Case, case_id)
            north = LAT + metres * METRE
            zones.circle(session, case, terms, lat=north, lon=LON, radius_m=100)
    minutes(database, three, 0, 12, NEAR)
    (incident,) = incidents_of(database)
    assert incident.severity is Severity.WATCH
    assert incident.facts["neighbours"] is True


@pytest.fixture
def all_three(database: Database, county: County, three: Three) -> Three:
    """All three are of one offence."""
    with database.transaction(SYSTEM, "test") as session:
        _, second, third = (session.get_one(Case, it) for it in three.cases)
        company.forbid(session, head(session, county), three.cases[0], apart(second, third), NOW)
    return three


def test_three_of_one_offence_are_a_gathering_told_to_each_office_once(
    database: Database, all_three: Three
) -> None:
    minutes(database, all_three, 0, 20, (0.0, 20.0, 40.0))
    found = sorted(incidents_of(database), key=lambda it: it.case_id)
    assert [it.kind for it in found] == [IncidentKind.GATHERING] * 2
    assert [it.case_id for it in found] == [all_three.cases[0], all_three.cases[2]]
    assert all(it.facts["cases"] == list(all_three.cases) for it in found)


def test_a_third_who_joins_makes_a_gathering_of_a_contact(
    database: Database, all_three: Three
) -> None:
    minutes(database, all_three, 0, 12, NEAR)
    minutes(database, all_three, 13, 30, (0.0, 20.0, 40.0))
    contact, *gatherings = incidents_of(database)
    assert (contact.kind, contact.facts["ended_by"]) == (IncidentKind.CONTACT, "grew")
    assert len(gatherings) == 2


def test_each_office_sees_its_own_people_and_counts_the_others(
    database: Database, county: County, all_three: Three
) -> None:
    minutes(database, all_three, 0, 20, (0.0, 20.0, 40.0))
    with database.reading() as session:
        of_first = select(Incident).where(Incident.case_id == all_three.cases[0])
        incident = session.scalars(of_first).one()
        seen, hidden = company.companions(session, officer(session, county), incident)
        assert ([it.id for it in seen], hidden) == ([all_three.cases[1]], 1)
        seen, hidden = company.companions(session, head(session, county), incident)
        assert ([it.id for it in seen], hidden) == (list(all_three.cases[1:]), 0)
        case = session.get_one(Case, all_three.cases[0])
        (newer, older) = company.of(session, officer(session, county), case)
        assert (len(newer.seen), newer.hidden) == (1, 1)
        assert (len(older.seen), older.hidden) == (1, 0)


def test_only_who_sees_all_of_them_lets_them_meet(
    database: Database, county: County, all_three: Three
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        ban = all_three.ban + 1
        with pytest.raises(Forbidden, match="Another office"):
            company.lift(session, officer(session, county), ban, NOW)
        company.lift(session, head(session, county), ban, NOW + MINUTE)
        with pytest.raises(Refused, match="ended already"):
            company.lift(session, head(session, county), ban, NOW + 2 * MINUTE)
        stranger = session.get_one(User, county.users[Role.OFFICER])
        stranger.office_id = county.other_office
        with pytest.raises(NotFound):
            company.lift(session, stranger, all_three.ban, NOW)
        with pytest.raises(Forbidden):
            company.lift(
                session, session.get_one(User, county.users[Role.VOLUNTEER]), all_three.ban, NOW
            )


BAD = [
    ({"basis": " "}, "order or decision"),
    ({"numbers": []}, "at least one other"),
    ({"numbers": ["T000009"]}, "the number T000009"),
    ({"numbers": ["T000003"]}, "the number T000003"),  # of another office
    ({"numbers": ["T000001"]}, "own case"),
    ({"numbers": ["T"] * 20}, "At most 20"),
    ({"named": "x" * 401}, "400 characters"),
    ({"valid_from": NOW - MINUTE}, "in the past"),
    ({"valid_to": NOW}, "after it begins"),
]


@pytest.mark.parametrize(("change", "why"), BAD)
def test_a_ban_names_people_of_ones_offices_and_an_order(
    database: Database, county: County, three: Three, change: dict[str, object], why: str
) -> None:
    terms = {"numbers": ["T000002"], "named": None, "basis": "判决书", "valid_from": NOW}
    asked = Terms(**{**terms, **change})  # type: ignore[arg-type] # as a form gives them
    with database.reading() as session, pytest.raises(Invalid, match=why):
        company.forbid(session, officer(session, county), county.case, asked, NOW)


def test_people_who_are_only_named_are_kept_in_the_orders_words(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        terms = Terms(numbers=[], named="被害人王某", basis="禁止令", valid_from=NOW)
        ban = company.forbid(session, officer(session, county), county.case, terms, NOW)
        assert (ban.named, len(ban.members)) == ("被害人王某", 1)
        assert company_watch.watch(session, NOW) == 0


def test_a_place_to_meet_is_small_and_named(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        chief = head(session, county)
        for name, at, radius_m, why in (
            (" ", HUICHUAN, 50, "a name"),
            ("a", (99.0, 0.0), 50, "Latitude"),
            ("a", HUICHUAN, 5000, "20 m to 1 km"),
        ):
            with pytest.raises(Invalid, match=why):
                company.add_place(session, chief, name, at=at, radius_m=radius_m, now=NOW)
        place = company.add_place(session, chief, "中心", at=HUICHUAN, radius_m=50, now=NOW)
        company.end_place(session, chief, place.id, NOW)
        with pytest.raises(Refused):
            company.end_place(session, chief, place.id, NOW)
        with pytest.raises(NotFound):
            company.end_place(session, chief, place.id + 1, NOW)


def test_people_together_through_others_are_one_group() -> None:
    found = company_watch.groups([(1, 2), (3, 4), (2, 3), (7, 8)])
    assert sorted(map(sorted, found)) == [[1, 2, 3, 4], [7, 8]]
