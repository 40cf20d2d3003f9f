"""A silent bracelet is one incident, whatever an officer does about it meanwhile."""

from datetime import datetime, timedelta

from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import sweep
from correction_service.db import Database
from correction_service.hardware import service_sessions
from correction_service.incidents import incidents, sightings, silences
from correction_service.settings import Settings
from correction_service.tracking import ways
from models.agency import Office
from models.device import Binding, Device, DeviceState, Gateway
from models.fix import Fix
from models.incident import Cause, Incident, IncidentKind, Severity
from models.order import Ground, PositioningOrder
from models.risk import FlagKind, RiskFlag
from models.service import ServiceKind
from models.user import Role
from tests.county import NOW, County, make_case
from tests.tracked import BEYOND, Tracked, fix, live_at, track


def wear(database: Database, county: County, heard_at: datetime) -> int:
    """Bind a bracelet under an order in force; return its id."""
    with database.transaction(SYSTEM, "test") as session:
        gateway = Gateway(name="g1", agency_id=county.agency, secret_hash="x", online=False)
        device = Device(name="b1", gateway=gateway)
        order = PositioningOrder(
            case_id=county.case,
            ground=Ground.LEFT_WITHOUT_APPROVAL,
            evidence="x",
            starts_at=NOW - timedelta(days=9),
            ends_at=NOW + timedelta(days=9),
            approved_by=county.users[Role.COUNTY_HEAD],
            approved_at=NOW,
        )
        bound_at = NOW - timedelta(days=3)
        session.add_all([order, Binding(device=device, case_id=county.case, bound_at=bound_at)])
        session.flush()
        session.add(DeviceState(device_id=device.id, heard_at=heard_at, zones=b""))
        return device.id


def opened(database: Database, now: datetime, settings: Settings) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return silences.open_new(session, now, settings)


def hear(database: Database, county: County, device: int, at: datetime) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.merge(DeviceState(device_id=device, heard_at=at, zones=b""))
        key = sightings.key_of(IncidentKind.DEVICE_SILENT, county.case, device)
        sightings.end(session, key, at, {}, at)


def test_a_silence_opens_one_incident_with_what_is_known(
    database: Database, county: County, settings: Settings
) -> None:
    wear(database, county, NOW - timedelta(minutes=59))
    assert opened(database, NOW, settings) == 0
    for minutes, number in ((2, 1), (3, 0), (600, 0)):
        assert opened(database, NOW + timedelta(minutes=minutes), settings) == number
    with database.reading() as session:
        incident = session.scalars(select(Incident)).one()
        assert incident.since == NOW - timedelta(minutes=59)
        known = {"battery": "unknown", "gateway": "offline", "others_heard": False}
        assert incident.facts.items() >= known.items()


def test_a_closed_incident_is_not_opened_again_for_the_same_silence(
    database: Database, county: County, settings: Settings
) -> None:
    wear(database, county, NOW - timedelta(hours=2))
    opened(database, NOW, settings)
    with database.transaction(SYSTEM, "test") as session:
        incident = session.scalars(select(Incident)).one()
        officer = county.users[Role.OFFICER]
        incidents.close(session, incident, officer, NOW, cause=Cause.NO_COVERAGE, note="山区")
    assert opened(database, NOW + timedelta(hours=1), settings) == 0


def test_a_second_silence_is_seen_whether_or_not_the_first_was_closed(
    database: Database, county: County, settings: Settings
) -> None:
    device = wear(database, county, NOW - timedelta(hours=2))
    opened(database, NOW, settings)
    hear(database, county, device, NOW + timedelta(minutes=5))
    assert opened(database, NOW + timedelta(minutes=30), settings) == 0
    later = NOW + timedelta(minutes=70)
    assert opened(database, later, settings) == 1
    assert opened(database, later + timedelta(minutes=1), settings) == 0
    with database.reading() as session:
        incident = session.scalars(select(Incident)).one()
        assert incident.ended_at is None


MINUTE = timedelta(minutes=1)


def crowd(database: Database, county: County, tracked: Tracked) -> list[int]:
    """Three worn bracelets at one gateway, and a fourth at another."""
    with database.transaction(SYSTEM, "test") as session:
        office = session.get_one(Office, county.office)
        one = session.get_one(Gateway, tracked.gateway)
        other = Gateway(name="other", agency_id=county.agency, secret_hash="!")
        cases = [make_case(session, office, number) for number in (2, 3, 4)]
        made = [
            track(session, case, county, f"B{number}", gateway)
            for number, (case, gateway) in enumerate(zip(cases, (one, one, other), strict=True))
        ]
        return [tracked.device, *(it.device for it in made)]


def speak(database: Database, device: int, *at: datetime) -> None:
    """Readings as ingest stores them: each a fix, the last one the sign of life."""
    with database.transaction(SYSTEM, "test") as session:
        session.merge(DeviceState(device_id=device, heard_at=at[-1], zones=b""))
        for moment in at:
            place = {"lat": 27.7, "lon": 106.9, "source": "gnss"}
            session.merge(Fix(device_id=device, time=moment, seq=1, received=moment, **place))


def minutely(start: datetime, minutes: int) -> list[datetime]:
    return [start + number * MINUTE for number in range(minutes)]


def silent_devices(database: Database, now: datetime, settings: Settings) -> set[int]:
    """Those with an incident, after both the incidents' look and the flags' found the same."""
    opened(database, now, settings)
    sweep.run(database, now.date(), now, settings)
    with database.reading() as session:
        made = set(session.scalars(select(Incident.device_id)))
        flags = session.scalars(select(RiskFlag).where(RiskFlag.kind == FlagKind.DEVICE_SILENT))
        assert {int(it.key.split(":")[1]) for it in flags} == made - {None}
    return {it for it in made if it is not None}


def test_when_a_gateway_falls_silent_with_all_its_bracelets_no_wearer_answers_for_it(
    database: Database, county: County, settings: Settings, tracked: Tracked
) -> None:
    *ours, elsewhere = crowd(database, county, tracked)
    for second, device in enumerate(ours):
        speak(database, device, NOW - timedelta(seconds=20 * second))
    for minutes in (60, 61, 90, 300):
        now = NOW + minutes * MINUTE
        speak(database, elsewhere, *minutely(NOW, minutes))
        assert silent_devices(database, now, settings) == set()
    with database.reading() as session:
        assert ways.quiet(session, now - 60 * MINUTE) == {tracked.gateway}
    for minutes in (1, 14):  # its way is open again; what it kept comes one after the other
        speak(database, ours[0], *minutely(now, minutes))
        speak(database, elsewhere, now + minutes * MINUTE)
        assert silent_devices(database, now + minutes * MINUTE, settings) == set()
    speak(database, ours[1], now + 2 * MINUTE)
    speak(database, ours[0], *minutely(now, 30))
    speak(database, elsewhere, now + 30 * MINUTE)
    assert silent_devices(database, now + 30 * MINUTE, settings) == {ours[2]}


def test_a_bracelet_is_silent_when_its_gateway_goes_on_to_hear_others(
    database: Database, county: County, settings: Settings, tracked: Tracked
) -> None:
    first, *others = crowd(database, county, tracked)
    speak(database, first, NOW)
    for device in others:
        speak(database, device, *minutely(NOW, 61))
    assert silent_devices(database, NOW + 61 * MINUTE, settings) == {first}
    with database.reading() as session:
        assert ways.quiet(session, NOW + MINUTE) == set()


def severity_after(
    database: Database, settings: Settings, offline: timedelta
) -> tuple[Severity, dict[str, object]]:
    opened(database, NOW + offline, settings)
    with database.reading() as session:
        incident = session.scalars(select(Incident)).one()
        return incident.severity, incident.facts


def test_an_outage_is_urgent_once_the_person_may_have_left_the_home_area(
    database: Database, settings: Settings, tracked: Tracked
) -> None:
    settings.silent_minutes = 5
    live_at(database, fix(NOW), NOW)
    severity, facts = severity_after(database, settings, timedelta(minutes=6))
    assert severity is Severity.WATCH
    assert (facts["offline_s"], facts["reach_m"]) == (360, 6000)
    border_m = facts["boundary_m"]
    assert isinstance(border_m, int)
    assert border_m > 6000
    assert not {"lat", "lon"} & facts.keys()
    before = timedelta(hours=(border_m - 100) / 60_000)
    assert severity_after(database, settings, before)[0] is Severity.WATCH
    after = timedelta(hours=(border_m + 100) / 60_000)
    severity, facts = severity_after(database, settings, after)
    assert severity is Severity.URGENT
    assert facts["urgent_since"] == (NOW + after).isoformat()


def test_outside_the_home_area_an_outage_is_urgent_at_once(
    database: Database, settings: Settings, tracked: Tracked
) -> None:
    settings.silent_minutes = 5
    live_at(database, fix(NOW, BEYOND), NOW)
    severity, facts = severity_after(database, settings, timedelta(minutes=6))
    assert (severity, facts["boundary_m"]) == (Severity.URGENT, 0)


def test_without_a_position_nobody_can_tell_how_urgent_an_outage_is(
    database: Database, county: County, settings: Settings
) -> None:
    wear(database, county, NOW - timedelta(hours=2))
    severity, facts = severity_after(database, settings, timedelta())
    assert (severity, facts["boundary_m"]) == (Severity.SOON, None)


def test_a_bracelet_in_an_officers_hands_is_not_silent(
    database: Database, settings: Settings, county: County, tracked: Tracked
) -> None:
    settings.silent_minutes = 5
    live_at(database, fix(NOW), NOW)
    with database.transaction(SYSTEM, "test") as session:
        service_sessions.begin(
            session,
            tracked.case,
            session.get_one(Device, tracked.device),
            ServiceKind.BATTERY_SWAP,
            15,
            by=county.users[Role.OFFICER],
            now=NOW,
            settings=settings,
        )
    assert opened(database, NOW + timedelta(minutes=14), settings) == 0
    assert opened(database, NOW + timedelta(minutes=15), settings) == 1
