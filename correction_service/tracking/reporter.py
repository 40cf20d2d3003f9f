"""The thread of an ingester that writes its minutes: slow or away, it delays no fix."""

import os
import resource
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.tracking import ingest_minutes
from correction_service.tracking.meters import Meters, Tally
from devices.mqtt import Traffic

BEAT_S = 10.0
FIRST_S = 1.0  # by then the broker has answered
BACKLOG = 1440  # minutes that wait while the database is away; then the oldest go
STATM = Path("/proc/self/statm")
log = structlog.get_logger()


class Reporter:
    """Writes the present minute every ten seconds, and each minute once more when it is over."""

    def __init__(
        self, database: Database, ingester: str, meters: Meters, traffic: Traffic, now: datetime
    ) -> None:
        self._database, self._ingester = database, ingester
        self._meters, self._traffic = meters, traffic
        self._started_at = now
        self._minute, self._before = _minute_of(now), Tally()
        self._queue_max = 0
        self._waiting: deque[dict[str, Any]] = deque(maxlen=BACKLOG)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def end(self) -> None:
        """Write once more and stop."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        over, pause_s = False, FIRST_S
        while not over:
            over = self._ended.wait(pause_s)
            pause_s = BEAT_S - datetime.now(UTC).timestamp() % BEAT_S  # so minutes end sharply
            try:
                self.beat(datetime.now(UTC))
            except SQLAlchemyError as error:
                log.warning("no_heartbeat", error=type(error).__name__)

    def beat(self, now: datetime) -> None:
        """Write the minutes that are over, and the present one so far."""
        tally, minute = self._meters.read(), _minute_of(now)
        self._queue_max = max(self._queue_max, self._meters.take_queue_max())
        if minute != self._minute:
            self._waiting.append(self._row(tally, now))
            self._minute, self._before, self._queue_max = minute, tally, 0
        rows = [*self._waiting, self._row(tally, now)]
        with self._database.transaction(SYSTEM, "ingest") as session:
            ingest_minutes.keep(session, rows)
        self._waiting.clear()

    def _row(self, tally: Tally, now: datetime) -> dict[str, Any]:
        of = tally.minus(self._before)
        made = ingest_minutes.row(self._ingester, self._started_at, self._minute, now, of)
        here = {"queue_max": self._queue_max, "memory_bytes": memory_bytes()}
        listening = self._traffic.connected and not self._ended.is_set()
        return made | here | {"connected": listening}


def _minute_of(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def memory_bytes() -> int:
    """The memory that this process holds now; where that cannot be read, the most it held."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
