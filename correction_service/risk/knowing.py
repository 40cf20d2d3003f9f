"""Where nothing is known: a state of its own, neither a low risk nor anybody's fault."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from correction_service.casework import findings
from correction_service.casework.findings import Scope
from models.case import Case, supervised_on
from models.checkin import CheckIn, CheckInDuty

ASKED_WITHIN = timedelta(days=31)  # the longest interval at which anybody reports


class Blank(StrEnum):
    """Why the evidence may say less than there is."""

    BRACELET_SILENT = "bracelet_silent"
    OUTAGE = "outage"
    NOTHING_ASKED = "nothing_asked"


def blanks(session: Session, scope: Scope, case_id: int) -> list[Blank]:
    """What is not known of one case now."""
    worn = findings.worn_rows(scope.at, scope.at).subquery()
    silent = findings.silent_rows(scope).subquery()
    found = []
    if session.scalar(select(exists().where(silent.c.case_id == case_id))):
        found.append(Blank.BRACELET_SILENT)
    deaf = any(since <= scope.at <= until for since, until in scope.deaf)
    if deaf and session.scalar(select(exists().where(worn.c.case_id == case_id))):
        found.append(Blank.OUTAGE)
    if session.scalar(select(exists().where(Case.id == case_id, _unasked(scope)))):
        found.append(Blank.NOTHING_ASKED)
    return found


def count(session: Session, scope: Scope, whose: Sequence[ColumnElement[bool]]) -> dict[Blank, int]:
    """How many of the cases that match `whose` those are, by cause; a case may have several."""
    silent = findings.silent_rows(scope).where(*whose).subquery()
    unasked = select(func.count(Case.id)).where(*whose, _unasked(scope))
    return {
        Blank.BRACELET_SILENT: session.scalars(select(func.count()).select_from(silent)).one(),
        Blank.NOTHING_ASKED: session.scalars(unasked).one(),
    }


def _unasked(scope: Scope) -> ColumnElement[bool]:
    """Match supervised cases of which nobody asked anything, and who came by no other way."""
    since = scope.at - ASKED_WITHIN
    asked = exists().where(
        CheckInDuty.case_id == Case.id, CheckInDuty.closes_at.between(since, scope.at)
    )
    came = exists().where(CheckIn.case_id == Case.id, CheckIn.at.between(since, scope.at))
    return supervised_on(scope.day) & ~asked & ~came
