"""What if the weights were others: the past's stored facts scored again, counts and no names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.casework.findings import Scope
from correction_service.risk import facts as gathering
from correction_service.risk import weighing
from models.case import Case, supervised_on
from models.risk_score import BANDS, Band, Facts, Weights, score

DAYS = 28


@dataclass(frozen=True)
class Tally:
    """What some weights would have listed on the last day, and how many newly on each before."""

    amber: int
    red: int
    new: tuple[int, ...]

    def a_day(self, people: int) -> float:
        """Newly listed per 100 people a day."""
        return 100 * sum(self.new) / len(self.new) / people if people else 0.0


@dataclass(frozen=True)
class WhatIf:
    """The present weights beside others, on the same facts of the same people."""

    people: int
    present: Tally
    other: Tally
    only_present: int  # listed on the last day by one and not by the other
    only_other: int


def ask(
    session: Session, scope: Scope, figures: Mapping[str, float], *whose: ColumnElement[bool]
) -> WhatIf:
    """Try other points or bounds on the last four weeks; `Invalid` names what cannot be set.

    The people are those under supervision now who match `whose`. What an officer has looked at
    stays so.
    """
    present = weighing.weights()
    other = weighing.changed(present, figures)
    longer = replace(present, window_days=present.window_days + DAYS)
    facts = gathering.gather(session, longer, scope.at, *whose)
    mine = (supervised_on(scope.day), *whose)
    people = session.scalars(select(func.count(Case.id)).where(*mine)).one()
    (tally, listed), (other_tally, other_listed) = (
        _tally(facts, weights, scope) for weights in (present, other)
    )
    return WhatIf(
        people=people,
        present=tally,
        other=other_tally,
        only_present=len(np.setdiff1d(listed, other_listed)),
        only_other=len(np.setdiff1d(other_listed, listed)),
    )


def _tally(facts: Facts, weights: Weights, scope: Scope) -> tuple[Tally, NDArray[np.int64]]:
    """Score each of the last days; somebody listed the day before is not new."""
    before: NDArray[np.int64] | None = None
    new, amber, red = [], 0, 0
    for ago in range(DAYS, -1, -1):
        ends_s = hours.day_end(scope.day - timedelta(days=ago)).timestamp()
        scores = score(facts.only(facts.at_s < ends_s), weights, ends_s)
        listed = scores.case[scores.band > 0]
        if before is not None:
            new.append(len(np.setdiff1d(listed, before)))
        before = listed
        amber = int((scores.band == BANDS.index(Band.AMBER)).sum())
        red = int((scores.band == BANDS.index(Band.RED)).sum())
    assert before is not None  # noqa: S101 - there is a last day
    return Tally(amber, red, tuple(new)), before
