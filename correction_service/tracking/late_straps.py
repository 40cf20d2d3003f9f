"""Open straps that late fixes and late events show: never filtered, whatever is known by now."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Boolean, Integer, column, or_, select, table
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from correction_service.incidents import device_events
from correction_service.incidents.device_events import STRAP_OPEN, Signal, Word
from correction_service.storage import history
from correction_service.tracking import wearers
from correction_service.tracking.gate import Gated
from correction_service.tracking.roster import Roster, Rows
from correction_service.tracking.wearers import Bracelet, Wearing
from devices.messages import EventKind, Fix
from models.base import UtcDateTime
from models.fix import DeviceEvent
from models.grid import micros, moment
from models.incident import Incident, IncidentKind
from models.packing import NULL, Columns

Span = tuple[datetime, datetime]  # [from, until]
CLOSED, OPEN = 0, 1  # in columns of straps
NEVER_OVER = datetime.max.replace(tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
_COLUMNS: dict[str, TypeEngine[Any]] = {
    "device_id": Integer(),
    "time": UtcDateTime(),
    "seq": BigInteger(),
    "received": UtcDateTime(),
    "strap_open": Boolean(),
}


def answer(session: Session, roster: Roster, gated: Gated, newer: Rows, now: datetime) -> None:
    """Raise what late fixes of today's wearers, stored by now, show for the first time.

    What is raised is ended at once where the strap is known to be closed by now; an officer
    closes it all the same.
    """
    opened = np.flatnonzero(gated.columns["strap_open"] == 1)
    late = opened[~np.isin(opened, newer)] if opened.size else opened
    late = late[gated.columns["time"][late] >= roster.table["bound_at"][gated.rows[late]]]
    if not late.size:
        return
    rows = np.unique(gated.rows[late])
    bracelets = wearers.read_by_id(session, roster.table["device_id"][rows].tolist())
    for row in rows.tolist():
        state, mine = roster.table[row], late[gated.rows[late] == row]
        first = moment(int(gated.columns["time"][mine].min()))
        past = _past(session, int(state["device_id"]), first, moment(int(state["time"])))
        fixes = _new(gated, mine, newer[gated.rows[newer] == row], past)
        wearing = bracelets[int(state["device_id"])].worn_now
        if fixes and wearing:
            _raise(session, state, wearing, fixes, past=past, now=now)


def words_after(
    session: Session, bracelet: Bracelet, told: Sequence[Signal], newest: datetime
) -> list[Word]:
    """What is stored of the strap after the first of these events.

    Fixes count up to the `newest` one before the batch, for those of the batch are told apart.
    """
    if not told:
        return []
    since = min(it.at for it in told)
    past = _past(session, bracelet.id, since + INSTANT, newest)
    said = past["strap_open"] >= CLOSED
    opened = (past["strap_open"][said] == OPEN).tolist()
    found = list(zip(history.moments(past["time"][said]), opened, strict=True))
    events = select(DeviceEvent.time, DeviceEvent.received, DeviceEvent.event).where(
        DeviceEvent.device_id == bracelet.id,
        DeviceEvent.event.in_([it.value for it in STRAP_OPEN]),
        or_(DeviceEvent.time > since, DeviceEvent.received > since),
    )
    for it in session.execute(events):
        at = device_events.moment(bracelet, it.time, it.received)
        if at > since:
            found.append((at, STRAP_OPEN[EventKind(it.event)]))
    return sorted(found)


def _raise(
    session: Session,
    state: np.void,
    wearing: Wearing,
    fixes: Sequence[Fix],
    *,
    past: Columns,
    now: datetime,
) -> None:
    device_id = int(state["device_id"])
    told = partial(device_events.strap_signal, device_id, wearing, now, "late_fix")
    known = _known(session, device_id, wearing)
    closed_by = moment(int(state["time"])) if state["strap"] == CLOSED else None
    device_events.answer(session, _signals(fixes, told, past, known, closed_by), now)


def _past(session: Session, device_id: int, since: datetime, newest: datetime) -> Columns:
    """What fixes of [since, newest] said of the strap, hot or closed, in order of (time, seq).

    Ingest may read no position of the past, so packed days, which have them, say nothing here.
    """
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for name in history.tables(session):
        fixes = table(name, *(column(it, kind) for it, kind in _COLUMNS.items()))
        query = select(fixes.c.time, fixes.c.seq, fixes.c.received, fixes.c.strap_open)
        mine = (fixes.c.device_id == device_id, fixes.c.time.between(since, newest))
        for time, seq, received, strap_open in session.execute(query.where(*mine)):
            said = NULL if strap_open is None else int(strap_open)
            found[micros(time), seq] = (micros(received), said)
    rows = [(*identity, *said) for identity, said in sorted(found.items())]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return dict(zip(("time", "seq", "received", "strap_open"), columns, strict=True))


def _new(gated: Gated, shown: Rows, live: Rows, past: Columns) -> list[Fix]:
    """Those not stored before, in order: what is stored keeps the moment of its first receipt."""
    identities = zip(past["time"].tolist(), past["seq"].tolist(), strict=True)
    stored = dict(zip(identities, past["received"].tolist(), strict=True))
    taken = {_identity(gated, at) for at in live.tolist()}
    found = {}
    for at in shown.tolist():
        identity, received = _identity(gated, at), int(gated.columns["received"][at])
        if identity not in taken and stored.get(identity, received) == received:
            found[identity] = gated.fix(at)
    return [found[identity] for identity in sorted(found)]


def _identity(gated: Gated, at: int) -> tuple[int, int]:
    return int(gated.columns["time"][at]), int(gated.columns["seq"][at])


def _signals(
    fixes: Sequence[Fix],
    told: Callable[..., Signal],
    past: Columns,
    known: list[Span],
    closed_by: datetime | None,
) -> list[Signal]:
    """One for each opening that no incident knows; `closed_by`: when it is known closed."""
    signals: list[Signal] = []
    over = max((until for _, until in known if until != NEVER_OVER), default=None)
    for fix in fixes:
        if any(since <= fix.time <= until for since, until in known):
            continue
        until = _closed(past, fix, closed_by) if closed_by else NEVER_OVER
        known.append((fix.time, until))
        over = max(over or until, until)
        signals.append(told(fix.time, is_open=True))
    if signals and closed_by and over:
        signals.append(told(over, is_open=False))
    return signals


def _known(session: Session, device_id: int, wearing: Wearing) -> list[Span]:
    """When incidents say that the strap was open; one that is not over ends with its closing."""
    query = select(Incident).where(
        Incident.kind == IncidentKind.STRAP_OPENED,
        Incident.case_id == wearing.case_id,
        Incident.device_id == device_id,
    )
    return [
        (_since(it), it.ended_at or it.closed_at or NEVER_OVER) for it in session.scalars(query)
    ]


def _since(incident: Incident) -> datetime:
    """When it was seen first: a late fix may have told of an earlier opening."""
    told = incident.facts.get("event_at")
    return min(incident.since, datetime.fromisoformat(told)) if told else incident.since


def _closed(past: Columns, fix: Fix, newest: datetime) -> datetime:
    """When it was known closed after this fix: by the next that says so, or else by `newest`."""
    after = (past["time"] > micros(fix.time)) & (past["strap_open"] == CLOSED)
    return moment(int(past["time"][after][0])) if after.any() else newest
