"""Correct what is on file of a sentence, by a paper: one proposes, a head who is not them decides.

A term may be reduced (LCC 33) or have been typed wrong, a minor entered as an adult. Nobody is
followed past the day that the paper names (LCC 44): whatever reaches beyond it ends with it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.casework import orders
from correction_service.hardware import bracelets
from correction_service.messages import notices
from correction_service.scope import case_for, visible
from correction_service.zones import zones
from models.case import Case, Category
from models.checkin import CheckInDuty
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.sentence_correction import CorrectionState, SentenceCorrection
from models.user import Permission, User

TERM_OVER = "term_over"


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """What of a sentence and of its person's birth a paper may put right."""

    category: Category
    effective_on: date
    term_start: date
    term_end: date
    born_on: date | None

    @classmethod
    def of(cls, case: Case) -> "Sentence":
        """What stands on file."""
        return cls(
            category=case.category,
            effective_on=case.effective_on,
            term_start=case.term_start,
            term_end=case.term_end,
            born_on=case.person.born_on,
        )

    def check(self, reported_on: date | None, today: date) -> None:
        """Refuse days that cannot follow each other; a term that is over already can be true."""
        if self.effective_on > today:
            raise Invalid(
                "The day on which the judgment took effect is still to come.", field="effective_on"
            )
        if reported_on is not None and reported_on < self.effective_on:
            raise Invalid(
                "The day of reporting in is before the judgment took effect.", field="effective_on"
            )
        if self.term_end < self.term_start:
            raise Invalid("The term ends before it starts.", field="term_end")
        if self.term_end < self.effective_on:
            raise Invalid("The term ends before the judgment took effect.", field="term_end")
        if self.born_on is not None and self.born_on > today:
            raise Invalid("The date of birth is still to come.", field="born_on")

    def other_than(self, stands: "Sentence") -> dict[str, Any]:
        """What differs from another, by column, as text."""
        before = asdict(stands)
        return {name: _text(it) for name, it in asdict(self).items() if it != before[name]}


def _text(value: Category | date | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value and value.value


def _read(name: str, text: str) -> Category | date:
    return Category(text) if name == "category" else date.fromisoformat(text)


def propose(
    session: Session,
    user: User,
    case_id: int,
    wanted: Sentence,
    *,
    number: str,
    reason: str,
    now: datetime,
) -> SentenceCorrection:
    """Propose what the paper `number` says instead; an ended case's file can be put right too."""
    case = case_for(session, user, case_id, Permission.ENROL)
    session.refresh(case, with_for_update=True)
    if not number.strip():
        raise Invalid("Give the number of the paper.", field="number")
    if not reason.strip():
        raise Invalid("Say why.", field="reason")
    if waiting_of(session, case_id) is not None:
        raise Refused("A correction of this case waits to be decided already.")
    stands = Sentence.of(case)
    after = wanted.other_than(stands)
    if not after:
        raise Invalid("Nothing is different from what is on file.", field="term_end")
    wanted.check(case.reported_on, hours.local_day(now))
    before = {name: _text(getattr(stands, name)) for name in after}
    proposed = SentenceCorrection(
        case=case,
        before=before,
        after=after,
        number=number.strip(),
        reason=reason.strip(),
        proposed_by=user.id,
        proposed_at=now,
        state=CorrectionState.WAITING,
    )
    session.add(proposed)
    return _changed(session, proposed, now)


def decide(
    session: Session, user: User, correction_id: int, *, agreed: bool, reason: str, now: datetime
) -> SentenceCorrection:
    """Agree or refuse; agreed, it stands from now on with all that follows; the person is told."""
    correction = correction_for(session, user, correction_id)
    correction.decide(user.id, now, agreed=agreed, reason=reason)
    if agreed:
        _put_right(session, correction, now)
        notices.queue(session, correction.case, "sentence", now)
    return _changed(session, correction, now)


def _put_right(session: Session, correction: SentenceCorrection, now: datetime) -> None:
    case = correction.case
    session.refresh(case, with_for_update=True)
    stands = Sentence.of(case)
    correction.before = {name: _text(getattr(stands, name)) for name in correction.after}
    for name, text in correction.after.items():
        setattr(case.person if name == "born_on" else case, name, _read(name, text))
    Sentence.of(case).check(case.reported_on, hours.local_day(now))
    if "born_on" in correction.after:
        for each in case.person.cases:
            each.minor = case.person.minor_on(each.effective_on)
    elif "effective_on" in correction.after:
        case.minor = case.person.minor_on(case.effective_on)
    _end_with_the_term(session, case, now)


def _end_with_the_term(session: Session, case: Case, now: datetime) -> None:
    """Cut what reaches past the term; over already, the bracelet is off and release is next."""
    end = hours.day_end(case.term_end)
    orders.cut(session, case, end)
    for zone in zones.of(session, case):
        if zone.valid_to is None or zone.valid_to > max(end, now):
            zone.valid_to = max(end, now)
    late = (CheckInDuty.case_id == case.id, CheckInDuty.opens_at >= end)
    for duty in session.scalars(select(CheckInDuty).where(*late)):
        duty.never_owed(TERM_OVER)
    if end <= now:
        bracelets.take_off(session, case, now)


def correction_for(session: Session, user: User, correction_id: int) -> SentenceCorrection:
    """A correction that the user may decide, under lock; of an unseen case none exists for them."""
    if not user.may(Permission.CORRECT_SENTENCES):
        raise Forbidden("Your role does not include this.")
    query = select(SentenceCorrection).join(Case).where(SentenceCorrection.id == correction_id)
    found = session.scalar(query.where(visible(user)).with_for_update(of=SentenceCorrection))
    if found is None:
        raise NotFound("There is no such correction in your offices.")
    return found


def of(session: Session, case_id: int) -> Sequence[SentenceCorrection]:
    """The corrections of a case, the latest first."""
    query = select(SentenceCorrection).where(SentenceCorrection.case_id == case_id)
    return session.scalars(query.order_by(SentenceCorrection.id.desc())).all()


def waiting_of(session: Session, case_id: int) -> SentenceCorrection | None:
    """The correction of a case that waits to be decided."""
    waits = SentenceCorrection.state == CorrectionState.WAITING
    query = select(SentenceCorrection).where(SentenceCorrection.case_id == case_id, waits)
    return session.scalar(query)


def waiting(user: User) -> Select[SentenceCorrection]:
    """What waits in the user's offices, the oldest first."""
    query = select(SentenceCorrection).join(SentenceCorrection.case).where(visible(user))
    query = query.where(SentenceCorrection.state == CorrectionState.WAITING)
    whose = joinedload(SentenceCorrection.case)
    query = query.options(whose.joinedload(Case.person), whose.joinedload(Case.office))
    return query.order_by(SentenceCorrection.proposed_at, SentenceCorrection.id)


def _changed(session: Session, correction: SentenceCorrection, now: datetime) -> SentenceCorrection:
    session.flush()
    outbox.live(session, correction.case, "case", correction.case_id, now)
    return correction
