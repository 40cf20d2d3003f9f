"""Drills of what is said wrongly, too often, too large or twice, while others keep speaking."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.hardware import bracelets
from models.case import Case
from models.device import Binding
from models.errors import Refused
from models.fix import DeviceEvent, Fix, Reject
from models.incident import Incident
from tests.faults import junk, tally
from tests.faults.junk import TOPIC, stranger
from tests.faults.rig import SPARE, STRAY, Rig
from tests.faults.tally import Tally

STORM_A_SECOND = 10_000
STRAPS_SHARE = 10  # of a storm: every tenth message opens the strap again
MEMORY_MB = 300  # that a storm may add to the ingester
YEARS = timedelta(days=365)
WIRE_MAX = 1_000_000  # bytes a payload


def rejected(rig: Rig, **columns: str) -> int:
    """How many payloads were refused so, by columns of `reject`."""
    query = select(func.coalesce(func.sum(Reject.times), 0)).filter_by(**columns)
    return rig.number(lambda session: session.scalar(query) or 0)


def until_rejected(rig: Rig, count: int, **columns: str) -> None:
    """Wait until so many are; more than that are doubles."""
    rig.until(lambda: rejected(rig, **columns) >= count, f"{count} refused: {columns}")
    rig.extra += Tally(doubled=rejected(rig, **columns) - count)


def until_stray(rig: Rig, count: int, kind: type[Fix | DeviceEvent] = Fix) -> None:
    """Wait until so many readings of the stray bracelet are stored, and count them as sent."""

    def counted(session: Session) -> Tally:
        return tally.of_kind(session, kind, {STRAY: count})

    rig.until(lambda: rig.number(lambda it: counted(it).lost) == 0, "the stray bracelet's readings")
    with rig.database.reading() as session:
        rig.extra += counted(session)


def bounded(rig: Rig, storm: Callable[[], None]) -> None:
    """Run a storm; the ingester must not grow over it, and others must get through."""
    before = rig.ingest_mb()
    storm()
    with rig.recovering():
        grown = rig.ingest_mb() - before
    if grown > MEMORY_MB:
        raise MemoryError(f"the ingester grew by {grown:.0f} MB in a storm")


def storm_of_rejects(rig: Rig) -> None:
    """One gateway says what is refused, ten thousand times a second."""
    count = rig.scale.storm // 2
    with stranger(rig.broker.port) as bad:
        nobody = TOPIC.replace(STRAY, "nobody")
        bounded(rig, lambda: bad.storm(nobody, junk.fixes(count), STORM_A_SECOND))
        bounded(rig, lambda: bad.storm(TOPIC, (b"{" for _ in range(count)), STORM_A_SECOND))
    until_rejected(rig, count, reason="unknown_device")
    until_rejected(rig, count, reason="not_json")


def storm_of_fixes(rig: Rig) -> None:
    """One bracelet says valid fixes, ten thousand a second, and its strap opens all the time."""
    count = rig.scale.storm
    with stranger(rig.broker.port) as bad:
        bounded(rig, lambda: bad.storm(TOPIC, junk.fixes(count), STORM_A_SECOND))
        opened = count // STRAPS_SHARE
        bounded(rig, lambda: bad.storm(junk.EVENTS, junk.straps(opened), STORM_A_SECOND))
    until_stray(rig, count)
    until_stray(rig, opened, DeviceEvent)
    with rig.database.reading() as session:
        mine = select(Incident).where(Incident.case_id == rig.cases[STRAY])
        (incident,) = session.scalars(mine).all()  # one storm is one incident
        rig.extra += Tally(lost=opened - incident.facts["times"])


def clocks_off(rig: Rig) -> None:
    """Bracelets whose clocks are years off are refused for good, and say so in the receipt."""
    now = datetime.now(UTC)
    times = [now + years * YEARS for years in (-30, -3, 3, 30)]
    with stranger(rig.broker.port) as bad:
        for number, at in enumerate(times):
            bad.say(TOPIC, junk.fix_at(at, number))
        bad.wait()
    with rig.recovering():
        until_rejected(rig, 2, device=STRAY, reason="clock_ahead")
    until_rejected(rig, len(times), device=STRAY)


def counters_reset(rig: Rig) -> None:
    """Bracelets count from 0 again and again, while nothing can be stored."""
    with rig.recovering(), rig.store.away():
        rig.hold(rig.scale.outage_s)


def wrong_qos(rig: Rig) -> None:
    """QoS 0 and 2 where 1 is agreed: stored once all the same."""
    with stranger(rig.broker.port) as bad:
        for number, payload in enumerate(junk.fixes(200)):
            bad.say(TOPIC, payload, qos=2 * (number % 2))
        bad.wait()
    with rig.recovering():
        until_stray(rig, 200)


def retained_junk(rig: Rig) -> None:
    """Retained payloads come once as they are said, and never again with each new connection."""
    (fix,) = junk.fixes(1)
    with stranger(rig.broker.port) as bad:
        for number in range(20):
            bad.say(TOPIC.replace(STRAY, f"junk-{number}"), b"{", retain=True)
        bad.say(TOPIC, fix, retain=True)
        bad.wait()
    until_rejected(rig, 20, reason="not_json")
    for _ in range(rig.scale.kills):
        rig.kill_ingest()
        with rig.recovering():
            rig.start_ingest()
    until_rejected(rig, 20, reason="not_json")
    until_stray(rig, 1)


def large_payloads(rig: Rig) -> None:
    """A megabyte and more: refused with its reason, or its sender is cut off by the broker."""
    (fix,) = junk.fixes(1)
    long_list = msgspec.json.encode([msgspec.json.decode(fix)] * 5000)
    with stranger(rig.broker.port) as bad:
        bad.say(TOPIC, b" " * (WIRE_MAX + 1))
        bad.say(TOPIC, long_list)
        bad.wait()
        bad.say(TOPIC, b" " * (3 * WIRE_MAX), qos=0)
    with rig.recovering():
        until_rejected(rig, 1, reason="too_many")
    until_rejected(rig, 1, reason="too_large")


def bound_twice(rig: Rig) -> None:
    """Two officers fit one bracelet to two people at the same moment: one of them succeeds."""
    with rig.database.transaction(SYSTEM, "drill") as session:
        for name in (STRAY, SPARE):
            bracelets.unbind(session, bracelets.named(session, name), datetime.now(UTC))
    cases = [rig.cases[STRAY], rig.cases[SPARE]]
    for _ in range(rig.scale.kills):
        together, refused = threading.Barrier(2), list[str]()
        threads = [
            threading.Thread(target=_fit, args=(rig, case, together, refused)) for case in cases
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with rig.database.transaction(SYSTEM, "drill") as session:
            device = bracelets.named(session, STRAY)
            worn = select(func.count()).where(
                Binding.device_id == device.id, Binding.unbound_at.is_(None)
            )
            rig.extra += Tally(doubled=abs((session.scalar(worn) or 0) - 1))
            rig.extra += Tally(doubled=abs(len(refused) - 1))
            bracelets.unbind(session, device, datetime.now(UTC))
    with rig.recovering():
        pass


def _fit(rig: Rig, case_id: int, together: threading.Barrier, refused: list[str]) -> None:
    try:
        with rig.database.transaction(SYSTEM, "drill") as session:
            device = bracelets.named(session, STRAY)
            case = session.get_one(Case, case_id)
            if rig.store.kind == "postgresql":  # SQLite lets one in at a time
                together.wait()
            bracelets.bind(session, case, device, datetime.now(UTC))
    except Refused as fault:
        refused.append(str(fault))
