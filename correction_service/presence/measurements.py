"""How often the face check was measured to err: written once by a command, read on a page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import Invalid
from models.face import Compared, ErrorRate, FaceMeasurement

SOURCE_LENGTH = 200


@dataclass(frozen=True)
class Figure:
    """One rate: errors of trials, and the 95 % interval of their share.

    `untold` of the trials had no answer: they are no errors.
    """

    kind: ErrorRate
    compared: Compared
    errors: int
    trials: int
    interval: tuple[float, float]
    people: int | None = None
    threshold: float | None = None
    untold: int | None = None


def record(
    session: Session,
    figures: Iterable[Figure],
    *,
    source: str,
    model_version: str,
    recorded_by: str,
    now: datetime,
) -> list[FaceMeasurement]:
    """Write down what was measured on a named set of photos; figures of no trial are left out."""
    if not source or len(source) > SOURCE_LENGTH:
        raise Invalid("Name the set of photos, in at most 200 characters.", field="source")
    made = [
        FaceMeasurement(
            measured_at=now,
            kind=it.kind,
            compared=it.compared,
            errors=it.errors,
            trials=it.trials,
            low=it.interval[0],
            high=it.interval[1],
            people=it.people,
            threshold=it.threshold,
            untold=it.untold,
            model_version=model_version,
            source=source,
            recorded_by=recorded_by,
        )
        for it in figures
        if it.trials
    ]
    session.add_all(made)
    session.flush()
    return made


def latest(session: Session) -> Sequence[FaceMeasurement]:
    """Return the newest of each rate, comparison and set, by rate and then newest first."""
    one = (FaceMeasurement.kind, FaceMeasurement.compared, FaceMeasurement.source)
    newest = select(func.max(FaceMeasurement.id)).group_by(*one)
    found = session.scalars(select(FaceMeasurement).where(FaceMeasurement.id.in_(newest)))
    order = list(ErrorRate)
    return sorted(found, key=lambda it: (order.index(it.kind), -it.measured_at.timestamp()))
