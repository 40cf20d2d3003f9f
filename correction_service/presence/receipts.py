"""What a check-in says to the person who made it: what came of it, and the one thing to change."""

from correction_service.face import verdict
from correction_service.face.words import Reason, Words
from models.checkin import CheckIn, Liveness, Outcome, Way

_UNSURE = {
    Liveness.NOT_LIVE: Words(
        "人脸一致，但画面不像真人当面拍摄，将由工作人员核实。",
        "The face matches, but it did not look like a person before the camera; "
        "an officer will look at it.",
    ),
    Liveness.CANNOT_TELL: Words(
        "人脸一致，但系统没能确认动作，将由工作人员核实。",
        "The face matches, but the movements could not be made out; an officer will look at it.",
    ),
}
_ATTESTED = Words("工作人员已为您登记签到。", "Your officer recorded your check-in.")
_NEXT = {
    "done": Words(
        "签到完成，现在不需要再做什么。", "You have checked in. Nothing more is needed now."
    ),
    "review": Words(
        "不会因此扣分。您可以再试一次，或换一种方式签到。",
        "Nothing is held against you. You may try again, or check in another way.",
    ),
    "fault": Words(
        "这是系统的问题，不计入您的记录。请稍后再试，或换一种方式签到。",
        "This was our fault and does not count against you. "
        "Try again in a while, or check in another way.",
    ),
    "again": Words(
        "还没有完成签到。请再试一次，或换一种方式签到。",
        "You have not checked in yet. Try again, or check in another way.",
    ),
    "enrol": Words(
        "这是系统的问题，不计入您的记录。请换一种方式签到；工作人员将重新为您登记人脸。",
        "This was our fault and does not count against you. Check in another way; "
        "an officer enrols your face anew.",
    ),
}
_AT_THE_COUNTER = {
    "done": _NEXT["done"],
    "review": Words(
        "不会因此扣分。请让工作人员看一下此页：他们可以当面为您登记签到。",
        "Nothing is held against you. Show the officer this page: "
        "they can record your check-in here and now.",
    ),
    "fault": Words(
        "这是系统的问题，不计入您的记录。请让工作人员看一下此页：他们可以当面为您登记签到。",
        "This was our fault and does not count against you. Show the officer this page: they can "
        "record your check-in here and now.",
    ),
    "again": Words(
        "还没有完成签到。请再试一次，或请工作人员当面为您登记签到。",
        "You have not checked in yet. Try again, or let the officer record it here and now.",
    ),
    "enrol": Words(
        "这是系统的问题，不计入您的记录。请让工作人员看一下此页：他们为您登记签到并重新登记人脸。",
        "This was our fault and does not count against you. Show the officer this page: "
        "they record your check-in and enrol your face anew.",
    ),
}
_UNUSABLE = frozenset({Reason.TEMPLATE_OUTDATED, Reason.TEMPLATE_UNREADABLE})


def said(checkin: CheckIn) -> Words:
    """The outcome as a sentence."""
    if checkin.outcome is Outcome.ATTESTED:
        return _ATTESTED
    if checkin.outcome is Outcome.MATCH and not checkin.counts:
        return _UNSURE[checkin.liveness]
    return verdict.Outcome(checkin.outcome.value.upper()).words


def advice(checkin: CheckIn) -> Words | None:
    """The one thing to change before trying again, if there is one."""
    told = [Reason(code) for code in checkin.reasons if code != Reason.DIFFERENT_PERSON]
    return told[0].words if told and checkin.outcome is not Outcome.FAULT else None


def may_try_again(checkin: CheckIn) -> bool:
    """Whether another try with the camera could end otherwise."""
    return not checkin.counts and _UNUSABLE.isdisjoint(checkin.reasons)


def next_step(checkin: CheckIn) -> Words:
    """What happens next; at the counter it is said to somebody with an officer beside them."""
    steps = _AT_THE_COUNTER if checkin.way is Way.KIOSK else _NEXT
    return steps[_state(checkin)]


def _state(checkin: CheckIn) -> str:
    if checkin.counts:
        return "done"
    if checkin.for_review:
        return "review"
    if checkin.outcome is not Outcome.FAULT:
        return "again"
    return "fault" if may_try_again(checkin) else "enrol"
