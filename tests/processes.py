"""The service's own processes, started as an operator starts them, on a test's database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from correction_service.settings import Settings


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The environment that gives a process these settings."""
    assert settings.key_ring
    return os.environ | {
        "CORRECTION_MODE": settings.mode.value,
        "CORRECTION_DATA_DIR": str(settings.data_dir),
        "CORRECTION_DATABASE_URL": settings.database_url.get_secret_value(),
        "CORRECTION_KEY_RING": settings.key_ring.get_secret_value(),
        **more,
    }


@contextmanager
def running(settings: Settings, *words: str, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`correction-service WORDS` until the block ends."""
    command = [sys.executable, "-m", "correction_service", *words]
    with subprocess.Popen(command, env=environment(settings, **more)) as child:
        try:
            yield child
        finally:
            child.terminate()
            child.wait(20)
