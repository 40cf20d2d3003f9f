"""The one way of taking a check-in that the phone's API and the kiosk share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from apiflask.fields import UploadFile
from flask import current_app, request
from flask import session as cookie
from prometheus_client import Counter
from pydantic import BaseModel, Field

from correction_service import access, locale
from correction_service.face.actions import Action
from correction_service.face.aim import Aimer, Pose
from correction_service.face.liveness import Frame
from correction_service.face.verifier import Busy
from correction_service.face.words import Reason, Words
from correction_service.presence import (
    attempts,
    browsers,
    captures,
    checkins,
    faults,
    receipts,
)
from correction_service.presence.captures import Capture, Origin
from correction_service.presence.checkins import Attempt
from correction_service.presence.judging import CHECKINS, Judge
from models.checkin import Challenge, CheckIn, Way
from models.errors import DomainError, Invalid

REFUSED = Counter("correction_captures_refused", "Captures not judged, by reason", ["code"])
MOST_AIM_BYTES = 30_000
log = structlog.get_logger()


class BesideIn(BaseModel):
    """What comes beside the frames; all of it is optional."""

    lat: float | None = Field(None, description="WGS-84 degrees")
    lon: float | None = Field(None, description="WGS-84 degrees")
    accuracy_m: float | None = None
    mood: str | None = Field(None, description="well, so_so or unwell")
    help: bool = False
    call_back: bool = False


class CaptureIn(BesideIn):
    """One burst of JPEG, PNG or WebP frames, together at most 3 MB; the rest is optional."""

    token: str = Field(max_length=64)
    frames: list[UploadFile] = Field(description="1 to 8, in the order taken")


class FrameIn(BaseModel):
    """One frame of an attempt, as it is taken."""

    frame: UploadFile = Field(description="JPEG, PNG or WebP, at most 60 kB")
    at_ms: int = Field(description="when it was taken, since the challenge was issued")
    action: int | None = Field(
        None, description="place of the action shown just then; none: straight into the camera"
    )


class AimIn(BaseModel):
    """One small picture, and how the same head was held straight."""

    frame: UploadFile = Field(description="JPEG, PNG or WebP, at most 30 kB; not kept")
    action: Action | None = Field(
        None, description="what is asked just now; none: to look straight into the camera"
    )
    turn: float = Field(0.0, description="of the straight head, as an earlier answer told it")
    pitch: float = Field(0.0, description="likewise")
    size: float = Field(0.0, description="likewise")
    eyes: float | None = Field(None, description="likewise")


@contextmanager
def fault_noted(person_id: UUID, way: Way = Way.PHONE, by: int | None = None) -> Iterator[None]:
    """Leave a fault and its receipt where the enrolled face cannot be opened, or we fail at all.

    What is refused or broken stays so.
    """
    try:
        yield
    except DomainError as refusal:
        if refusal.code == checkins.UNREADABLE:
            _note(person_id, Reason.TEMPLATE_UNREADABLE, way, by)
        raise
    except Exception:
        _note(person_id, Reason.SYSTEM_FAULT, way, by)
        raise


def _note(person_id: UUID, why: Reason, way: Way, by: int | None) -> None:
    with access.writing() as session:
        faults.unbegun(session, person_id, why, now=access.now(), way=way, by=by)


def permit(person_id: UUID, way: Way = Way.PHONE, by: int | None = None) -> dict[str, object]:
    """Issue a challenge in a transaction of its own."""
    service = access.service()
    with fault_noted(person_id, way, by), access.writing() as session:
        made = checkins.permit(session, person_id, access.now(), service.settings, service.dice)
    return {
        "token": made.token,
        "receipt": made.receipt,
        "actions": [action.value for action in made.actions],
        "expires_at": made.expires_at,
        "seconds": service.settings.challenge_seconds,
    }


def take(
    person_id: UUID, form: CaptureIn, *, way: Way = Way.PHONE, by: int | None = None
) -> CheckIn:
    """Begin, judge with no transaction open, record; what is refused is counted by its code."""
    try:
        return _take(person_id, form, way, by)
    except DomainError as refusal:
        REFUSED.labels(refusal.code).inc()
        log.info("capture_refused", code=refusal.code, field=refusal.field)
        raise


def _take(person_id: UUID, form: CaptureIn, way: Way, by: int | None) -> CheckIn:
    service, now = access.service(), access.now()
    given = [frame.read() for frame in form.frames]
    sent = _capture(form, captures.frames(given, service.settings))
    with fault_noted(person_id, way, by), access.reading() as session:
        attempt = checkins.begin(session, person_id, form.token, sent, now)
        session.expunge_all()
    if attempt.earlier is not None:
        return attempt.earlier
    try:
        verdict = service.verifier.judge(attempt.template, sent.frames, (), attempt.seen)
    except Busy:
        _fault(attempt, now, way, by)
        raise
    with access.writing() as session:
        made = checkins.record(
            session, service.settings, attempt, sent, verdict, now=now, way=way, by=by
        )
    CHECKINS.labels(made.way, made.outcome).inc()
    return made


def _fault(attempt: Attempt, now: datetime, way: Way, by: int | None) -> None:
    """Leave a trace that we were too busy, so that the duty is not counted as missed."""
    with access.writing() as session:
        made = faults.busy(session, attempt, now=now, way=way, by=by)
    if made is not None:
        CHECKINS.labels(made.way, made.outcome).inc()


def _capture(form: BesideIn, frames: tuple[Frame, ...] = ()) -> Capture:
    return Capture(
        frames,
        captures.position(form.lat, form.lon, form.accuracy_m),
        captures.answers(form.mood, help_=form.help, call_back=form.call_back),
        _origin(),
    )


def _origin() -> Origin:
    agent = request.user_agent.string
    return Origin(browsers.family(agent), browsers.model(agent), _phone_mark())


def _phone_mark() -> str | None:
    stored: dict[str, Any] = cookie.get(access.PERSON_KEY) or {}
    return stored.get("mark")


def put_frame(person_id: UUID, receipt: str, place: int, form: FrameIn) -> dict[str, object]:
    """Keep one frame of an attempt and say which have arrived."""
    frame = Frame(form.frame.read(), form.at_ms, form.action)
    attempts.check_frame(frame.data)
    settings = access.service().settings
    with access.writing() as session:
        challenge = attempts.put(
            session, person_id, receipt, place, frame, now=access.now(), settings=settings
        )
        return {"frames": attempts.places(session, challenge)}


def finish(person_id: UUID, receipt: str, form: BesideIn) -> dict[str, object]:
    """Leave a capture to be judged, now if there is room; say how it stands."""
    service, now = access.service(), access.now()
    beside = _capture(form)
    with access.writing() as session:
        challenge = attempts.finish(
            session, person_id, receipt, beside, now=now, settings=service.settings
        )
        challenge_id = challenge.id
    try:
        Judge(service.database, service.verifier, service.settings).judge(
            challenge_id, now, access.actor()
        )
    except Busy as busy:
        return standing(person_id, receipt) | {"retry_after_s": busy.retry_after_s}
    return standing(person_id, receipt)


def aim(form: AimIn) -> dict[str, object]:
    """Advise on a picture that is neither kept nor written down; Busy when too many ask."""
    data = form.frame.read()
    if len(data) > MOST_AIM_BYTES:
        kilobytes = MOST_AIM_BYTES // 1000
        raise Invalid("A frame has at most %(kilobytes)d kB.", field="frame", kilobytes=kilobytes)
    aimer: Aimer = current_app.extensions["aimer"]
    found = aimer.look(data, form.action)
    straight = Pose(form.turn, form.pitch, form.size, form.eyes)
    return {
        "advice": found.reasons[0].value if found.reasons else None,
        "words": in_language(found.reasons[0].words) if found.reasons else None,
        "box": found.box,
        "pose": asdict(found.pose) if found.pose else None,
        "seen": found.shows(form.action, straight),
    }


def cancel(person_id: UUID, receipt: str) -> dict[str, object]:
    """End an attempt because the person wants to."""
    settings = access.service().settings
    with access.writing() as session:
        attempts.cancel(session, person_id, receipt, now=access.now(), settings=settings)
    return standing(person_id, receipt)


def standing(person_id: UUID, receipt: str) -> dict[str, object]:
    """Say how an attempt stands, and what came of it once it is judged."""
    with access.reading() as session:
        challenge = attempts.mine(session, person_id, receipt)
        made = session.get(CheckIn, challenge.checkin_id) if challenge.checkin_id else None
        return _standing(challenge, list(attempts.places(session, challenge)), made)


def under_way(person_id: UUID) -> dict[str, object]:
    """Say how the latest attempt stands while it may go on: for a page that was reloaded."""
    settings = access.service().settings
    with access.reading() as session:
        challenge = attempts.under_way(session, person_id, access.now(), settings)
        if challenge is None:
            return {"attempt": None}
        places = list(attempts.places(session, challenge))
        return {"attempt": _standing(challenge, places, None)}


def _standing(challenge: Challenge, places: list[int], made: CheckIn | None) -> dict[str, object]:
    now, grace = access.now(), attempts.grace(access.service().settings)
    return {
        "receipt": challenge.receipt,
        "state": challenge.state(now, grace).value,
        "close_reason": challenge.close_reason,
        "actions": challenge.actions,
        "frames": places,
        "begun_ms": round((now - challenge.issued_at).total_seconds() * 1000),
        "seconds": max(0.0, (challenge.expires_at - now).total_seconds()),
        "retry_after_s": None,
        "result": result(made) if made else None,
    }


def result(checkin: CheckIn) -> dict[str, object]:
    """Say what came of a check-in, in the reader's language."""
    advice = receipts.advice(checkin)
    return {
        "receipt": checkin.receipt,
        "at": checkin.at,
        "outcome": checkin.outcome.value,
        "counts": checkin.counts,
        "liveness": checkin.liveness.value,
        "reasons": checkin.reasons,
        "words": in_language(receipts.said(checkin)),
        "advice": in_language(advice) if advice else None,
        "next_step": in_language(receipts.next_step(checkin)),
    }


def in_language(words: Words) -> str:
    """Choose the reader's language of a sentence kept in two."""
    return words.zh if locale.chosen() == "zh" else words.en
