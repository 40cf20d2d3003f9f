import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.backlog import Backlog
from devices.messages import Event, EventKind, Fix, Rejection
from devices.receipts import Receipt
from devices.wire import decode

EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)
KILLED_WRITER = """
import os, sys, pathlib
from datetime import UTC, datetime
from devices.backlog import Backlog
from devices.messages import Fix
backlog = Backlog(pathlib.Path(sys.argv[1]))
for seq in range(100):
    fix = Fix(device="dev-1", seq=seq, time=datetime.now(UTC), lat=27.7, lon=106.9)
    backlog.add([fix])
os.kill(os.getpid(), 9)
"""


def fix(seq: int, device: str = "dev-1") -> Fix:
    return Fix(device=device, seq=seq, time=EIGHT, lat=27.72, lon=106.92)


def event(seq: int) -> Event:
    return Event(device="dev-1", seq=seq, time=EIGHT, event=EventKind.STRAP_OPEN)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backlog.sqlite"


@pytest.fixture
def backlog(file: Path) -> Iterator[Backlog]:
    opened = Backlog(file, capacity=5)
    yield opened
    opened.close()


def test_readings_come_out_in_order_as_payloads_of_the_contract(backlog: Backlog) -> None:
    backlog.add([fix(1), event(2)])
    first, second = backlog.after(0, 10)
    assert decode("correction/v1/gw/dev-1/fix", first.payload).fixes == (fix(1),)
    assert decode("correction/v1/gw/dev-1/event", second.payload).events == (event(2),)
    assert [first.is_event, second.is_event] == [False, True]
    assert backlog.after(second.id, 10) == []
    assert len(backlog.after(0, 1)) == 1


def test_a_receipt_forgets_exactly_what_it_names(backlog: Backlog) -> None:
    backlog.add([fix(1), fix(2), fix(3), fix(2, "dev-2"), fix(9, "dev-2")])
    ids = {it.id for it in backlog.after(0, 10)}
    refused = Rejection(device="dev-2", seq=9, reason="no_order")
    gone = backlog.forget(
        Receipt(committed={"dev-1": [(1, 2), (7, 2**63 - 1)]}, rejected=[refused])
    )
    left = backlog.after(0, 10)
    assert gone == ids - {it.id for it in left}
    assert [decode(f"correction/v1/gw/{it.device}/fix", it.payload).fixes for it in left] == [
        (fix(3),),
        (fix(2, "dev-2"),),
    ]


def test_a_full_backlog_drops_the_oldest_fixes_and_counts_them(backlog: Backlog) -> None:
    backlog.add([event(1), *(fix(seq) for seq in range(2, 9))])
    left = [it.is_event for it in backlog.after(0, 10)]
    assert left == [True, False, False, False, False]
    assert backlog.dropped == 3


def test_the_count_of_the_dropped_outlives_the_process(file: Path, backlog: Backlog) -> None:
    backlog.add(fix(seq) for seq in range(9))
    again = Backlog(file)
    assert (again.dropped, len(again)) == (4, 5)
    again.close()


def test_a_killed_process_leaves_every_reading_that_was_added(file: Path) -> None:
    script = [sys.executable, "-c", KILLED_WRITER, str(file)]
    done = subprocess.run(script, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    backlog = Backlog(file)
    assert len(backlog) == 100
    backlog.close()
