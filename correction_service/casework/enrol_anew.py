"""Enrolled faces that could not be used: sealed under a key that is gone, or of earlier models.

The attempt is a fault of ours and costs nothing; until an officer enrols the person anew, every
further one would be a fault as well.
"""

from typing import Any

from sqlalchemy import String, cast, func, or_, select

from correction_service.casework.findings import Finding, Look, Rows, Scope, reason, selected
from correction_service.face.words import Reason
from models.case import Case, supervised_on
from models.checkin import CheckIn, Outcome
from models.face import FaceTemplate
from models.risk import FlagKind

UNUSABLE = (Reason.TEMPLATE_OUTDATED, Reason.TEMPLATE_UNREADABLE)


def _rows(scope: Scope) -> Rows:
    said = cast(CheckIn.reasons, String)
    unusable = or_(*(said.contains(f'"{why.value}"') for why in UNUSABLE))
    failed = (CheckIn.outcome == Outcome.FAULT, CheckIn.at > FaceTemplate.enrolled_at, unusable)
    return (
        select(
            Case.id.label("case_id"),
            FaceTemplate.id.label("template_id"),
            func.max(CheckIn.at).label("at"),
        )
        .join(CheckIn, CheckIn.case_id == Case.id)
        .join(FaceTemplate, FaceTemplate.person_id == Case.person_id)
        .where(FaceTemplate.retired_at.is_(None), *failed, supervised_on(scope.day))
        .group_by(Case.id, FaceTemplate.id)
    )


def _finding(row: Any, _scope: Scope) -> Finding:  # noqa: ANN401 - a row of the query above
    reasons = [reason("template_unusable", row.at, "machine", "service_fault")]
    return Finding(row.case_id, f"template:{row.template_id}", None, reasons)


ENROL_ANEW = Look(FlagKind.ENROL_ANEW, "LCC 26", selected(_rows), _finding)
