"""What processes cost, read from /proc: CPU seconds and resident memory."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in _read(task).split()]
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children, those that have ended too."""
    ticks = 0
    for number, member in enumerate(tree(pid)):
        fields = _read(Path(f"/proc/{member}/stat")).rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15] if number == 0 else fields[11:13]))
    return ticks / TICKS


def memory_mb(pid: int) -> float:
    """Resident memory of one process in megabytes."""
    status = _read(Path(f"/proc/{pid}/status"))
    resident = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(resident[0].split()[1]) / 1024 if resident else 0.0


def _read(path: Path) -> str:
    """A file of /proc, empty where the process has gone meanwhile."""
    try:
        return path.read_text()
    except OSError:
        return ""
