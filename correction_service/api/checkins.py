"""Check in from the phone page: an attempt, its frames, what came of it, and where I stand."""

from datetime import datetime

from apiflask import APIBlueprint
from flask import request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from correction_service import access, taking
from correction_service.limits import limiter
from correction_service.presence import agenda, attempts, captures, checkins
from correction_service.taking import AimIn, BesideIn, CaptureIn, FrameIn

ROOM = 100_000  # bytes for the form around the frames
TRIES = "12 per minute"
FRAMES = "120 per minute"
AIMS = "150 per minute"
blueprint = APIBlueprint("checkins", __name__, url_prefix="/api/v1", tag="Check-in")


class PermitOut(BaseModel):
    """A single-use permission to send one capture, by its token at once or by its receipt."""

    token: str
    receipt: str
    actions: list[str] = Field(description="what to ask of the person, in this order")
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


class FramesOut(BaseModel):
    """Which frames of an attempt have arrived."""

    frames: list[int]


class AttemptOut(BaseModel):
    """How an attempt stands. Waiting, it is judged by itself: nobody need stay."""

    receipt: str
    state: str = Field(description="open, waiting, done, closed or unfinished")
    close_reason: str | None
    actions: list[str]
    frames: list[int] = Field(description="places of the frames that have arrived")
    begun_ms: int = Field(description="since the challenge was issued")
    seconds: float = Field(description="life of the challenge that is left")
    retry_after_s: int | None = Field(None, description="when to ask again, while it is busy")
    result: ResultOut | None


class UnderWayOut(BaseModel):
    """The latest attempt while it may go on or waits to be judged."""

    attempt: AttemptOut | None


class PoseOut(BaseModel):
    """How a head is held; of one held straight, send it back as the one to measure against."""

    turn: float = Field(description="-1 to 1, towards the person's own left is positive")
    pitch: float = Field(description="the nose between eyes (0) and mouth (1)")
    size: float = Field(description="share of the picture's longer side")
    eyes: float | None = Field(description="how far open; none: not looked at or not to be told")


class AimOut(BaseModel):
    """The one thing to change, where the face is, and whether what was asked is seen."""

    advice: str | None
    words: str | None
    box: tuple[float, float, float, float] | None = Field(
        description="left, top, width, height as shares of the picture"
    )
    pose: PoseOut | None
    seen: bool = Field(description="of an action only against the straight head")


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
def _bound(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Refuse a body that nothing here needs before any of it is read."""
    at_once = endpoint == "checkins.capture"
    most = captures.MOST_BYTES if at_once else attempts.MOST_FRAME_BYTES
    request.max_content_length = most + ROOM


def _person() -> str:
    return str(access.person_id())


@blueprint.post("/checkins/challenge")
@blueprint.output(PermitOut)
@blueprint.doc(summary="Begin an attempt", responses=[401, 409])
@access.person_only
@limiter.limit(TRIES, key_func=_person)
def challenge() -> dict[str, object]:
    """Give a challenge, or say which other way there is."""
    return taking.permit(access.person_id())


@blueprint.post("/checkins/capture")
@blueprint.input(CaptureIn, location="form_and_files", arg_name="form")
@blueprint.output(ResultOut)
@blueprint.doc(summary="Send a capture at once", responses=[401, 409, 413, 422, 503])
@access.person_only
@limiter.limit(TRIES, key_func=_person)
def capture(form: CaptureIn) -> dict[str, object]:
    """Judge a burst. The same burst sent again with its challenge finds the same receipt.

    Nothing that was asked can be seen in it, so a match made this way goes to an officer. A wrong
    number in the position is refused and the challenge stays unspent: send the burst again without
    a position, which is optional.
    """
    return taking.result(taking.take(access.person_id(), form))


@blueprint.post("/checkins/aim")
@blueprint.input(AimIn, location="form_and_files", arg_name="form")
@blueprint.output(AimOut)
@blueprint.doc(summary="Advice while aiming", responses=[401, 413, 422, 503])
@access.person_only
@limiter.limit(AIMS, key_func=_person)
def aim(form: AimIn) -> dict[str, object]:
    """Look at one small picture and forget it: nothing is spent, recorded or kept."""
    return taking.aim(form)


@blueprint.get("/checkins/attempts")
@blueprint.output(UnderWayOut)
@blueprint.doc(summary="The attempt under way", responses=[401])
@access.person_only
def under_way() -> dict[str, object]:
    """Say which attempt may go on, for a page that was reloaded."""
    return taking.under_way(access.person_id())


@blueprint.get("/checkins/attempts/<receipt>")
@blueprint.output(AttemptOut)
@blueprint.doc(summary="How an attempt stands", responses=[401, 404])
@access.person_only
def attempt(receipt: str) -> dict[str, object]:
    """Say which frames have arrived and, once it is judged, what came of it."""
    return taking.standing(access.person_id(), receipt)


@blueprint.put("/checkins/attempts/<receipt>/frames/<int:place>")
@blueprint.input(FrameIn, location="form_and_files", arg_name="form")
@blueprint.output(FramesOut)
@blueprint.doc(summary="Send one frame", responses=[401, 404, 409, 413, 422])
@access.person_only
@limiter.limit(FRAMES, key_func=_person)
def frame(receipt: str, place: int, form: FrameIn) -> dict[str, object]:
    """Keep a frame. The same place sent again changes nothing, so sending twice is safe."""
    return taking.put_frame(access.person_id(), receipt, place, form)


@blueprint.post("/checkins/attempts/<receipt>/finish")
@blueprint.input(BesideIn, location="form", arg_name="form")
@blueprint.output(AttemptOut)
@blueprint.doc(summary="All frames are there", responses=[401, 404, 409, 422])
@access.person_only
@limiter.limit(TRIES, key_func=_person)
def finish(receipt: str, form: BesideIn) -> dict[str, object]:
    """Judge what has arrived; while there is no room it waits here and is judged by itself.

    A wrong number in the position is refused: finish again without a position.
    """
    return taking.finish(access.person_id(), receipt, form)


@blueprint.post("/checkins/attempts/<receipt>/cancel")
@blueprint.output(AttemptOut)
@blueprint.doc(summary="End an attempt", responses=[401, 404])
@access.person_only
def cancel(receipt: str) -> dict[str, object]:
    """End an attempt without a check-in; its frames are deleted. It is held against nobody."""
    return taking.cancel(access.person_id(), receipt)


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
