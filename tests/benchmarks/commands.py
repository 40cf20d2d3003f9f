"""A command of ours as a process of its own, so that its time and memory can be told."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Told:
    """What a command said as JSON, the seconds that it took, and its memory at most."""

    said: dict[str, Any]
    seconds: float
    memory_mb: float


def run(url: str, *words: str) -> Told:
    """Run `correction-service WORDS --json` on a database; exit where anything went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        demo = {"CORRECTION_MODE": "demo", "CORRECTION_DATA_DIR": folder}
        environment = os.environ | demo | {"CORRECTION_DATABASE_URL": url}
        command = [sys.executable, "-m", "correction_service", *words, "--json"]
        began = time.perf_counter()
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            said = json.loads(process.stdout.read())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        told = Told(said, time.perf_counter() - began, usage.ru_maxrss / 1024)
    if process.returncode or said["errors"]:
        sys.exit(f"{words} ended with {process.returncode}: {said['errors'][:3]}")
    sys.stderr.write(f"{json.dumps(said)} in {told.seconds:.1f} s, {told.memory_mb:.0f} MB\n")
    return told
