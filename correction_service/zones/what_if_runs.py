"""The running of what-ifs: a day of everybody's fixes at a time, so that it can be stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

import numpy as np
import structlog
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from correction_service import hours, telemetry
from correction_service.audit import SYSTEM, Actor, viewed
from correction_service.db import Database, among
from correction_service.scope import agencies_below
from correction_service.settings import Settings
from correction_service.storage import history
from correction_service.storage.history import HistoryBroken
from correction_service.tracking import register, wearer_days
from correction_service.tracking.register import ENDED_ZONES_KEPT
from correction_service.zones import what_ifs
from correction_service.zones.what_if_folds import Opening, Trial, sights_of, trials
from correction_service.zones.what_if_results import Recorded, compared
from models.case import Case
from models.device import Binding
from models.grid import micros
from models.ground import Grounds
from models.incident import Incident
from models.packing import Columns, nothing, united
from models.rules import ruled
from models.what_if import WhatIf, WhatIfState

DAY = timedelta(days=1)
log = structlog.get_logger()


class Worn(NamedTuple):
    """A bracelet on one of the wearers, from when to when, in microseconds since 1970."""

    wearer: int
    device_id: int
    since: int
    until: int


@dataclass(frozen=True)
class Sample:
    """On whom it is tried: cases with their wearer-days, and of how many."""

    days: dict[int, float]
    wearers: int
    wearer_days: float

    def as_json(self) -> dict[str, Any]:
        """What is told of it."""
        return {
            "wearers": len(self.days),
            "of_wearers": self.wearers,
            "wearer_days": sum(self.days.values()),
            "of_wearer_days": self.wearer_days,
        }


def sample(session: Session, asked: WhatIf, most_days: int) -> Sample:
    """The wearers that the asker saw and sees; where they are too many, some of them by lot."""
    query = wearer_days.by_case(session, asked.user, asked.since, asked.until)
    query = query.where(_seen_then(asked))
    days = {row.case_id: float(row.days) for row in session.execute(query)}
    total, order = sum(days.values()), sorted(days)
    if total > most_days:
        Random(asked.id).shuffle(order)  # noqa: S311 - a sample, not a secret
    so_far = accumulate(days[case_id] for case_id in order)
    within = sum(it <= most_days for it in so_far)
    chosen = order[: max(within, 1)]
    return Sample({case_id: days[case_id] for case_id in chosen}, len(days), total)


def _seen_then(asked: WhatIf) -> ColumnElement[bool]:
    """Match what was seen from where the asker was: the result is told to who is there."""
    if asked.office_id is not None:
        return Case.office_id == asked.office_id
    return agencies_below(asked.agency_id)


class Run:
    """One what-if on its way: both rules over the same fixes, a day at a time."""

    def __init__(self, session: Session, asked: WhatIf, chosen: Sample) -> None:
        self.since, self.until, self.chosen = asked.since, asked.until, chosen
        self._cases = list(chosen.days)
        zones = register.zones(session, self._cases, asked.since + ENDED_ZONES_KEPT)
        drawn = [zones.get(case_id, []) for case_id in self._cases]
        shapes = {it.shape_id for its in drawn for it in its if it.shape_id is not None}
        geometries = {it: register.shape(session, it) for it in shapes}
        rules = [ruled(it, it["version"]) for it in (asked.present, asked.proposed)]
        self._present, self._proposed = trials(rules, Grounds(), drawn, geometries)
        self._worn = _worn(session, self._cases, asked)
        self._begin = asked.since - DAY  # so that it is known where people were
        self._unreadable: set[int] = set()

    @property
    def progress(self) -> float:
        """How far it is, 0 to 1."""
        return min((self._begin - self.since + DAY) / (self.until - self.since + DAY), 1.0)

    @property
    def over(self) -> bool:
        """Whether every day is folded."""
        return self._begin >= self.until

    def step(self, session: Session) -> None:
        """Fold the next day."""
        end = min(self._begin + DAY, self.until)
        wearers = self._fixes(session, self._begin, end)
        if any(len(it["time"]) for it in wearers):
            sights, received = sights_of(wearers)
            for trial in (self._present, self._proposed):
                trial.follow(sights, received)
        self._begin = end

    def _fixes(self, session: Session, begin: datetime, end: datetime) -> list[Columns]:
        """Each wearer's fixes of a day, whatever bracelets they wore."""
        worn = [it for it in self._worn if it.since < micros(end) and it.until > micros(begin)]
        found = self._read(session, sorted({it.device_id for it in worn}), begin, end)
        parts: list[list[Columns]] = [[nothing()] for _ in self._cases]
        for it in worn:
            columns = found.get(it.device_id, nothing())
            first, last = np.searchsorted(columns["time"], [it.since, it.until])
            parts[it.wearer].append({name: its[first:last] for name, its in columns.items()})
        return [united(its) for its in parts]

    def _read(
        self, session: Session, device_ids: Sequence[int], begin: datetime, end: datetime
    ) -> dict[int, Columns]:
        """All at once, or one by one where a packed day cannot be read: that one is left out."""
        try:
            return history.fixes_of(session, device_ids, begin, end)
        except HistoryBroken:
            if len(device_ids) == 1:
                self._unreadable.update(device_ids)
                return {}
        found: dict[int, Columns] = {}
        for device_id in device_ids:
            found |= self._read(session, [device_id], begin, end)
        return found

    def result(self, session: Session) -> dict[str, Any]:
        """What came of it: counts by kind of incident."""
        present, proposed = (self._opened(it) for it in (self._present, self._proposed))
        return {
            **self.chosen.as_json(),
            "unreadable": len(self._unreadable),
            "kinds": compared(present, proposed, _recorded(session, self._cases, self.since)),
        }

    def _opened(self, trial: Trial) -> list[Opening]:
        return [it for it in trial.openings if it.decided >= self.since.timestamp()]


def _worn(session: Session, cases: Sequence[int], asked: WhatIf) -> list[Worn]:
    """What was worn within the term: past its end nobody looks (LCC 29, 44)."""
    worn = (Binding.case_id, Binding.device_id, Binding.bound_at, Binding.unbound_at)
    query = select(*worn, Case.term_end).join(Case, Case.id == Binding.case_id)
    query = query.where(
        among(session, Binding.case_id, cases),
        Binding.bound_at < asked.until,
        or_(Binding.unbound_at.is_(None), Binding.unbound_at > asked.since - DAY),
    )
    wearer = {case_id: place for place, case_id in enumerate(cases)}
    return [
        Worn(
            wearer[case_id],
            device_id,
            micros(since),
            micros(min(until or asked.until, hours.day_end(term_end))),
        )
        for case_id, device_id, since, until, term_end in session.execute(query)
    ]


def _recorded(session: Session, cases: Sequence[int], since: datetime) -> list[Recorded]:
    """Incidents about zones that were really opened."""
    query = select(Incident).where(
        among(session, Incident.case_id, cases),
        Incident.zone_id.is_not(None),
        Incident.opened_at >= since,
    )
    return [
        Recorded(
            zone_id=it.zone_id or 0,
            kind=it.kind,
            since=it.since.timestamp(),
            last=(it.ended_at or it.last_seen_at).timestamp(),
            cause=it.cause,
        )
        for it in session.scalars(query.order_by(Incident.since))
    ]


class Runner:
    """Does what is asked, one after the other, in turns that end soon. One thread."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._claimed: int | None = None
        self._run: Run | None = None
        self._kept_at = datetime.fromtimestamp(0, UTC)

    def turn(self, now: datetime) -> bool:
        """Do one step of the oldest; whether there is more to do."""
        try:
            return self._begin(now) if self._run is None else self._step(self._run, now)
        except Exception as fault:  # noqa: BLE001 - the next one is done all the same
            kind, place = type(fault).__name__, telemetry.place(fault)
            log.error("what_if_failed", error=kind, place=place)  # noqa: TRY400 - no values
            claimed = self._claimed is not None
            self._end(now, state=WhatIfState.FAILED)
            return claimed  # else the same would fail again, as fast as it can be asked for

    def _begin(self, now: datetime) -> bool:
        with self._database.transaction(SYSTEM, "what-if") as session:
            asked = what_ifs.claim(session, now)
        if asked is None:
            return False
        self._claimed, self._kept_at = asked.id, now
        with self._database.reading() as session:
            chosen = sample(session, asked, self._settings.what_if_wearer_days)
            self._run = Run(session, asked, chosen)
        with self._database.transaction(Actor("user", str(asked.asked_by)), "what-if") as session:
            viewed(session, "replay_trail", "supervised_case", *chosen.days)
        return True

    def _step(self, run: Run, now: datetime) -> bool:
        with self._database.reading() as session:
            run.step(session)
            result = run.result(session) if run.over else None
        if result is not None:
            self._end(now, state=WhatIfState.DONE, progress=1.0, result=result)
        elif not self._keep(now, progress=run.progress):
            self._claimed = self._run = None  # cancelled
        return True

    def _end(self, now: datetime, **values: object) -> None:
        self._keep(now, finished_at=now, **values)
        self._claimed = self._run = None

    def _keep(self, now: datetime, **values: object) -> bool:
        if self._claimed is None:
            return False
        with self._database.transaction(SYSTEM, "what-if") as session:
            kept = what_ifs.keep(session, self._claimed, self._kept_at, now, **values)
        self._kept_at = now
        return kept
