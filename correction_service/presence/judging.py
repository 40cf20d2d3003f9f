"""Judge a capture that is complete: claimed by compare-and-set, with no transaction open meanwhile.

Whoever sent it may be gone. What finds no room stays where it is and is judged later by itself;
what dies in our hands is tried again, and after `MOST_CLAIMS` recorded as a fault of ours.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog
from prometheus_client import Counter
from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM, Actor
from correction_service.db import Database
from correction_service.face.verdict import Outcome, Verdict
from correction_service.face.verifier import Busy, Verifier
from correction_service.face.words import Reason
from correction_service.presence import attempts, checkins, faults
from correction_service.presence.captures import Capture
from correction_service.presence.checkins import Attempt
from correction_service.settings import Settings
from models.checkin import Challenge, CheckIn
from models.errors import Refused

CLAIM_LASTS = timedelta(minutes=5)  # longer than any queue and any judgement
MOST_CLAIMS = 3
POLL_S = 2.0
CHECKINS = Counter("correction_checkins", "Check-ins judged", ["way", "outcome"])
log = structlog.get_logger()


@dataclass(frozen=True)
class Taken:
    """A capture that is ours to judge: the `tries`-th time that somebody took it up."""

    attempt: Attempt
    capture: Capture
    tries: int
    sent_at: datetime


class Judge:
    """Judges what is complete: at once when asked to, and by itself in a thread of its own."""

    def __init__(self, database: Database, verifier: Verifier, settings: Settings) -> None:
        self._database, self._verifier, self._settings = database, verifier, settings
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def judge(self, challenge_id: int, now: datetime, actor: Actor = SYSTEM) -> CheckIn | None:
        """Judge one attempt's capture; None when it is not ours to judge or can no longer be.

        Raises Busy when there is no room: the capture waits as it did before.
        """
        with self._database.transaction(actor, "judging") as session:
            if not _claim(session, challenge_id, now):
                return None
        # Its own transaction: what cannot be opened stays claimed and lets the others pass.
        with self._database.transaction(actor, "judging") as session:
            taken = _taken_up(session, challenge_id, now)
        if not isinstance(taken, Taken):
            return taken
        try:
            verdict = self._verdict(taken)
        except Busy:
            with self._database.transaction(actor, "judging") as session:
                _give_back(session, challenge_id, taken.tries)
            raise
        return self._recorded(taken, verdict, actor)

    def _verdict(self, taken: Taken) -> Verdict:
        if taken.tries > MOST_CLAIMS:
            version = self._verifier.model_version
            return Verdict(Outcome.FAULT, version, reasons=(Reason.SYSTEM_FAULT,))
        attempt = taken.attempt
        return self._verifier.judge(
            attempt.template, taken.capture.frames, attempt.actions, attempt.seen
        )

    def _recorded(self, taken: Taken, verdict: Verdict, actor: Actor) -> CheckIn | None:
        """Write what came of it; a consent that went meanwhile ends the attempt instead."""
        try:
            with self._database.transaction(actor, "judging") as session:
                made = checkins.record(
                    session,
                    self._settings,
                    taken.attempt,
                    taken.capture,
                    verdict,
                    now=taken.sent_at,
                )
        except Refused as refusal:
            with self._database.transaction(actor, "judging") as session:
                attempts.end(session, taken.attempt.challenge_id, taken.sent_at, refusal.code)
            return None
        CHECKINS.labels(made.way, made.outcome).inc()
        return made

    def turn(self, now: datetime) -> bool:
        """Judge the capture that waits longest; tell whether there was one and room for it."""
        with self._database.reading() as session:
            waits = select(Challenge.id).where(waiting(now))
            oldest = waits.order_by(Challenge.sent_at, Challenge.id).limit(1)
            challenge_id = session.scalar(oldest)
        if challenge_id is None:
            return False
        with suppress(Busy):
            self.judge(challenge_id, now)
            return True
        return False

    def start(self) -> None:
        """Begin, with what an earlier process left behind."""
        self._thread = threading.Thread(target=self._run, name="judge what waits", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the capture in hand."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                did = self.turn(datetime.now(UTC))
            except Exception as error:  # noqa: BLE001 one capture must not end the judging of others
                log.error("judging_failed", error=type(error).__name__)  # noqa: TRY400 locals: faces
                did = False
            self._stopped.wait(0 if did else POLL_S)


def waiting(now: datetime) -> ColumnElement[bool]:
    """Match attempts whose capture is complete, not judged, and in nobody's hands."""
    free = or_(Challenge.claimed_at.is_(None), Challenge.claimed_at < now - CLAIM_LASTS)
    unjudged = and_(Challenge.used_at.is_(None), Challenge.closed_at.is_(None))
    return and_(Challenge.sent_at.is_not(None), unjudged, free)


def _claim(session: Session, challenge_id: int, now: datetime) -> bool:
    mine = (
        update(Challenge)
        .where(Challenge.id == challenge_id, waiting(now))
        .values(claimed_at=now, claims=Challenge.claims + 1)
        .returning(Challenge.id)
    )
    options = {"synchronize_session": False}
    return session.scalars(mine, execution_options=options).one_or_none() is not None


def _taken_up(session: Session, challenge_id: int, now: datetime) -> Taken | CheckIn | None:
    """Read what judging needs; an attempt whose face check is off by now ends and leaves nothing.

    One whose enrolled face cannot be opened ends as a fault. What was tried too often is not opened
    again: opening it may be what fails.
    """
    challenge = session.get_one(Challenge, challenge_id)
    try:
        attempt = checkins.resume(session, challenge, now)
    except Refused as refusal:
        if refusal.code == checkins.UNREADABLE:
            return faults.unjudgeable(session, challenge, cast("datetime", challenge.sent_at))
        attempts.close(session, challenge, now, refusal.code)
        return None
    given_up = challenge.claims > MOST_CLAIMS
    capture = Capture(()) if given_up else attempts.capture(session, challenge)
    return Taken(attempt, capture, challenge.claims, cast("datetime", challenge.sent_at))


def _give_back(session: Session, challenge_id: int, tries: int) -> None:
    """Let it wait as before: having found no room is no try."""
    session.execute(
        update(Challenge)
        .where(Challenge.id == challenge_id, Challenge.claims == tries)
        .values(claimed_at=None, claims=tries - 1)
    )
