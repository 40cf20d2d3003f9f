"""The web process's own word that it answers, every some seconds and by asking itself.

A process whose threads are all stuck lives and answers nobody: it writes nothing then either.
"""

import os
import socket
import threading
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException

import structlog
from sqlalchemy.exc import SQLAlchemyError

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.presence import serving

BEAT_S = 20.0
AGAIN_S = 1.0  # after no answer: a process that starts answers in a moment
ANSWER_WITHIN_S = 5.0
log = structlog.get_logger()


class Beacon:
    """Writes from a thread of its own while `host`:`port`, the own process, answers."""

    def __init__(self, database: Database, host: str, port: int) -> None:
        self._database, self._address = database, (host, port)
        self._server = f"{socket.gethostname()[:60]}:{os.getpid()}"
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="say that we answer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the beat in hand."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._stopped.wait(BEAT_S if self.beat() else AGAIN_S)

    def beat(self) -> bool:
        """Ask ourselves, and write it down if we answered; tell whether that was done."""
        if not self._answers():
            return False
        try:
            with self._database.transaction(SYSTEM, "web") as session:
                serving.beat(session, self._server, datetime.now(UTC))
        except SQLAlchemyError as error:
            log.warning("no_beat", error=type(error).__name__)
            return False
        return True

    def _answers(self) -> bool:
        line = HTTPConnection(*self._address, timeout=ANSWER_WITHIN_S)
        try:
            line.request("GET", "/healthz")
            return line.getresponse().status == 200  # noqa: PLR2004 - HTTP's own number
        except (OSError, HTTPException):
            return False
        finally:
            line.close()
