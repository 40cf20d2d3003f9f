"""Check in from the phone page: a challenge, a capture, what came of it, and where I stand."""

from datetime import datetime
from uuid import UUID

import structlog
from apiflask import APIBlueprint
from apiflask.fields import UploadFile
from flask import request
from flask.typing import ResponseReturnValue
from prometheus_client import Counter
from pydantic import BaseModel, Field

from correction_service import access, agenda, captures, checkins, locale, receipts
from correction_service.captures import Capture
from correction_service.face.words import Words
from correction_service.web.limits import limiter
from models.checkin import COUNTS, CheckIn, Way
from models.errors import DomainError

MOST_REQUEST_BYTES = captures.MOST_BYTES + 100_000  # room for the form around the frames
TRIES = "12 per minute"
CHECKINS = Counter(
    "correction_checkins", "Check-ins judged, by way and outcome", ["way", "outcome"]
)
REFUSED = Counter("correction_captures_refused", "Captures not judged, by reason", ["code"])
log = structlog.get_logger()
blueprint = APIBlueprint("checkins", __name__, url_prefix="/api/v1", tag="Check-in")


class PermitOut(BaseModel):
    """A single-use permission to send one capture."""

    token: str
    expires_at: datetime
    seconds: int = Field(description="life of the challenge from now")


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


class ResultOut(BaseModel):
    """What came of it. Only `counts` settles a duty; liveness says so when it was not judged."""

    receipt: str
    at: datetime
    outcome: str
    counts: bool
    liveness: str
    reasons: list[str]
    words: str
    advice: str | None
    next_step: str


class WindowOut(BaseModel):
    """When to check in next."""

    opens_at: datetime
    closes_at: datetime
    open: bool
    late: bool


class MeOut(BaseModel):
    """Where the person stands."""

    supervised: bool
    next: WindowOut | None
    last_receipt: str | None


@blueprint.url_value_preprocessor
def _bound(_endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Refuse a body that no capture needs before any of it is read."""
    request.max_content_length = MOST_REQUEST_BYTES


def _person() -> str:
    return str(access.person_id())


@blueprint.post("/checkins/challenge")
@blueprint.output(PermitOut)
@blueprint.doc(summary="Begin an attempt", responses=[401, 409])
@access.person_only
@limiter.limit(TRIES, key_func=_person)
def challenge() -> dict[str, object]:
    """Give a challenge, or say which other way there is."""
    return permit(access.person_id())


@blueprint.post("/checkins/capture")
@blueprint.input(CaptureIn, location="form_and_files", arg_name="form")
@blueprint.output(ResultOut)
@blueprint.doc(summary="Send a capture", responses=[401, 409, 413, 422, 503])
@access.person_only
@limiter.limit(TRIES, key_func=_person)
def capture(form: CaptureIn) -> dict[str, object]:
    """Judge a burst. The same burst sent again with its challenge finds the same receipt.

    A wrong number in the position is refused and the challenge stays unspent: send the burst again
    without a position, which is optional.
    """
    return result(take(access.person_id(), form))


@blueprint.get("/me")
@blueprint.output(MeOut)
@blueprint.doc(summary="Where I stand", responses=[401, 409])
@access.person_only
def me() -> ResponseReturnValue:
    """Say when to check in next, and the last receipt."""
    with access.reading() as session:
        case = checkins.current_case(session, access.person_id())
        window = agenda.upcoming(session, case, access.service().settings, access.now())
        last = checkins.last(session, access.person_id())
        return {
            "supervised": case.supervised,
            "next": window and _window(window),
            "last_receipt": last and last.receipt,
        }


def _window(window: agenda.Window) -> dict[str, object]:
    now = access.now()
    return {
        "opens_at": window.opens_at,
        "closes_at": window.closes_at,
        "open": window.open(now),
        "late": window.late(now),
    }


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
    verdict = service.verifier.judge(attempt.template, sent.frames)
    with access.writing() as session:
        made = checkins.record(
            session, service.settings, attempt, sent, verdict, now=now, way=way, by=by
        )
    CHECKINS.labels(made.way, made.outcome).inc()
    return made


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
