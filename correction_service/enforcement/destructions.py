"""Destroy a file whose term is over: one proposes by a list, another agrees (PIPL 47).

Nothing goes by itself. What holds a file is looked at when it is listed, proposed and agreed to; a
receipt in the log says what went, by which list and by whom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from correction_service import hours, outbox, retention
from correction_service.enforcement import deletions, erasures, exit_bans, transfers
from correction_service.enforcement.deletions import FILE, Hold, Rule
from correction_service.scope import case_for, visible
from correction_service.settings import Settings
from models.agency import Agency
from models.case import ENDED, Case, CaseState
from models.clock import LegalClock
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.file_destruction import DestructionState, FileDestruction
from models.opinion import Opinion, OpinionAnswer
from models.person import Person
from models.sentence_correction import CorrectionState, SentenceCorrection
from models.user import PERMISSIONS, Permission, User

NAMED = ("case", "name", "basis", "mark", "record", "years", "list")  # what `again` reads
WAITS = FileDestruction.state == DestructionState.WAITING


@dataclass(frozen=True)
class File:
    """A file whose term is over, by the person's last case that is; why it is held, if it is.

    `shared` with an agency whose cases the user does not see: one above both agrees.
    """

    case: Case
    holds: Sequence[Hold]
    waiting: FileDestruction | None = None
    shared: bool = False


def rule(session: Session, settings: Settings) -> Rule | None:
    """The term in force; none where the agency has set none."""
    return None if settings.file_years is None else deletions.rule(session, settings, FILE)


def files(session: Session, settings: Settings, user: User, now: datetime) -> list[File]:
    """The files of the user's offices whose term is over: every one proposed, then 500 others.

    The oldest come first. A proposal whose file's term is not over any more is to be taken back.
    """
    if not user.may(Permission.AGREE_DESTRUCTION):
        raise Forbidden("Your role does not include this.")
    mine, asked = visible(user), exists().where(FileDestruction.case_id == Case.id, WAITS)
    holds = {case.id: why for case, why in _over(session, settings, now, mine, asked)}
    proposed = session.scalars(waiting(user).order_by(FileDestruction.id))
    others = _over(session, settings, now, mine, ~asked, most=deletions.MOST)
    return [
        *(
            File(it.case, holds.get(it.case_id, [Hold.NOT_OVER]), it, _shared(session, user, it))
            for it in proposed
        ),
        *(File(case, why) for case, why in others),
    ]


def _shared(session: Session, user: User, destruction: FileDestruction) -> bool:
    """Whether the person has a case that the user does not see."""
    theirs = Case.person_id == destruction.case.person_id
    return session.scalar(select(Case.id).where(theirs, ~visible(user)).limit(1)) is not None


def _over(
    session: Session,
    settings: Settings,
    now: datetime,
    *which: ColumnElement[bool],
    most: int | None = None,
) -> list[tuple[Case, list[Hold]]]:
    """Cases past the file's term that are the person's last to be so, each with what holds it."""
    term = rule(session, settings)
    if term is None:
        return []
    telemetry = deletions.rule(session, settings)
    before = min(term.ended_before(now), telemetry.ended_before(now))
    holding = _holding(before, hours.local_day(now))
    query = _listed(before).where(*which).add_columns(*holding.values())
    rows = session.execute(query.limit(most)).all()
    return [
        (case, [hold for hold, held in zip(holding, why, strict=True) if held])
        for case, *why in rows
    ]


def _listed(before: datetime) -> Select[Case]:
    later = aliased(Case)
    after = or_(
        later.state_since > Case.state_since,
        and_(later.state_since == Case.state_since, later.id > Case.id),
    )
    last = ~exists().where(later.person_id == Case.person_id, _ended(later, before), after)
    query = select(Case).join(Case.person).options(joinedload(Case.person), joinedload(Case.office))
    query = query.where(_ended(Case, before), last, Person.wrapped_key.is_not(None))
    return query.order_by(Case.state_since, Case.id)


def _ended(of: type[Case], before: datetime) -> ColumnElement[bool]:
    return and_(of.state.in_(ENDED), of.state_since < before)


def _holding(before: datetime, today: date) -> Mapping[Hold, ColumnElement[bool]]:
    """What keeps a file: whatever holds any case of the person, or a case that is not over."""
    other = aliased(Case)
    mine = other.person_id == Case.person_id
    answered = exists().where(OpinionAnswer.opinion_id == Opinion.id)
    moved = other.state == CaseState.TRANSFERRED
    unsent = LegalClock.rule == transfers.PAPERS, LegalClock.stopped_at.is_(None)
    proposed = SentenceCorrection.state == CorrectionState.WAITING
    holding = {
        **deletions.holding(other),
        Hold.OPINION: exists().where(Opinion.case_id == other.id, ~answered),
        Hold.EXIT_BAN: exit_bans.standing(other),
        Hold.CORRECTION: exists().where(SentenceCorrection.case_id == other.id, proposed),
        Hold.PAPERS: and_(moved, exists().where(LegalClock.case_id == other.id, *unsent)),
        Hold.TERM: and_(moved, other.term_end >= today),
        Hold.OTHER_CASE: ~_ended(other, before),
    }
    return {hold: exists().where(mine, why) for hold, why in holding.items()}


def propose(
    session: Session, settings: Settings, user: User, case_id: int, *, number: str, now: datetime
) -> FileDestruction:
    """Propose a file for destruction by the list `number`; nothing goes until somebody agreed."""
    case = case_for(session, user, case_id, Permission.PROPOSE_DESTRUCTION)
    session.refresh(case, with_for_update=True)
    if not number.strip():
        raise Invalid("Give the number of the destruction list.", field="number")
    _check_free(session, settings, case, now)
    if waiting_of(session, case_id) is not None:
        raise Refused("The destruction of this file waits to be agreed already.")
    proposed = FileDestruction(
        case=case,
        list_number=number.strip(),
        proposed_by=user.id,
        proposed_at=now,
        state=DestructionState.WAITING,
    )
    session.add(proposed)
    return _changed(session, proposed, now)


def _check_free(session: Session, settings: Settings, case: Case, now: datetime) -> None:
    found = _over(session, settings, now, Case.id == case.id)
    if not found:
        raise Refused("The term of this file is not over.", code="not_over")
    if found[0][1]:
        raise Refused("Something holds this file: the list says what.", code="held")


def agree(
    session: Session,
    settings: Settings,
    user: User,
    destruction_id: int,
    *,
    now: datetime,
    because: str = "",
) -> FileDestruction:
    """Agree, and destroy the file at once; alone only where nobody else could, saying why."""
    destruction = destruction_for(session, user, destruction_id)
    case = destruction.case
    if _shared(session, user, destruction):
        raise Refused(
            "The person has a case of another agency, too: one above both agrees to this.",
            code="shared",
        )
    if user.id == destruction.proposed_by:
        _check_alone(session, settings, destruction, now)
        destruction.agree_alone(user.id, now, because)
    else:
        destruction.agree(user.id, now)
    session.refresh(case.person, with_for_update=True)
    _check_free(session, settings, case, now)
    _destroy(session, settings, destruction, now)
    return _changed(session, destruction, now)


def _check_alone(
    session: Session, settings: Settings, destruction: FileDestruction, now: datetime
) -> None:
    if others(session, destruction):
        raise Refused("Another person can agree to this.", code="others_can")
    if now < destruction.proposed_at + timedelta(days=settings.second_look_days):
        raise Refused(
            "It may be agreed to alone after %(days)s days without a second person.",
            code="too_early",
            days=settings.second_look_days,
        )


def others(session: Session, destruction: FileDestruction) -> int:
    """Count who else could agree: heads of the county, the agencies above it.

    Where the person has cases of several counties, those above all of them.
    """
    counties = {it.agency_id for it in destruction.case.person.cases}
    there = (User.agency_id.in_(_and_above(it)) for it in counties)
    seats = [it for it, may in PERMISSIONS.items() if Permission.AGREE_DESTRUCTION in may]
    able = (User.active, User.office_id.is_(None), User.role.in_(seats))
    query = select(func.count(User.id)).where(*able, *there, User.id != destruction.proposed_by)
    return session.scalar(query) or 0


def _and_above(agency_id: int) -> Select[int]:
    above = select(Agency.id, Agency.parent_id).where(Agency.id == agency_id).cte(recursive=True)
    parents = select(Agency.id, Agency.parent_id).join(above, Agency.id == above.c.parent_id)
    return select(above.union(parents).c.id)


def _destroy(
    session: Session, settings: Settings, destruction: FileDestruction, now: datetime
) -> None:
    term = rule(session, settings)
    assert term is not None  # noqa: S101 - nothing is free to be destroyed without a term
    by = [destruction.proposed_by, destruction.decided_by]
    act = {"list": destruction.list_number, "by": by}
    _erase(session, settings, destruction.case, term, act, now)


def _erase(  # noqa: PLR0917 - what a receipt consists of
    session: Session,
    settings: Settings,
    case: Case,
    term: Rule,
    act: Mapping[str, Any],
    now: datetime,
) -> None:
    """Let positions go by their own rule, erase the person, and leave the receipt.

    Every other agency that has a case of the person has one that names it.
    """
    person, cases = case.person, sorted(it.id for it in case.person.cases)
    last = {it.agency_id: it.id for it in sorted(person.cases, key=lambda it: it.id)}
    also = [case_id for agency_id, case_id in last.items() if agency_id != case.agency_id]
    retention.end_now(session, settings, cases, now)
    kinds = erasures.erase(session, person, now)
    act = {**act, "cases": cases}
    deletions.receipt(session, case.id, kinds, term, now, act=act, also=also)


def again(session: Session, settings: Settings, receipt: Mapping[str, str], now: datetime) -> bool:
    """Erase whom a line of the receipts' CSV names, after a restore; False: nothing was left.

    `NotFound` names a case that is not here, `Refused` one that is open.
    """
    number = receipt["case"]
    case = session.scalar(select(Case).where(Case.number == number))
    if case is None:
        raise NotFound("There is no case %(number)s.", number=number)
    if any(it.state not in ENDED for it in case.person.cases):
        raise Refused("The person of case %(number)s has an open case.", number=number)
    if case.person.erased:
        return False
    years = int(receipt["years"])
    term = Rule(FILE, receipt["basis"], receipt["mark"], "a receipt", years=years)
    act = {"list": receipt["list"], "again": receipt["record"]}
    _erase(session, settings, case, term, act, now)
    return True


def decline(
    session: Session, user: User, destruction_id: int, *, reason: str, now: datetime
) -> FileDestruction:
    """Decline as a second person, with the reason."""
    destruction = destruction_for(session, user, destruction_id)
    destruction.decline(user.id, now, reason)
    return _changed(session, destruction, now)


def take_back(
    session: Session, user: User, destruction_id: int, *, now: datetime
) -> FileDestruction:
    """Take an own proposal back, as long as nobody agreed."""
    destruction = destruction_for(session, user, destruction_id)
    destruction.take_back(user.id, now)
    return _changed(session, destruction, now)


def destruction_for(session: Session, user: User, destruction_id: int) -> FileDestruction:
    """A destruction that the user may decide, under lock; of an unseen file none exists to them."""
    if not user.may(Permission.AGREE_DESTRUCTION):
        raise Forbidden("Your role does not include this.")
    query = select(FileDestruction).join(Case).where(FileDestruction.id == destruction_id)
    found = session.scalar(query.where(visible(user)).with_for_update(of=FileDestruction))
    if found is None:
        raise NotFound("There is no such destruction in your offices.")
    return found


def waiting_of(session: Session, case_id: int) -> FileDestruction | None:
    """The destruction of a file that waits to be agreed to."""
    return session.scalar(select(FileDestruction).where(FileDestruction.case_id == case_id, WAITS))


def waiting(user: User) -> Select[FileDestruction]:
    """What waits in the user's offices for somebody to agree."""
    query = select(FileDestruction).join(FileDestruction.case).where(visible(user))
    whose = joinedload(FileDestruction.case)
    query = query.options(whose.joinedload(Case.person), whose.joinedload(Case.office))
    return query.where(WAITS)


def _changed(session: Session, destruction: FileDestruction, now: datetime) -> FileDestruction:
    session.flush()
    outbox.live(session, destruction.case, "case", destruction.case_id, now)
    return destruction
