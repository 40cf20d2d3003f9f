"""Check in from the phone page: a challenge, a capture, what came of it, and where I stand."""

from datetime import datetime

from apiflask import APIBlueprint
from flask import request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from correction_service import access
from correction_service.limits import limiter
from correction_service.presence import agenda, captures, checkins
from correction_service.taking import CaptureIn, permit, result, take

MOST_REQUEST_BYTES = captures.MOST_BYTES + 100_000  # room for the form around the frames
TRIES = "12 per minute"
blueprint = APIBlueprint("checkins", __name__, url_prefix="/api/v1", tag="Check-in")


class PermitOut(BaseModel):
    """A single-use permission to send one capture."""

    token: str
    expires_at: datetime
    seconds: int = Field(description="life of the challenge from now")


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
        window = agenda.upcoming(session, case, access.now())
        last = checkins.last(session, access.person_id())
        return {
            "supervised": case.supervised_at(access.now()),
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
