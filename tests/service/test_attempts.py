"""An attempt at a check-in comes in frame by frame, and nothing of ours ever counts against it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from correction_service.face.liveness import Frame
from correction_service.face.verifier import Verifier
from correction_service.presence import attempts, checkins
from correction_service.presence.captures import Answers, Capture, Origin, Position
from correction_service.presence.challenges import Permit
from correction_service.presence.judging import Judge
from models.checkin import (
    AttemptState,
    Challenge,
    CheckInDuty,
    CheckInFrame,
    DutyState,
    Liveness,
    Outcome,
)
from models.errors import Invalid, NotFound, Refused
from models.face import FaceTemplate
from models.help_request import HelpRequest
from models.keys import SealBroken
from tests.county import NOW
from tests.enrolled import Bursts
from tests.service.checking_in import LATER, Desk, desk

__all__ = ["desk"]

SECOND = timedelta(seconds=1)


def permit(desk: Desk, now: datetime = NOW) -> Permit:
    with desk.writing() as session:
        return checkins.permit(session, desk.person_id, now, desk.settings)


def put(desk: Desk, receipt: str, frames: Sequence[Frame], now: datetime = NOW) -> None:
    for place, frame in enumerate(frames):
        timed = replace(frame, at_ms=400 * place, action=None)
        with desk.writing() as session:
            attempts.put(
                session,
                desk.person_id,
                receipt,
                place,
                timed,
                now=now + place * SECOND,
                settings=desk.settings,
            )


def finish(
    desk: Desk,
    receipt: str,
    now: datetime = NOW + 20 * SECOND,
    beside: Capture = Capture(()),  # noqa: B008 - frozen
) -> Challenge:
    with desk.writing() as session:
        return attempts.finish(
            session, desk.person_id, receipt, beside, now=now, settings=desk.settings
        )


def sent(desk: Desk, bursts: Bursts, beside: Capture = Capture(())) -> Challenge:  # noqa: B008
    """An attempt whose capture is complete and waits."""
    receipt = permit(desk).receipt
    put(desk, receipt, bursts.person.frames)
    return finish(desk, receipt, beside=beside)


def state(desk: Desk, receipt: str | None, now: datetime = NOW) -> AttemptState:
    with desk.database.reading() as session:
        challenge = attempts.mine(session, desk.person_id, receipt or "")
        return challenge.state(now, attempts.grace(desk.settings))


def kept(desk: Desk) -> int:
    with desk.database.reading() as session:
        return session.scalar(select(func.count()).select_from(CheckInFrame)) or 0


def void_reason(desk: Desk) -> str | None:
    with desk.database.reading() as session:
        return session.get_one(CheckInDuty, desk.duty_id).void_reason


def test_a_capture_sent_frame_by_frame_is_judged_with_its_times(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    answers, origin = Answers("well", call_back=True), Origin("Chrome 116", "ELS-AN00", "abcd1234")
    challenge = sent(desk, bursts, Capture((), Position(27.7, 106.9, 12.0), answers, origin))
    made = Judge(desk.database, verifier, desk.settings).judge(challenge.id, NOW + 21 * SECOND)
    assert made is not None
    assert (made.receipt, made.began_at, made.at) == (challenge.receipt, NOW, challenge.sent_at)
    assert (made.outcome, made.lat, made.browser) == (Outcome.MATCH, 27.7, "Chrome 116")
    assert (made.phone_model, made.phone_mark) == ("ELS-AN00", "abcd1234")
    assert made.actions == challenge.actions
    assert made.frames[2] == {"action": None, "at_ms": 800, "arrived_ms": 2000}
    assert made.liveness in {Liveness.CANNOT_TELL, Liveness.NOT_LIVE}
    assert made.cues
    assert made.fingerprints
    assert kept(desk) == 0
    with desk.database.reading() as session:
        assert session.scalars(select(HelpRequest)).one().case_id == desk.county.case
    assert desk.waiting() == [made.id]
    assert desk.duty() is DutyState.DUE


def test_what_is_kept_of_an_attempt_opens_for_nobody_else(desk: Desk, bursts: Bursts) -> None:
    challenge = sent(desk, bursts, Capture((), Position(27.7, 106.9, 12.0)))
    with desk.writing() as session:
        row = session.scalars(select(CheckInFrame).order_by(CheckInFrame.place)).first()
        assert row is not None
        assert b"JFIF" not in row.sealed
        assert b"27.7" not in (challenge.sealed or b"")
        row.place = 11  # a sealed frame that is moved does not open
    with desk.database.reading() as session, pytest.raises(SealBroken):
        attempts.capture(session, session.get_one(Challenge, challenge.id))


def test_a_frame_sent_twice_is_kept_once_and_the_first_one_stays(
    desk: Desk, bursts: Bursts
) -> None:
    receipt, frames = permit(desk).receipt, bursts.person.frames
    put(desk, receipt, frames[:2])
    put(desk, receipt, frames[2:])
    challenge = finish(desk, receipt)
    with desk.database.reading() as session:
        held = attempts.capture(session, session.get_one(Challenge, challenge.id)).frames
    expected = (*frames[:2], frames[4])
    assert [frame.data for frame in held] == [frame.data for frame in expected]


def test_after_a_reload_the_server_says_what_it_has(desk: Desk, bursts: Bursts) -> None:
    receipt = permit(desk).receipt
    put(desk, receipt, bursts.person.frames[:3])
    later = NOW + 30 * SECOND
    with desk.database.reading() as session:
        found = attempts.under_way(session, desk.person_id, later, desk.settings)
        assert found is not None
        assert found.receipt == receipt
        assert attempts.places(session, found) == [0, 1, 2]
        over = attempts.under_way(session, desk.person_id, LATER, desk.settings)
        assert over is None


@pytest.mark.parametrize(
    ("place", "change", "field"),
    [
        (12, {}, "place"),
        (0, {"at_ms": None}, "at_ms"),
        (0, {"at_ms": 121_000}, "at_ms"),
        (0, {"action": 3}, "action"),
    ],
)
def test_a_frame_that_cannot_be_is_named(
    desk: Desk, bursts: Bursts, place: int, change: dict[str, object], field: str
) -> None:
    receipt = permit(desk).receipt
    frame = replace(bursts.person.frames[0], **({"at_ms": 0} | change))  # type: ignore[arg-type]
    with desk.writing() as session, pytest.raises(Invalid) as refusal:
        attempts.put(
            session, desk.person_id, receipt, place, frame, now=NOW, settings=desk.settings
        )
    assert refusal.value.field == field


def test_a_frame_taken_too_late_leaves_what_arrived_before_to_be_judged(
    desk: Desk, bursts: Bursts
) -> None:
    receipt, frames = permit(desk).receipt, bursts.person.frames
    put(desk, receipt, frames[:4])
    late_ms = 1000 * desk.settings.challenge_seconds + 1
    late, now = (
        replace(frames[4], at_ms=late_ms, action=None),
        NOW + timedelta(milliseconds=late_ms),
    )
    with desk.writing() as session, pytest.raises(Invalid) as refusal:
        attempts.put(session, desk.person_id, receipt, 4, late, now=now, settings=desk.settings)
    assert refusal.value.field == "at_ms"  # by which the page knows to finish
    assert finish(desk, receipt, now).sent_at == now
    assert kept(desk) == 4


def test_somebody_elses_receipt_is_unknown(desk: Desk, bursts: Bursts) -> None:
    receipt = permit(desk).receipt
    desk.person_id = type(desk.person_id)(int=1)
    with pytest.raises(NotFound):
        finish(desk, receipt)


def test_what_was_taken_in_time_may_arrive_after_the_networks_return(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    receipt = permit(desk).receipt
    put(desk, receipt, bursts.person.frames[:2])
    back = NOW + timedelta(minutes=8)
    put(desk, receipt, bursts.person.frames, now=back)
    challenge = finish(desk, receipt, now=back + 9 * SECOND)
    made = Judge(desk.database, verifier, desk.settings).judge(challenge.id, back + 10 * SECOND)
    assert made is not None
    assert made.outcome is Outcome.MATCH
    assert [frame["arrived_ms"] >= 480_000 for frame in made.frames] == [False] * 2 + [True] * 3


def test_after_its_grace_an_attempt_takes_nothing_and_keeps_nothing(
    desk: Desk, bursts: Bursts
) -> None:
    receipt = permit(desk).receipt
    put(desk, receipt, bursts.person.frames[:2])
    with pytest.raises(Refused) as refusal:
        finish(desk, receipt, now=LATER)
    assert refusal.value.code == "challenge_expired"
    assert kept(desk) == 2
    with desk.writing() as session:
        attempts.expire(session, LATER, desk.settings)
    assert kept(desk) == 0
    assert state(desk, receipt, LATER) is AttemptState.UNFINISHED


def test_without_a_single_frame_there_is_nothing_to_judge(desk: Desk) -> None:
    receipt = permit(desk).receipt
    with pytest.raises(Refused) as refusal:
        finish(desk, receipt)
    assert refusal.value.code == "no_frames"


def test_a_cancelled_attempt_forgets_its_frames_at_once(desk: Desk, bursts: Bursts) -> None:
    receipt = permit(desk).receipt
    put(desk, receipt, bursts.person.frames[:2])
    with desk.writing() as session:
        attempts.cancel(session, desk.person_id, receipt, now=NOW, settings=desk.settings)
    assert (kept(desk), state(desk, receipt)) == (0, AttemptState.CLOSED)
    with pytest.raises(Refused) as refusal:
        finish(desk, receipt)
    assert refusal.value.code == "challenge_closed"


def test_broken_models_leave_a_receipt_and_no_missed_check_in(
    desk: Desk, bursts: Bursts, tmp_path: Path
) -> None:
    challenge = sent(desk, bursts)
    with Verifier(weights_folder=tmp_path) as broken:
        made = Judge(desk.database, broken, desk.settings).judge(challenge.id, NOW + 21 * SECOND)
    assert made is not None
    assert (made.outcome, made.receipt) == (Outcome.FAULT, challenge.receipt)
    assert (desk.lapse(), desk.duty()) == (0, DutyState.VOID)


def test_a_fault_of_what_was_begun_in_time_is_no_missed_check_in_however_late_it_came_in(
    desk: Desk, bursts: Bursts, tmp_path: Path
) -> None:
    challenge = just_begun(desk, bursts)
    with Verifier(weights_folder=tmp_path) as broken:
        made = Judge(desk.database, broken, desk.settings).judge(challenge.id, LATER)
    assert made is not None
    assert made.outcome is Outcome.FAULT
    assert (desk.lapse(), desk.duty(), void_reason(desk)) == (0, DutyState.VOID, "system_fault")


def test_a_face_damaged_after_an_attempt_was_begun_in_time_is_no_missed_check_in(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    challenge = just_begun(desk, bursts)
    with desk.writing() as session:
        session.scalars(select(FaceTemplate)).one().sealed = b"lost"
    made = Judge(desk.database, verifier, desk.settings).judge(challenge.id, LATER)
    assert made is not None
    assert made.began_at == challenge.issued_at
    assert (desk.lapse(), desk.duty(), void_reason(desk)) == (0, DutyState.VOID, "system_fault")


def test_an_undecided_picture_begun_in_time_holds_its_duty_however_late_it_came_in(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    challenge = just_begun(desk, bursts)
    made = Judge(desk.database, verifier, desk.settings).judge(challenge.id, LATER)
    assert made is not None
    assert desk.waiting() == [made.id]
    assert (desk.lapse(), desk.duty()) == (0, DutyState.DUE)


def just_begun(desk: Desk, bursts: Bursts) -> Challenge:
    """An attempt begun in the last second for coming late, all of it here half a minute after."""
    begun = NOW + timedelta(hours=3) - SECOND
    receipt = permit(desk, begun).receipt
    put(desk, receipt, bursts.person.frames, now=begun)
    return finish(desk, receipt, now=begun + 30 * SECOND)


def test_a_burst_that_was_sent_before_is_known_again(
    desk: Desk, bursts: Bursts, verifier: Verifier
) -> None:
    judge = Judge(desk.database, verifier, desk.settings)
    first = judge.judge(sent(desk, bursts).id, NOW + 21 * SECOND)
    second = judge.judge(sent(desk, bursts).id, NOW + 22 * SECOND)
    assert first is not None
    assert second is not None
    unseen = [
        next(cue["value"] for cue in made.cues if cue["name"] == "unseen")
        for made in (first, second)
    ]
    assert unseen == [1.0, 0.0]
    assert second.liveness is Liveness.NOT_LIVE
