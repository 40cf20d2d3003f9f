"""签到: a capture is begun, judged with no transaction open, and recorded in one short write.

Only a match or an officer settles a duty. What the machine cannot tell, and what it takes for
somebody else, goes to an officer and costs nothing until one decides; a fault of ours never counts.
"""

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload

from correction_service import codes, outbox
from correction_service.db import ring_of
from correction_service.face.actions import Action
from correction_service.face.liveness import Frame
from correction_service.face.liveness import Liveness as Seen
from correction_service.face.template import Template, TemplateError
from correction_service.face.verdict import Verdict
from correction_service.face.words import Reason
from correction_service.people import consents, photos, templates
from correction_service.presence import attempts, challenges, duties, help_requests
from correction_service.presence.captures import Capture
from correction_service.scope import case_for
from correction_service.settings import Settings
from models.case import ENDED, Case
from models.checkin import Challenge, CheckIn, Liveness, Outcome, Way
from models.errors import Invalid, NotFound, Refused
from models.help_request import HelpKind
from models.keys import SealBroken
from models.user import Permission, User

OWN_SEEN_FOR = timedelta(days=90)
OTHERS_SEEN_FOR = timedelta(days=2)
MOST_SEEN = 400  # of each: check-ins of a dozen frames are compared in some milliseconds
BYTES = 32  # of one fingerprint
UNREADABLE = Reason.TEMPLATE_UNREADABLE.value
ATTESTED = frozenset({Way.OFFICER_CALL, Way.OFFICER_VISIT, Way.OFFICER_COUNTER, Way.OFFICER_VIDEO})


@dataclass(frozen=True)
class Attempt:
    """What judging and recording need; `earlier` is set when this very capture was recorded.

    `actions` were asked of the person; `seen` are the fingerprints of earlier check-ins' frames.
    """

    challenge_id: int
    case_id: int
    template: Template = field(repr=False)
    earlier: CheckIn | None = None
    actions: tuple[Action, ...] = ()
    seen: tuple[bytes, ...] = field(default=(), repr=False)


def current_case(session: Session, person_id: UUID) -> Case:
    """Return the case that a person checks in for: of several, the one that began last."""
    cases = select(Case).where(Case.person_id == person_id, Case.state.not_in(ENDED))
    case = session.scalars(cases.order_by(Case.term_start.desc(), Case.id.desc())).first()
    if case is None:
        raise Refused("There is no case under correction: nothing is asked.", code="no_case")
    return case


def ready(session: Session, person_id: UUID, now: datetime) -> tuple[Case, Template]:
    """Return case and template, or say which other way there is when the face check is not on.

    The template is opened for comparison by the machine; the check-in's own row records that.
    """
    case = current_case(session, person_id)
    if not case.supervised_at(now):
        raise Refused("Check-ins are suspended at present: nothing is asked.", code="suspended")
    consents.require(session, case.person)
    stored = templates.in_use(session, case.person)
    if stored is None:
        raise Refused(
            "Your face is not enrolled yet. Check in another way; it counts the same.",
            code="not_enrolled",
        )
    try:
        return case, Template.from_bytes(stored.reveal(ring_of(session)))
    except (SealBroken, TemplateError):
        raise Refused(
            "Your enrolled face cannot be opened. This is our fault and never counts against you:"
            " check in another way.",
            code=UNREADABLE,
        ) from None


def permit(
    session: Session,
    person_id: UUID,
    now: datetime,
    settings: Settings,
    dice: random.Random | None = None,
) -> challenges.Permit:
    """Give a challenge to a person who can check in by face; `dice` draws what is asked."""
    case, _ = ready(session, person_id, now)
    return challenges.issue(session, case, now, settings, dice)


def begin(
    session: Session, person_id: UUID, token: str, capture: Capture, now: datetime
) -> Attempt:
    """Read what judging a burst at once needs.

    A spent challenge is refused, unless by this same capture.
    """
    challenge = challenges.find(session, person_id, token)
    earlier = _earlier(session, challenge, capture)
    if earlier is None:
        challenge.check(now)
    case, template = ready(session, person_id, now)
    return Attempt(challenge.id, case.id, template, earlier, seen=_seen(session, case, now))


def resume(session: Session, challenge: Challenge, now: datetime) -> Attempt:
    """Read what judging a capture that waits needs."""
    case, template = ready(session, challenge.person_id, now)
    actions = tuple(Action(action) for action in challenge.actions)
    seen = _seen(session, case, now)
    return Attempt(challenge.id, case.id, template, actions=actions, seen=seen)


def _seen(session: Session, case: Case, now: datetime) -> tuple[bytes, ...]:
    """Fingerprints of what was sent before: long by this person, lately by anybody of the agency.

    A picture of one person, sent for another, is as much a replay as one sent twice.
    """
    others = select(Case.id).where(
        Case.agency_id == case.agency_id, Case.person_id != case.person_id
    )
    packed = b"".join(
        (
            *_prints(session, _of(case.person_id), CheckIn.at > now - OWN_SEEN_FOR),
            *_prints(session, CheckIn.case_id.in_(others), CheckIn.at > now - OTHERS_SEEN_FOR),
        )
    )
    return tuple(packed[i : i + BYTES] for i in range(0, len(packed), BYTES))


def _prints(session: Session, *of: ColumnElement[bool]) -> Iterator[bytes]:
    """Yield the latest `MOST_SEEN`, so that however many others there are, own ones come in."""
    query = select(CheckIn.fingerprints).where(CheckIn.fingerprints.is_not(None), *of)
    latest = session.scalars(query.order_by(CheckIn.id.desc()).limit(MOST_SEEN))
    return (prints for prints in latest if prints)


def _earlier(session: Session, challenge: Challenge, capture: Capture) -> CheckIn | None:
    if challenge.checkin_id is None or challenge.capture != capture.digest:
        return None
    return session.get(CheckIn, challenge.checkin_id)


def record(
    session: Session,
    settings: Settings,
    attempt: Attempt,
    capture: Capture,
    verdict: Verdict,
    *,
    now: datetime,
    way: Way = Way.PHONE,
    by: int | None = None,
) -> CheckIn:
    """Write what came of an attempt and spend its challenge; `now` is when the capture arrived.

    Whether it is in time is told by when the challenge was issued: what took long after that was
    ours or the network's. The consent is asked again, since it may have gone meanwhile: then
    nothing is kept. The pictures of the attempt are forgotten, but for the one worth keeping.
    """
    challenge = session.get_one(Challenge, attempt.challenge_id, with_for_update=True)
    earlier = _earlier(session, challenge, capture)
    if earlier is not None:
        return earlier
    challenge.check(now)
    case = session.get_one(Case, attempt.case_id)
    consents.require(session, case.person)
    checkin = _judged(case, capture, verdict, now)
    checkin.way, checkin.recorded_by = way, by
    checkin.liveness = _liveness(checkin, verdict)
    checkin.receipt = challenge.receipt or codes.new()
    checkin.began_at, checkin.actions = challenge.issued_at, challenge.actions
    checkin.duty_id = answered_duty(session, checkin, challenge.issued_at)
    if verdict.best_frame is not None:
        _keep(session, settings, checkin, capture.frames[verdict.best_frame].data)
    add(session, checkin)
    challenge.spend(now, capture.digest, checkin.id)
    attempts.forget(session, challenge.id)
    _ask(session, case, capture, now)
    session.flush()
    return checkin


def _judged(case: Case, capture: Capture, verdict: Verdict, now: datetime) -> CheckIn:
    return CheckIn(
        case_id=case.id,
        case=case,
        at=now,
        outcome=Outcome(verdict.outcome.value.lower()),
        score=verdict.score,
        threshold=verdict.threshold,
        reasons=[reason.value for reason in verdict.reasons],
        model_version=verdict.model_version,
        cues=[asdict(cue) for cue in verdict.cues],
        frames=[_times(frame) for frame in capture.frames],
        fingerprints=b"".join(verdict.fingerprints) or None,
        answers=asdict(capture.answers),
        **asdict(capture.origin),
        **(asdict(capture.position) if capture.position else {}),
    )


def _times(frame: Frame) -> dict[str, int | None]:
    return {"action": frame.action, "at_ms": frame.at_ms, "arrived_ms": frame.arrived_ms}


def _liveness(checkin: CheckIn, verdict: Verdict) -> Liveness:
    """What the verdict says; a phone alone that did nothing of what was asked proves nothing.

    At the kiosk an officer is beside the camera.
    """
    unasked = verdict.liveness is Seen.NOT_JUDGED and verdict.best_frame is not None
    if unasked and checkin.way is Way.PHONE:
        return Liveness.CANNOT_TELL
    return Liveness(verdict.liveness.value)


def answered_duty(session: Session, checkin: CheckIn, begun: datetime) -> int | None:
    """Settle what the check-in answers; one that does not count names what it was meant for."""
    if checkin.counts:
        duty = duties.settle(session, checkin.case_id, checkin.at, begun)
    else:
        duty = duties.due(session, checkin.case_id, checkin.at)
    return duty.id if duty else None


def _keep(session: Session, settings: Settings, checkin: CheckIn, frame: bytes) -> None:
    """Keep the picture of a match for some days, of a doubtful one until decided; else none."""
    if not (checkin.counts or checkin.for_review):
        return
    photo = photos.put(
        session,
        settings,
        checkin.case.person,
        frame,
        purpose=photos.Purpose.CHECKIN,
        now=checkin.at,
        delete_after=photos.keep_until(settings, checkin.at) if checkin.counts else None,
    )
    checkin.photo_id = photo.id


def _ask(session: Session, case: Case, capture: Capture, now: datetime) -> None:
    if capture.answers.help:
        help_requests.ask(session, case, HelpKind.HELP, now, beside=True)
    if capture.answers.call_back:
        help_requests.ask(session, case, HelpKind.CALL_BACK, now, beside=True)


def add(session: Session, checkin: CheckIn) -> None:
    """Write a check-in, and tell the pages that are open."""
    session.add(checkin)
    session.flush()
    outbox.live(session, checkin.case, "checkin", checkin.id, checkin.at)


def attest(
    session: Session, user: User, case_id: int, *, way: Way, note: str, now: datetime
) -> CheckIn:
    """Record that an officer saw or spoke to the person: of the same rank as a face check."""
    case = case_for(session, user, case_id, Permission.SUPERVISE)
    if way not in ATTESTED:
        raise Invalid("Choose a call, a visit, the counter or a video call.", field="way")
    if not case.supervised_at(now):
        raise Refused("Check-ins are suspended in the case's present state.", field="case")
    checkin = CheckIn(
        case_id=case.id,
        case=case,
        at=now,
        way=way,
        outcome=Outcome.ATTESTED,
        liveness=Liveness.NOT_JUDGED,
        reasons=[],
        answers={},
        note=note.strip() or None,
        recorded_by=user.id,
        receipt=codes.new(),
    )
    checkin.duty_id = answered_duty(session, checkin, now)
    add(session, checkin)
    return checkin


def _of(person_id: UUID) -> ColumnElement[bool]:
    return CheckIn.case_id.in_(select(Case.id).where(Case.person_id == person_id))


def mine(session: Session, person_id: UUID, receipt: str) -> CheckIn:
    """Return a person's own check-in by its receipt."""
    query = select(CheckIn).where(CheckIn.receipt == receipt, _of(person_id))
    checkin = session.scalar(query.options(joinedload(CheckIn.case)))
    if checkin is None:
        raise NotFound("There is no check-in with this receipt.")
    return checkin


def last(session: Session, person_id: UUID) -> CheckIn | None:
    """Return a person's last check-in of any outcome."""
    return session.scalars(
        select(CheckIn).where(_of(person_id)).order_by(CheckIn.at.desc(), CheckIn.id.desc())
    ).first()
