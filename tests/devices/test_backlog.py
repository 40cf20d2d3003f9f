import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.backlog import Backlog
from devices.messages import Event, EventKind, Fix
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


FULL_DISK = """
import pathlib, resource, sys
from datetime import UTC, datetime
from devices.backlog import Backlog, DiskFull
from devices.messages import Fix
backlog = Backlog(pathlib.Path(sys.argv[1]))
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, unlimited))
kept, told = [], ""
while not told:
    seqs = range(len(kept), len(kept) + 50)
    many = [Fix(device="dev-1", seq=n, time=datetime.now(UTC), lat=27.7, lon=106.9) for n in seqs]
    try:
        backlog.add(many)
        kept += seqs
    except DiskFull as fault:
        told = str(fault)
assert "free some room" in told, told
assert [it.seq for it in backlog.after(0, 10**6)] == kept
assert len(backlog) == len(kept)
resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
backlog.add(many)
backlog.forget([it.id for it in backlog.after(0, 10)])
print(len(kept) + 40, len(backlog))
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


def test_what_is_forgotten_is_gone_and_nothing_else(backlog: Backlog) -> None:
    backlog.add([fix(1), fix(2), fix(2, "dev-2")])
    first, second, third = backlog.after(0, 10)
    backlog.forget([second.id, 99])
    assert backlog.after(0, 10) == backlog.among([third.id, second.id, first.id]) == [first, third]
    assert len(backlog) == 2


def test_a_full_backlog_drops_the_oldest_fixes_and_counts_them(backlog: Backlog) -> None:
    backlog.add([event(1), *(fix(seq) for seq in range(2, 9))])
    left = [it.is_event for it in backlog.after(0, 10)]
    assert left == [True, False, False, False, False]
    assert backlog.dropped == 3
    assert len(backlog) == 5
    backlog.add(event(seq) for seq in range(20, 26))
    assert [it.seq for it in backlog.after(0, 10)] == [21, 22, 23, 24, 25]
    assert (backlog.dropped, len(backlog)) == (9, 5)


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


def test_a_full_disk_is_said_and_costs_nothing_that_was_kept(file: Path) -> None:
    script = [sys.executable, "-c", FULL_DISK, str(file)]
    done = subprocess.run(
        script, check=False, cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    wanted, had = done.stdout.split()
    assert wanted == had
    assert int(had) > 500
