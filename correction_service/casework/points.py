"""Points: a fact becomes a draft, an officer makes it an entry, a second entry takes it back.

Points never cause a penalty; facts do (domain rule). Nothing is deducted for a protected reason.
"""

import calendar
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from correction_service import outbox
from correction_service.assessment.rulebooks import Rulebooks
from correction_service.casework import deductions
from correction_service.messages import notices
from models.assessment import held, protected
from models.case import Case
from models.errors import Refused
from models.points import PointsDraft, PointsEntry, Rulebook


@dataclass(frozen=True)
class MonthBalance:
    """One month of one case: base pro rata, entries oldest first, total inside floor and cap.

    `held` are the ids of entries that an open objection keeps out of the total.
    """

    month: date
    base: int
    entries: tuple[PointsEntry, ...]
    total: int
    held: frozenset[int]


def install_default(session: Session) -> Rulebook:
    """Add the shipped rulebook unless it is there already."""
    text = resources.files("correction_service").joinpath("rulebooks/default.toml").read_text()
    shipped = tomllib.loads(text)
    same = select(Rulebook).where(
        Rulebook.name == shipped["name"], Rulebook.version == shipped["version"]
    )
    rulebook = session.scalars(same).one_or_none()
    if rulebook is None:
        rulebook = Rulebook(**shipped)
        session.add(rulebook)
        session.flush()
    return rulebook


def rulebook_on(session: Session, day: date, agency_id: int | None = None) -> Rulebook:
    """Return the rulebook in force on a day for an agency, or `Refused`."""
    return Rulebooks(session).on(day, agency_id)


def proposed(
    rulebook: Rulebook, case_id: int, item: str, fact: str, happened_on: date
) -> PointsDraft:
    """Return a draft priced by a rulebook, still without evidence and outside any session."""
    return PointsDraft(
        case_id=case_id,
        rulebook=rulebook,
        item=item,
        points=rulebook.points_for(item),
        fact=fact,
        happened_on=happened_on,
    )


def _facts(draft: PointsDraft) -> list[str]:
    """What a draft rests on by key: a penalty names the facts that were found under it."""
    return [draft.fact, *draft.evidence.get("facts", [])]


def _refuse_protected(session: Session, draft: PointsDraft) -> None:
    spared = or_(*(protected(draft.case_id, fact) for fact in _facts(draft)))
    if session.scalar(select(spared)):
        raise Refused(
            "Nothing is deducted for this fact: a protected reason was found.", code="protected"
        )


def confirm(
    session: Session, draft: PointsDraft, by: int, now: datetime, reason: str
) -> PointsEntry:
    """Make a draft an entry, in the officer's words, and tell the person.

    A formal penalty replaces the deductions that stand for the same fact; nothing else is deducted
    twice for one. Refused when the fact was settled or found otherwise since.
    """
    session.refresh(draft, with_for_update=True)
    _refuse_gone(session, draft)
    if draft.points < 0:
        _refuse_protected(session, draft)
    replaced = _standing_deductions(session, draft)
    if draft.rulebook.rule(draft.item).get("replaces"):
        for entry in replaced:
            session.add(entry.reversal(by, now, reason))
    elif replaced:
        raise Refused("A deduction already counts for this fact.", code="deducted")
    entry = draft.confirm(by, now, reason)
    _enter(session, draft.case, entry, now)
    return entry


def _refuse_gone(session: Session, draft: PointsDraft) -> None:
    gone = select(PointsDraft.id).where(PointsDraft.id == draft.id, deductions.gone())
    if session.scalar(gone) is not None:
        raise Refused(
            "What this draft rests on was settled otherwise: it is withdrawn by the next sweep.",
            code="settled_otherwise",
        )


def _standing_deductions(session: Session, draft: PointsDraft) -> list[PointsEntry]:
    """Entries below nought from other drafts of the same fact that were not taken back.

    A penalty that rests on the fact is among them, whichever of the two was confirmed first.
    """
    if draft.points >= 0:
        return []
    facts = _facts(draft)
    standing = (
        select(PointsEntry)
        .join(PointsDraft, PointsDraft.id == PointsEntry.draft_id)
        .where(
            PointsDraft.case_id == draft.case_id,
            or_(PointsDraft.fact.in_(facts), *map(deductions.of_measure_on, facts)),
            PointsDraft.id != draft.id,
            deductions.standing(),
        )
    )
    return list(session.scalars(standing))


def refuse(
    session: Session,
    draft: PointsDraft,
    by: int,
    now: datetime,
    reason: str,
    *,
    excuse: str | None = None,
) -> None:
    """Drop a draft with a reason; `excuse`, a code of the rulebook's protected list, for good."""
    session.refresh(draft, with_for_update=True)
    draft.refuse(by, now, reason, excuse)
    session.flush()
    outbox.live(session, draft.case, "points_draft", draft.id, now)


def reverse(
    session: Session, entry: PointsEntry, by: int, now: datetime, reason: str
) -> PointsEntry:
    """Take an entry back with a second one, once, and tell the person."""
    session.refresh(entry, with_for_update=True)
    again = select(PointsEntry.id).where(PointsEntry.reverses_id == entry.id)
    if session.scalars(again).first() is not None:
        raise Refused("This entry was already taken back.", code="already_reversed")
    reversal = entry.reversal(by, now, reason)
    _enter(session, session.get_one(Case, entry.case_id), reversal, now)
    return reversal


def _enter(session: Session, case: Case, entry: PointsEntry, now: datetime) -> None:
    session.add(entry)
    session.flush()
    notices.queue(session, case, "points", now)
    outbox.live(session, case, "points", entry.id, now)


def ledger(session: Session, case_id: int) -> list[PointsEntry]:
    """Everything entered for a case, newest first: what the person sees, reasons and all."""
    rows = select(PointsEntry).where(PointsEntry.case_id == case_id)
    return list(session.scalars(rows.order_by(PointsEntry.id.desc())))


def balance(session: Session, case_id: int, month: date, now: datetime) -> MonthBalance:
    """Reckon the month that `month` lies in, under the rulebook of its first day."""
    first = month.replace(day=1)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    case = session.get_one(Case, case_id)
    rulebook = rulebook_on(session, first, case.agency_id)
    base = rulebook.month_base(case.days_under(first, last), last.day)
    mine = (PointsEntry.case_id == case_id, PointsEntry.happened_on.between(first, last))
    entries = tuple(session.scalars(select(PointsEntry).where(*mine).order_by(PointsEntry.id)))
    kept_out = frozenset(session.scalars(select(PointsEntry.id).where(*mine, held(now))))
    counted = _sums(entry for entry in entries if entry.id not in kept_out)
    total = rulebook.month_total(base, counted)
    return MonthBalance(first, base, entries, total, kept_out)


def _sums(entries: Iterable[PointsEntry]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for entry in entries:
        sums[entry.item] += entry.points
    return sums
