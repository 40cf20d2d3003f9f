"""Fixes that contradict each other, as ingest sees them: batch after batch, once a storm."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.tracking.fixes import Recorder
from models.incident import IncidentKind, Severity
from tests.county import NOW
from tests.service.test_roster import Ingester
from tests.tracked import HUICHUAN, Tracked, event, fix, heard, incidents_of, minutes

MINUTE = timedelta(minutes=1)
FAR = (27.4, 106.9)  # 36 km south, within the home area
NEAR = (27.7277, 106.92)  # 300 m north


@pytest.fixture
def ingester(database: Database, tracked: Tracked) -> Ingester:
    return Ingester(database)


def say(ingester: Ingester, fixes: list[dict[str, object]], *, together: bool) -> None:
    """In one message, or each as it comes."""
    for part in [fixes] if together else [[one] for one in fixes]:
        ingester.take(heard(part, received=NOW + 60 * MINUTE), now=NOW + 60 * MINUTE)


class Lost(Exception):
    """The connection broke before the commit."""


@contextmanager
def losing(database: Database) -> Iterator[Session]:
    """A transaction that comes to nothing."""
    with suppress(Lost), database.transaction(SYSTEM, "test") as session:
        yield session
        raise Lost


def odd(database: Database) -> list[tuple[IncidentKind, bool, int]]:
    """Kind, whether it is over, how often."""
    return [
        (it.kind, it.ended_at is not None, it.facts["times"])
        for it in incidents_of(database)
        if it.zone_id is None
    ]


@pytest.mark.parametrize("together", [True, False])
def test_a_bracelet_off_the_wrist_is_one_incident_without_any_event(
    database: Database, ingester: Ingester, *, together: bool
) -> None:
    worn = [True] * 2 + [False] * 6
    fixes = [fix(NOW + at * MINUTE, worn=word) for at, word in enumerate(worn)]
    say(ingester, fixes, together=together)
    assert odd(database) == [(IncidentKind.SEPARATED, False, 1)]
    (incident,) = incidents_of(database)
    assert (incident.since, incident.rule) == (NOW + 2 * MINUTE, "separation@2")
    say(ingester, [fix(NOW + 9 * MINUTE, worn=True)], together=True)
    assert odd(database) == [(IncidentKind.SEPARATED, True, 1)]


@pytest.mark.parametrize("together", [True, False])
def test_an_impossible_speed_is_told_without_any_place(
    database: Database, ingester: Ingester, *, together: bool
) -> None:
    say(ingester, minutes(NOW, [HUICHUAN, FAR, HUICHUAN, FAR, FAR]), together=together)
    assert odd(database) == [(IncidentKind.IMPOSSIBLE_SPEED, True, 1)]
    (incident,) = [it for it in incidents_of(database) if it.zone_id is None]
    assert incident.severity is Severity.WATCH
    assert incident.facts["speed_kmh"] == pytest.approx(2165, abs=10)
    assert not {"lat", "lon"} & incident.facts.keys()


@pytest.mark.parametrize("together", [True, False])
def test_a_claim_that_its_own_positions_contradict_is_told(
    database: Database, ingester: Ingester, *, together: bool
) -> None:
    say(ingester, minutes(NOW, [HUICHUAN, NEAR] * 12, accuracy_m=2.0), together=together)
    assert odd(database) == [(IncidentKind.IMPLAUSIBLE_ACCURACY, False, 1)]


def test_cells_far_apart_tell_no_speed(database: Database, ingester: Ingester) -> None:
    say(ingester, minutes(NOW, [HUICHUAN, FAR] * 3, source="lbs"), together=False)
    assert odd(database) == []


def test_a_batch_that_was_not_committed_counts_once(database: Database, ingester: Ingester) -> None:
    off = [fix(NOW + at * MINUTE, worn=False) for at in range(5)]
    say(ingester, off[:2], together=False)
    for _ in range(3):
        with losing(database) as session:
            ingester.recorder.record(session, [heard(off[2], received=NOW)], NOW)
        ingester.recorder.forget()
    say(ingester, off[2:3], together=False)
    assert odd(database) == []
    say(ingester, off[3:], together=False)
    assert odd(database) == [(IncidentKind.SEPARATED, False, 1)]


def test_an_ingester_that_starts_anew_knows_what_was_told(
    database: Database, ingester: Ingester
) -> None:
    say(ingester, [fix(NOW + at * MINUTE, worn=False) for at in range(5)], together=False)
    ingester.recorder = Recorder()
    say(ingester, [fix(NOW + 6 * MINUTE, worn=True)], together=False)
    assert odd(database) == [(IncidentKind.SEPARATED, True, 1)]


def test_the_next_wearer_begins_anew(database: Database, ingester: Ingester) -> None:
    say(ingester, [fix(NOW + at * MINUTE, worn=False) for at in range(3)], together=False)
    memory = ingester.recorder._oddities._memory  # noqa: SLF001 - there is no other way to see it
    assert memory["unworn"].max() == 3
    ingester.recorder._roster.table["bound_at"] += 1  # noqa: SLF001 - as another fitting has
    say(ingester, [fix(NOW + 4 * MINUTE)], together=False)
    assert not np.any(ingester.recorder._oddities._memory["unworn"])  # noqa: SLF001 - as above


def test_an_event_in_a_flood_opens_its_incident_in_the_batch_that_carries_it(
    database: Database, ingester: Ingester
) -> None:
    """By order, not by the clock: the flood before it and behind it makes no difference."""
    began = NOW - timedelta(minutes=50)
    seconds = [fix(began + timedelta(seconds=at / 2)) for at in range(5000)]
    flood = [heard(seconds[at : at + 500], received=NOW) for at in range(0, 5000, 500)]
    cut = heard(event(NOW, "strap_open"), kind="event", received=NOW)
    recorded = ingester.take(*flood[:5], cut, *flood[5:])
    assert recorded.readings == 5001
    (incident,) = incidents_of(database)
    assert (incident.kind, incident.opened_at) == (IncidentKind.STRAP_OPENED, NOW)
