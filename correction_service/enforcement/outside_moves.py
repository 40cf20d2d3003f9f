"""A move to an agency outside the service: the old place enters what its letters say (IM 30–31).

Asking, consulting, deciding and calling off are those of every move (`transfers`). The duties go
on here until the receipt says that the person is there; with it the case ends as moved away.
"""

from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.casework import clocks
from correction_service.enforcement import transfers
from correction_service.enforcement.transfers import CONSULT, PAPERS, REPLY, REPORT, Side
from correction_service.messages import notices
from correction_service.people import cases, custody
from correction_service.scope import visible
from correction_service.zones import zones
from models.case import ENDED, Case
from models.errors import Invalid, Refused
from models.transfer import ON_THE_WAY, Letter, Transfer
from models.user import Permission, User
from models.zone import Zone

MOST_OF_NUMBER = 64
ENDS_HERE = (CONSULT, REPLY, REPORT, "health_report", "medical_review")  # the move's, the person's


def answer(
    session: Session,
    user: User,
    transfer_id: int,
    letter: Letter,
    *,
    agrees: bool,
    reply: str,
    now: datetime,
) -> Transfer:
    """The letter of reply came: whether the new place takes the case, and why."""
    transfer = _step_of(session, user, transfer_id, letter)
    transfer.answer_by_letter(letter, user.id, now, agrees=agrees, reply=reply)
    clocks.end_named(session, transfer.case, REPLY, user.id, letter.number, now=now)
    return transfers.changed(session, transfer, now)


def send(session: Session, user: User, transfer_id: int, letter: Letter, now: datetime) -> Transfer:
    """The file went to the new place; a person who was quicker has reported in already."""
    transfer = _step_of(session, user, transfer_id, letter)
    transfer.send_outside(letter, now)
    clocks.end_named(session, transfer.case, PAPERS, user.id, letter.number, now=now)
    return transfers.changed(session, transfer, now)


def receive(
    session: Session, user: User, transfer_id: int, receipt: Letter, now: datetime
) -> Transfer:
    """The receipt came: the case ends here as moved away, and whatever follows from an end.

    Positioning stops, the bracelet comes off, zones end, accounts leave the team. What was asked
    here since the day of reporting in there is void. Of the clocks the person's own end and the
    move's; what courts and the agency owe runs on, and the papers until they are sent.
    """
    transfer = _step_of(session, user, transfer_id, receipt)
    transfer.receive_outside(receipt, user.id, now)
    case = transfer.case
    cases.end(session, case, now)
    _end_zones(session, case, now)
    for member in case.team:
        member.user_id = None
    for name in ENDS_HERE:
        clocks.end_named(session, case, name, user.id, receipt.number, now=now)
    custody.void(session, case, hours.day_start(transfer.reported_on or hours.local_day(now)), now)
    notices.queue(session, case, "transfer", now)
    return transfers.changed(session, transfer, now)


def overdue(user: User, now: datetime) -> Select[Transfer]:
    """Moves whose last day to report in is past while no receipt has come: nobody is lost."""
    query = select(Transfer).join(Transfer.case).where(visible(user), Case.state.not_in(ENDED))
    waits = (Transfer.to_agency_id.is_(None), Transfer.state.in_(ON_THE_WAY))
    late = Transfer.report_by < hours.local_day(now)
    return query.where(*waits, late).order_by(Transfer.report_by, Transfer.id)


def _step_of(session: Session, user: User, transfer_id: int, letter: Letter) -> Transfer:
    """A move to a place outside; whoever supervises here enters its letters."""
    transfer = transfers.step_of(session, user, transfer_id, Permission.SUPERVISE, Side.OLD)
    session.refresh(transfer.case, with_for_update=True)  # it does not end twice at once
    if not transfer.outside:
        raise Refused("The new place works with this service and takes this step itself.")
    if len(letter.number.strip()) > MOST_OF_NUMBER:
        raise Invalid("At most 64 characters fit here.", field="number")
    return transfer


def _end_zones(session: Session, case: Case, now: datetime) -> None:
    in_force = or_(Zone.valid_to.is_(None), Zone.valid_to > now)
    mine = select(Zone).where(Zone.case_id == case.id, in_force)
    for zone in session.scalars(mine.order_by(Zone.id)).all():
        if zone.valid_to is None or zone.valid_to > now:  # ending one ends those that follow it
            zones.end(session, zone, now)
