"""The check-in itself: questions, camera, and what came of it."""

from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from correction_service import access
from correction_service.face.actions import Action
from correction_service.presence import attempts, challenges, checkins, receipts
from correction_service.taking import fault_noted
from correction_service.web.phone.frame import blueprint, to_a_browser
from models.checkin import CheckIn
from models.errors import NotFound, Refused


@blueprint.get("/checkin")
@access.person_only
def check_in() -> ResponseReturnValue:
    """Show the questions and the camera, or the other ways when the face check is not on."""
    elsewhere = to_a_browser()
    if elsewhere:
        return elsewhere
    person_id = access.person_id()
    try:
        with fault_noted(person_id), access.reading() as session:
            checkins.ready(session, person_id, access.now())
    except Refused as refusal:
        if refusal.code == checkins.UNREADABLE:
            return redirect(url_for("phone.receipt", receipt=_last(person_id)))
        return redirect(url_for("phone.ask", why=refusal.code))
    return render_template(
        "phone/checkin.html",
        guided=True,
        may_close_eyes=Action.CLOSE_EYES in challenges.askable(),
        challenge_url=url_for("checkins.challenge"),
        attempts_url=url_for("checkins.under_way"),
        aim_url=url_for("checkins.aim"),
        grace_seconds=access.service().settings.upload_grace_seconds,
        receipt_url=url_for("phone.receipt", receipt="RECEIPT"),
        help_url=url_for("phone.ask"),
    )


def _last(person_id: UUID) -> str:
    with access.reading() as session:
        last = checkins.last(session, person_id)
        return last.receipt if last else ""


@blueprint.get("/receipt/<receipt>")
@access.person_only
def receipt(receipt: str) -> ResponseReturnValue:
    """Say in words what came of an attempt, or how far it has come; a reload says the same."""
    with access.reading() as session:
        try:
            made = checkins.mine(session, access.person_id(), receipt)
        except NotFound:
            attempt = attempts.mine(session, access.person_id(), receipt)
            state = attempt.state(access.now(), attempts.grace(access.service().settings))
            words = {"attempt": attempt, "state": state.value, "reason": attempt.close_reason}
            return render_template("phone/attempt.html", **words)
        return render_template("phone/receipt.html", **told(made))


def told(made: CheckIn) -> dict[str, object]:
    """What a result page says of a check-in."""
    return {
        "checkin": made,
        "counts": made.counts,
        "for_review": made.for_review,
        "said": receipts.said(made),
        "advice": receipts.advice(made),
        "next_step": receipts.next_step(made),
        "again": receipts.may_try_again(made),
    }
