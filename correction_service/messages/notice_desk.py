"""Messages to supervised people: packed for a carrier, put on the call list where none brings them.

A crash between sending and recording sends again under the same reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from correction_service import audit, outbox
from correction_service.db import ring_of
from correction_service.messages.carriers import Carrier, NoWay, Parcel
from correction_service.messages.desks import Came, Send
from models.checkin import CheckInDuty, DutyState
from models.errors import DomainError
from models.keys import SealBroken
from models.notice import Notice, NoticeState
from models.outbox import Outbox
from models.person import Person

TOPIC = "notice"
TRIES = 3
PAUSE = timedelta(seconds=30)
log = structlog.get_logger()


@dataclass(frozen=True)
class NoticeDesk:
    """Takes the first carrier that can bring a message."""

    carriers: Sequence[Carrier]
    tries: int = TRIES

    def pause(self, tries: int) -> timedelta:
        """Half a minute more after each."""
        return PAUSE * tries

    def pack(self, session: Session, row: Outbox) -> Send | None:
        """Open what a carrier needs; nothing is sent of what arrived otherwise or is done."""
        notice = session.get_one(Notice, row.payload["notice"])
        if _pointless(session, notice):
            return None
        parcel = _parcel(session, notice)
        carrier = next((each for each in self.carriers if each.takes(parcel)), None)

        def send() -> str:
            if carrier is None:
                raise NoWay("no carrier")
            carrier.send(parcel)
            return carrier.name

        return send

    def note(self, session: Session, row: Outbox, came: Came, channel: str, now: datetime) -> None:
        """Count the try; what is given up goes to the officer's call list."""
        notice = session.get_one(Notice, row.payload["notice"], with_for_update=True)
        notice.attempts += 1
        if came is Came.BROUGHT:
            notice.sent_at = now
            notice.channel = notice.channel or channel
            _become(notice, NoticeState.SENT)
        elif came is Came.GIVEN_UP:
            row.done_at = now
            _become(notice, NoticeState.TO_CALL)
            outbox.live(session, row, "notice", notice.id, now)


def _pointless(session: Session, notice: Notice) -> bool:
    """Whether it arrived otherwise, or asks for what has been done or dropped meanwhile."""
    if notice.state is not NoticeState.QUEUED:
        return True
    duty = session.get(CheckInDuty, notice.duty_id) if notice.duty_id else None
    return duty is not None and duty.state is not DutyState.AWAITING_DELIVERY


def _parcel(session: Session, notice: Notice) -> Parcel:
    return Parcel(
        reference=notice.reference or "",
        kind=notice.kind,
        text_zh=notice.text_zh,
        text_en=notice.text_en,
        person_id=notice.person_id,
        phone=_phone(session, notice.person),
    )


def _phone(session: Session, person: Person) -> str | None:
    """Open the number for sending, on the record; None where there is none to open."""
    try:
        phone = person.reveal(ring_of(session), "phone")
    except (DomainError, SealBroken) as error:
        log.warning("phone_not_opened", person=str(person.id), error=type(error).__name__)
        return None
    if phone is not None:
        audit.viewed(session, "use_phone", "person", person.id)
    return phone


def _become(notice: Notice, state: NoticeState) -> None:
    """Unless it has arrived meanwhile: a report can be faster than our own record."""
    if notice.state is NoticeState.QUEUED:
        notice.state = state
