"""Who may be slipping away, as findings of the sweep: evidence in words, or an officer's own word.

A finding says each fact with its moment, its quality, its points and what else may explain it. It
is a list for an officer to look at, and never a ground for anything (LCC 29; domain rule).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.casework.findings import Finding, Look, Reason, Scope, reason
from correction_service.risk import facts as gathering
from correction_service.risk import weighing
from models.case import Case, supervised_on
from models.risk import FlagKind, FlagState, RiskFlag, RiskOverride
from models.risk_score import BANDS, FAMILIES, LEAST, Band, Facts, Family, Scores, Weights, score

LAW = "LCC 30"
MOST_REASONS = 20


@dataclass(frozen=True)
class Evidence:
    """One fact that was scored: the place of its item in the weights tells what it is."""

    item: str
    family: Family
    at: datetime
    subject: str
    points: float


@dataclass(frozen=True)
class Assessment:
    """What is known of one case: its band as scored, by family, and each fact."""

    case_id: int
    band: Band
    points: float
    families: Mapping[Family, float]
    evidence: Sequence[Evidence]
    override: RiskOverride | None
    episode: str  # key of its flag: a new one once an officer has handled one

    @property
    def stands(self) -> Band:
        """The band that counts: the officer's where one holds."""
        said = self.override.band if self.override else None
        return self.band if said is None else said


@dataclass(frozen=True)
class _Scored:
    """Facts and what they come to, with the officers' words beside them."""

    facts: Facts
    scores: Scores
    overrides: Mapping[int, RiskOverride]
    episodes: Mapping[int, int]

    def assessment(self, case_id: int) -> Assessment:
        row = np.flatnonzero(self.scores.case == case_id)
        families = self.scores.families[row[0]] if len(row) else np.zeros(len(FAMILIES))
        return Assessment(
            case_id=case_id,
            band=BANDS[self.scores.band[row[0]]] if len(row) else Band.NONE,
            points=round(float(families.sum()), 1),
            families={it: round(float(of), 1) for it, of in zip(FAMILIES, families, strict=True)},
            evidence=sorted(self._evidence(case_id), key=lambda it: (-it.points, it.at)),
            override=self.overrides.get(case_id),
            episode=f"after:{self.episodes.get(case_id, 0)}",
        )

    def _evidence(self, case_id: int) -> Iterator[Evidence]:
        """Facts that weigh anything."""
        weights = weighing.weights()
        mine = (self.facts.case == case_id) & (self.scores.each >= LEAST)
        for place in np.flatnonzero(mine):
            item = weights.names[self.facts.item[place]]
            yield Evidence(
                item=item,
                family=weights.items[item].family,
                at=datetime.fromtimestamp(round(float(self.facts.at_s[place])), UTC),
                subject=gathering.subject(item, int(self.facts.ref[place])),
                points=round(float(self.scores.each[place]), 1),
            )


def assess(session: Session, scope: Scope, case_id: int) -> Assessment:
    """Score one case now, whatever its band: for the page that explains it."""
    facts = gathering.gather(session, weighing.weights(), scope.at, Case.id == case_id)
    scores = score(facts, weighing.weights(), fades_to(scope))
    overrides, episodes = overrides_on(session, scope, case_id), _episodes(session, case_id)
    return _Scored(facts, scores, overrides, episodes).assessment(case_id)


def _read(session: Session, scope: Scope) -> Iterator[Assessment]:
    """Whoever stands at amber or red, by the evidence or by an officer's word."""
    facts = gathering.gather(session, weighing.weights(), scope.at)
    scores = score(facts, weighing.weights(), fades_to(scope))
    overrides = overrides_on(session, scope)
    listed = {int(case) for case in scores.case[scores.band > 0]}
    listed |= {case for case, it in overrides.items() if it.band is not Band.NONE}
    kept = facts.only(np.isin(facts.case, sorted(listed)))
    again = score(kept, weighing.weights(), fades_to(scope))
    scored = _Scored(kept, again, overrides, _episodes(session))
    for case_id in sorted(listed):
        found = scored.assessment(case_id)
        if found.stands is not Band.NONE:
            yield found


def fades_to(scope: Scope) -> float:
    """The end of the day: within a day the same facts give the same points."""
    return hours.day_end(scope.day).timestamp()


def _episodes(session: Session, case_id: int | None = None) -> dict[int, int]:
    """The latest flag of each case that an officer handled."""
    handled = (RiskFlag.kind == FlagKind.SLIPPING_AWAY, RiskFlag.state == FlagState.HANDLED)
    mine = () if case_id is None else (RiskFlag.case_id == case_id,)
    latest = select(RiskFlag.case_id, func.max(RiskFlag.id)).where(*handled, *mine)
    return {row[0]: row[1] for row in session.execute(latest.group_by(RiskFlag.case_id))}


def overrides_on(
    session: Session, scope: Scope, case_id: int | None = None
) -> dict[int, RiskOverride]:
    """The latest word of an officer about each case, where it still holds."""
    mine = () if case_id is None else (RiskOverride.case_id == case_id,)
    newest = select(func.max(RiskOverride.id)).where(*mine).group_by(RiskOverride.case_id)
    query = (
        select(RiskOverride)
        .join(Case, Case.id == RiskOverride.case_id)
        .where(RiskOverride.id.in_(newest), RiskOverride.until >= scope.day)
        .where(RiskOverride.band.is_not(None), supervised_on(scope.day))
    )
    return {it.case_id: it for it in session.scalars(query)}


def _finding(found: Assessment, _scope: Scope) -> Finding:
    weights = weighing.weights()
    reasons = [reasoned(it, weights) for it in found.evidence[:MOST_REASONS]]
    if found.override is not None:
        said = reason("overridden", found.override.at, "officer", reason=found.override.reason)
        reasons.insert(0, said)
    return Finding(
        case_id=found.case_id,
        key=found.episode,
        due=None,
        reasons=reasons,
        band=found.stands,
        points=found.points,
        weights=weights.version,
    )


def reasoned(it: Evidence, weights: Weights) -> Reason:
    """One fact as a reason of a flag, with its points."""
    item = weights.items[it.item]
    said = reason(f"scored_{it.item}", it.at, item.quality, *item.innocent)
    return said | {"family": it.family.value, "points": it.points, "subject": it.subject}


SLIPPING = Look(FlagKind.SLIPPING_AWAY, LAW, _read, _finding, live_only=True)
