"""What a person is to do and what the office owes them, each with its law and its running day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.casework import clocks, points
from correction_service.law import duties as law
from correction_service.law.duties import Bearer, Duty
from correction_service.law.limits import bounds_of
from models.case import Case
from models.errors import Refused


@dataclass(frozen=True)
class Owed:
    """A duty in the words of a case: `said` by language, its last day where a clock runs."""

    duty: Duty
    said: Mapping[str, str]
    until: date | None = None
    over: bool = False


def of(session: Session, case: Case, now: datetime) -> dict[Bearer, list[Owed]]:
    """The duties of a case by who bears them; one whose clock alone makes it is left out."""
    found_running = clocks.running(session, clocks.of(case.id), now)
    running = {it.rule.name: it for it in reversed(found_running)}  # the nearest end of each
    values = _values(session, case, now)
    found: dict[Bearer, list[Owed]] = {bearer: [] for bearer in Bearer}
    for duty in law.duties_of(session):
        clock = running.get(duty.clock or "")
        if not duty.concerns(case.category) or (duty.clock and clock is None):
            continue
        until = _last_day(clock.due.at) if clock else None
        over = clock is not None and clock.over(now)
        found[duty.who].append(Owed(duty, _said(duty, values), until, over))
    return found


def _values(session: Session, case: Case, now: datetime) -> dict[str, int]:
    values = {name: bound.value for name, bound in bounds_of(session).items()}
    try:
        book = points.rulebook_on(session, hours.local_day(now), case.agency_id)
    except Refused:  # no rulebook is in force yet: nothing of it is said
        return values
    return values | {name: it for name, it in book.rules.items() if isinstance(it, int)}


def _said(duty: Duty, values: Mapping[str, int]) -> Mapping[str, str]:
    value = values.get(duty.limit or duty.item or "")
    return {language: words.replace("{value}", str(value)) for language, words in duty.said.items()}


def _last_day(due: datetime | None) -> date | None:
    """A clock is over with the first moment that is too late; the day before is the last."""
    return hours.local_day(due - timedelta(seconds=1)) if due else None
