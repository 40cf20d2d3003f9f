"""Live pages: one tailer a process reads the outbox by sealed position and fans ids out by SSE.

Positions are given in order of commit by one sealer, so nothing is skipped however transactions
overlap. A stream that cannot keep up is cut; its browser comes back with Last-Event-ID.
"""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import structlog
from apiflask import APIBlueprint
from flask import Response, current_app, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import access, problems
from correction_service.db import Database
from correction_service.scope import agency_ids
from models.errors import DomainError
from models.outbox import Outbox
from models.user import Permission, Role, User

MOST_STREAMS = 32
POLL_S = 0.5
HEARTBEAT_S = 15.0
LIFE_S = 300.0  # then the browser comes back, and its sign-in is checked again
QUEUE = 200
BACKLOG = 500
RETRY_AFTER_S = 15

log = structlog.get_logger()
blueprint = APIBlueprint("live", __name__, enable_openapi=False)


class TooManyStreams(DomainError):
    """Every place is taken: the page asks again every quarter of a minute instead."""

    status = 503
    code = "too_many_streams"


@dataclass(frozen=True)
class Event:
    """A committed change: its place in the order, whose pages see it, and ids."""

    position: int
    agency_id: int | None
    office_id: int | None
    payload: dict[str, object]

    def text(self) -> str:
        """Return the event as it goes over the wire."""
        return f"id: {self.position}\nevent: live\ndata: {json.dumps(self.payload)}\n\n"


@dataclass(eq=False)
class Stream:
    """One open page: what it may see, what waits to be sent, and whether it is over."""

    sees: Callable[[Event], bool]
    waiting: "queue.Queue[Event | None]" = field(default_factory=lambda: queue.Queue(QUEUE))
    over: bool = False

    def offer(self, event: Event) -> None:
        """Queue an event that may be seen, or cut a stream that cannot keep up."""
        if not self.sees(event):
            return
        try:
            self.waiting.put_nowait(event)
        except queue.Full:
            self.over = True

    def next(self, timeout_s: float) -> Event | None:
        """Return the next event, or None when none came in time."""
        try:
            return self.waiting.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def end(self) -> None:
        """Let the reader go now."""
        self.over = True
        with suppress(queue.Full):
            self.waiting.put_nowait(None)


def read_after(session: Session, position: int) -> list[Event]:
    """Return the live events after a sealed position, in order."""
    query = select(Outbox).where(Outbox.topic == "live", Outbox.position > position)
    rows = session.scalars(query.order_by(Outbox.position).limit(BACKLOG))
    return [
        Event(row.position or 0, row.agency_id, row.office_id, row.payload) for row in rows.all()
    ]


class Tailer:
    """Reads the outbox every half second while anybody listens, and hands each event out once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._position = 0

    def open(self, sees: Callable[[Event], bool]) -> Stream:
        """Take a place, or raise `TooManyStreams`; the first one starts the reading."""
        with self._lock:
            if len(self._streams) >= MOST_STREAMS:
                raise TooManyStreams("Too many live pages are open; this one asks now and then.")
            stream = Stream(sees)
            if self._thread is None or not self._thread.is_alive():
                self._read()
            self._streams.add(stream)
            return stream

    def _read(self) -> None:
        self._position = self.head()
        self._stopped.clear()
        self._thread = threading.Thread(target=self._tail, name="live", daemon=True)
        self._thread.start()

    def close(self, stream: Stream) -> None:
        """Give the place back; without streams the reading stops."""
        with self._lock:
            self._streams.discard(stream)

    def stop(self) -> None:
        """End every stream, and the reading with them."""
        with self._lock:
            for stream in self._streams:
                stream.end()
            self._streams.clear()
            reading, self._thread = self._thread, None
        self._stopped.set()
        if reading is not None:
            reading.join()

    def head(self) -> int:
        """Return the last sealed position."""
        with self._database.reading() as session:
            query = select(func.max(Outbox.position)).where(Outbox.topic == "live")
            return session.scalar(query) or 0

    def missed(self, position: int) -> list[Event]:
        """Return what was sealed after the last event that a page saw."""
        with self._database.reading() as session:
            return read_after(session, position)

    def _tail(self) -> None:
        while self._still_heard():
            try:
                self._hand_out()
            except Exception as error:  # noqa: BLE001 - whatever it was, the pages stay live
                log.warning("live_tail_failed", error=type(error).__name__)
            self._stopped.wait(POLL_S)

    def _still_heard(self) -> bool:
        with self._lock:
            if self._thread is not threading.current_thread():
                return False  # stopped, and perhaps another one reads by now
            if not self._streams:
                self._thread = None
            return bool(self._streams)

    def _hand_out(self) -> None:
        for event in self.missed(self._position):
            with self._lock:
                streams = list(self._streams)
            for stream in streams:
                stream.offer(event)
            self._position = event.position


def flow(tailer: Tailer, stream: Stream, last_seen: int | None) -> Iterator[str]:
    """Yield a stream's text: what it missed, then each event once; a heartbeat between."""
    yield "retry: 3000\n\n"
    sent = last_seen or 0
    while last_seen is not None and (missed := tailer.missed(sent)):
        sent = missed[-1].position
        yield from (event.text() for event in missed if stream.sees(event))
    ends = monotonic() + LIFE_S
    while monotonic() < ends and not stream.over:
        event = stream.next(HEARTBEAT_S)
        if event is None:
            yield ": beat\nevent: beat\ndata: 1\n\n"
        elif event.position > sent:
            yield event.text()


def sight(session: Session, user: User) -> Callable[[Event], bool]:
    """Return which events a user gets: of their office, or of the agencies from theirs down.

    A volunteer sees single cases and gets none; their page asks now and then.
    """
    if user.role is Role.VOLUNTEER:
        return lambda _event: False
    office_id = user.office_id  # asked later, on another thread: not by the request's account
    if office_id is not None:
        return lambda event: event.office_id == office_id
    agencies = frozenset(session.scalars(agency_ids(user.agency_id)))
    return lambda event: event.agency_id in agencies


@blueprint.record
def _tailer(state: BlueprintSetupState) -> None:
    service: access.Service = state.app.extensions["correction"]
    state.app.extensions["live"] = Tailer(service.database)


@blueprint.get("/events")
@access.needs(Permission.SEE_CASES)
def events() -> ResponseReturnValue:
    """Stream what changes in the user's offices: ids only, the page fetches what it may see."""
    tailer: Tailer = current_app.extensions["live"]
    last_seen = request.headers.get("Last-Event-ID", type=int)
    with access.reading() as session:
        sees = sight(session, access.user())
    try:
        stream = tailer.open(sees)
    except TooManyStreams as refusal:
        answer = problems.problem(refusal.status, refusal.code, problems.said(refusal))
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
        return answer
    answer = Response(flow(tailer, stream, last_seen), mimetype="text/event-stream")
    answer.call_on_close(lambda: tailer.close(stream))  # a flow never begun has no end of its own
    answer.headers["X-Accel-Buffering"] = "no"
    return answer
