"""Why a check-in that was asked is not held against anybody, in words."""

from flask_babel import lazy_gettext as _l

from correction_service.presence import duties
from models.case import CaseState
from models.checkin import CheckInDuty

VOID = {
    duties.SERVICE_DOWN: _l("our own pages were down"),
    duties.SYSTEM_FAULT: _l("a fault on our side"),
    duties.ATTEMPTED: _l("begun and not finished"),
    duties.UNCLEAR: _l("no clear picture"),
    duties.ASKED: _l("another way was asked for"),
    duties.DOUBTED: _l("an officer had a concern and saw the person since"),
    "not_delivered": _l("the request did not arrive"),
    "delivered_outside_hours": _l("the request arrived outside the hours"),
    "term_over": _l("the term was over"),
}
SUSPENDED = _l("supervision was suspended")


def void(duty: CheckInDuty) -> str:
    """Say why a duty counts neither way; "" for one that does count."""
    return why(duty.void_reason) if duty.void_reason else ""


def why(code: str) -> str:
    """Say a reason by its code; every state in which nobody is supervised is said alike."""
    return str(SUSPENDED if code in set(CaseState) else VOID.get(code, code))
