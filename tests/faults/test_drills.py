"""Every drill, short: the same code as `make faults`, seconds instead of minutes."""

import json

import pytest

from tests.faults.drills import DRILLS, Verdict, run
from tests.faults.rig import SHORT
from tests.faults.stores import Store
from tests.faults.tally import Tally

# Every fault on PostgreSQL; on SQLite those that its file or its one writer could answer otherwise.
ON_SQLITE = {"database-down", "disk-full", "everything-killed", "storm-of-fixes", "counters-reset"}
PAIRS = [
    (name, kind)
    for name, drill in DRILLS.items()
    for kind in drill.kinds
    if kind == "postgresql" or name in ON_SQLITE
]


@pytest.mark.parametrize(("name", "kind"), PAIRS, ids=map(".".join, PAIRS))
def test_nothing_is_lost_or_doubled(name: str, kind: str, store: Store | None) -> None:
    verdict = run(name, kind, SHORT, store)
    if verdict.skipped:
        pytest.skip(verdict.skipped)
    assert verdict.ok, verdict.line()
    assert verdict.tally.stored == verdict.tally.sent


@pytest.mark.parametrize(
    ("tally", "fault"),
    [
        (Tally(sent=5, stored=4, lost=1), ""),
        (Tally(sent=5, stored=6, doubled=1), ""),
        (Tally(), ""),
        (Tally(sent=5, stored=5), "TimeoutError: receipts: it never happened"),
    ],
)
def test_a_drill_with_any_loss_is_not_ok(tally: Tally, fault: str) -> None:
    said = json.loads(Verdict("broker-killed.sqlite", tally, 1.0, 0.5, fault).line())
    assert said["ok"] is False
    assert said["lost"] == tally.lost
    assert said.get("fault", "") == fault
