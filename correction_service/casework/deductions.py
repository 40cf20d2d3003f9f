"""What confirmed facts cost, and whether the fact under a deduction still is what it was.

A fact is known by its key, such as duty:17, to its draft and to every later one. What it has become
is asked when it is drafted, when an officer confirms it, and after: whether a deduction that lost
its fact is taken back stays with an officer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import aliased

from correction_service.casework import findings
from correction_service.casework.findings import Finding, Look, Scope, selected
from models.activity import Activity, ActivityKind, Attendance
from models.assessment import protected
from models.case import Case, supervised_on
from models.checkin import CheckIn, CheckInDuty, DutyState
from models.discipline import MeasureFact
from models.incident import Cause, Incident, IncidentState
from models.offline_list import missed
from models.points import PointsDraft, PointsEntry
from models.review import CheckInReview, ReviewConfirmation, not_the_person
from models.risk import FlagKind

Rows = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Cost:
    """An item, the table of the facts that it is drawn from, and when such a fact holds.

    `rows` selects id, case_id, happened_at and the evidence of facts settled in a sweep's scope.
    """

    item: str
    kind: str
    subject: type[CheckInDuty] | type[Incident] | type[CheckIn] | type[Attendance]
    holds: ColumnElement[bool]
    rows: Callable[[Scope], Rows]

    @property
    def key(self) -> ColumnElement[str]:
        """What a draft calls the fact."""
        return f"{self.kind}:" + self.reference

    @property
    def reference(self) -> ColumnElement[str]:
        """What a measure calls it beside its kind."""
        return cast(self.subject.id, String)

    def fact(self, row: Any) -> str:  # noqa: ANN401 - a row of `rows`
        """The same for a row read."""
        return f"{self.kind}:{row.id}"

    def undrafted(self, scope: Scope) -> Rows:
        """Facts of supervised cases that no draft or standing deduction covers, unprotected ones.

        The deduction for a penalty covers the facts that were found under it.
        """
        known = or_(PointsDraft.item == self.item, standing())
        mine = PointsDraft.case_id == self.subject.case_id
        rows = self.rows(scope).add_columns(Case.agency_id)
        return rows.where(
            self.holds,
            ~exists().where(mine, PointsDraft.fact == self.key, known),
            ~exists().where(mine, _of_measure(self.kind, self.reference), standing()),
            ~protected(self.subject.case_id, self.key),
            supervised_on(scope.day),
        )

    def gone(self) -> ColumnElement[bool]:
        """Match drafts of this item whose fact no longer holds."""
        otherwise = exists().where(
            self.subject.case_id == PointsDraft.case_id,
            self.key == PointsDraft.fact,
            not_(self.holds),
        )
        return and_(PointsDraft.item == self.item, otherwise)


def standing() -> ColumnElement[bool]:
    """Match drafts that became a deduction which nobody has taken back."""
    entry, reversal = aliased(PointsEntry), aliased(PointsEntry)
    taken_back = exists().where(reversal.reverses_id == entry.id)
    return exists().where(entry.draft_id == PointsDraft.id, entry.points < 0, ~taken_back)


def of_measure_on(fact: str) -> ColumnElement[bool]:
    """Match drafts of the measures that rest on a fact such as duty:17."""
    kind, _, reference = fact.partition(":")
    return exists().where(_of_measure(kind, literal(reference)))


def _of_measure(kind: str, reference: ColumnElement[str]) -> ColumnElement[bool]:
    """Join drafts to the facts of their measures that are this one."""
    return and_(
        type_coerce(MeasureFact.kind, String) == kind,
        MeasureFact.reference == reference,
        PointsDraft.fact == "measure:" + cast(MeasureFact.measure_id, String),
    )


def gone() -> ColumnElement[bool]:
    """Match drafts whose fact was settled or found otherwise since."""
    return or_(*(cost.gone() for cost in COSTS))


def evidence(cost: Cost, row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of Cost.rows
    """Return what a draft rests on: the fact's id and the figures read with it, times as ISO."""
    figures = row._asdict()
    del figures["case_id"], figures["agency_id"]
    return {
        cost.kind: figures.pop("id"),
        **{
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in figures.items()
        },
    }


def _duties(state: DutyState) -> Callable[[Scope], Rows]:
    """Duties over in the scope, without a try in their window: one that failed costs nothing."""

    def rows(scope: Scope) -> Rows:
        return (
            findings.with_tries(state)
            .add_columns(CheckInDuty.closes_at.label("happened_at"))
            .where(
                CheckInDuty.closes_at.between(scope.since, scope.at),
                ~exists().where(findings.tried()),
            )
        )

    return rows


def _incidents(scope: Scope) -> Rows:
    return (
        select(
            Incident.id,
            Incident.case_id,
            Incident.since.label("happened_at"),
            Incident.since.label("seen_from"),
            Incident.closed_at.label("found_at"),
        )
        .join(Case, Case.id == Incident.case_id)
        .where(Incident.closed_at.between(scope.since, scope.at))
    )


def _reviews(scope: Scope) -> Rows:
    """Check-ins by when a second person confirmed that it was somebody else."""
    confirmed_at = (
        select(func.max(ReviewConfirmation.at))
        .join(ReviewConfirmation.review)
        .where(CheckInReview.checkin_id == CheckIn.id)
    )
    moment = confirmed_at.correlate(CheckIn).scalar_subquery()
    return (
        select(
            CheckIn.id,
            CheckIn.case_id,
            CheckIn.at.label("happened_at"),
            CheckIn.at.label("captured_at"),
            moment.label("found_at"),
        )
        .join(Case, Case.id == CheckIn.case_id)
        .where(moment.between(scope.since, scope.at))
    )


def _lessons(scope: Scope) -> Rows:
    """Education by when its list was closed: until then nobody has missed it."""
    return (
        select(
            Attendance.id,
            Attendance.case_id,
            Activity.starts_at.label("happened_at"),
            Activity.starts_at.label("held_at"),
            Activity.closed_at.label("found_at"),
        )
        .join(Attendance.activity)
        .join(Case, Case.id == Attendance.case_id)
        .where(
            Activity.kind == ActivityKind.EDUCATION,
            Activity.closed_at.between(scope.since, scope.at),
        )
    )


COSTS = (
    *(
        Cost(item, "duty", CheckInDuty, CheckInDuty.state == state, _duties(state))
        for item, state in (
            ("checkin_missed", DutyState.MISSED),
            ("checkin_late", DutyState.LATE),
        )
    ),
    Cost(
        "left_without_approval",
        "incident",
        Incident,
        and_(Incident.state == IncidentState.CLOSED, Incident.cause == Cause.LEFT_WITHOUT_APPROVAL),
        _incidents,
    ),
    Cost("verification_avoided", "checkin", CheckIn, not_the_person(), _reviews),
    Cost(
        "education_missed",
        "attendance",
        Attendance,
        missed(),
        _lessons,
    ),
)


def _moot_rows(_scope: Scope) -> Rows:
    """Deductions that stand although their fact no longer holds."""
    return (
        select(PointsEntry.id, PointsEntry.case_id, PointsEntry.points, PointsEntry.made_at)
        .join(PointsDraft, PointsDraft.id == PointsEntry.draft_id)
        .where(standing(), gone())
    )


def _moot(row: Any, _scope: Scope) -> Finding:  # noqa: ANN401 - a row of the query above
    reasons = [findings.reason("deduction_moot", row.made_at, "register", points=-row.points)]
    return Finding(row.case_id, f"entry:{row.id}", None, reasons)


MOOT = Look(FlagKind.DEDUCTION_MOOT, "IM 32", selected(_moot_rows), _moot, live_only=True)
