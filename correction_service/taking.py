"""The one way of taking a check-in that the phone's API and the kiosk share."""

from datetime import datetime
from uuid import UUID

import structlog
from apiflask.fields import UploadFile
from prometheus_client import Counter
from pydantic import BaseModel, Field

from correction_service import access, locale
from correction_service.face.liveness import unprompted
from correction_service.face.verifier import Busy
from correction_service.face.words import Words
from correction_service.presence import captures, checkins, receipts
from correction_service.presence.captures import Capture
from correction_service.presence.checkins import Attempt
from models.checkin import COUNTS, CheckIn, Way
from models.errors import DomainError

CHECKINS = Counter("correction_checkins", "Check-ins judged", ["way", "outcome"])
REFUSED = Counter("correction_captures_refused", "Captures not judged, by reason", ["code"])
log = structlog.get_logger()


class CaptureIn(BaseModel):
    """One burst of JPEG, PNG or WebP frames, together at most 3 MB; the rest is optional."""

    token: str = Field(max_length=64)
    frames: list[UploadFile] = Field(description="1 to 8, in the order taken")
    lat: float | None = Field(None, description="WGS-84 degrees")
    lon: float | None = Field(None, description="WGS-84 degrees")
    accuracy_m: float | None = None
    mood: str | None = Field(None, description="well, so_so or unwell")
    help: bool = False
    call_back: bool = False


def permit(person_id: UUID) -> dict[str, object]:
    """Issue a challenge in a transaction of its own."""
    settings = access.service().settings
    with access.writing() as session:
        made = checkins.permit(session, person_id, access.now(), settings)
    return {
        "token": made.token,
        "expires_at": made.expires_at,
        "seconds": settings.challenge_seconds,
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
    sent = _capture(form)
    with access.reading() as session:
        attempt = checkins.begin(session, person_id, form.token, sent, now)
        session.expunge_all()
    if attempt.earlier is not None:
        return attempt.earlier
    try:
        verdict = service.verifier.judge(attempt.template, unprompted(sent.frames))
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
        made = checkins.fault(session, attempt, now=now, way=way, by=by)
    if made is not None:
        CHECKINS.labels(made.way, made.outcome).inc()


def _capture(form: CaptureIn) -> Capture:
    frames = [frame.read() for frame in form.frames]
    return Capture(
        captures.frames(frames, access.service().settings),
        captures.position(form.lat, form.lon, form.accuracy_m),
        captures.answers(form.mood, help_=form.help, call_back=form.call_back),
    )


def result(checkin: CheckIn) -> dict[str, object]:
    """Say what came of a check-in, in the reader's language."""
    advice = receipts.advice(checkin)
    return {
        "receipt": checkin.receipt,
        "at": checkin.at,
        "outcome": checkin.outcome.value,
        "counts": checkin.outcome in COUNTS,
        "liveness": checkin.liveness.value,
        "reasons": checkin.reasons,
        "words": in_language(receipts.said(checkin)),
        "advice": in_language(advice) if advice else None,
        "next_step": in_language(receipts.next_step(checkin)),
    }


def in_language(words: Words) -> str:
    """Choose the reader's language of a sentence kept in two."""
    return words.zh if locale.chosen() == "zh" else words.en
