"""A running gateway to try, with its backlog in a folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devices.backlog import Backlog
from devices.gateway import Gateway, Obey
from devices.messages import Command, Fix, ResultState
from tests.devices.wires import settings_for


def fixes(*seqs: int, device: str = "dev-1") -> list[Fix]:
    now = datetime.now(UTC)
    return [Fix(device=device, seq=seq, time=now, lat=27.72, lon=106.92) for seq in seqs]


def never_asked(_device: str, _command: Command) -> ResultState:
    raise AssertionError("no command was sent")


@contextmanager
def running(
    port: int,
    folder: Path,
    obey: Obey = never_asked,
    *,
    resend_after_s: float = 60,
    window: int = 5000,
    batch: int = 1,
) -> Iterator[Gateway]:
    made = Gateway(
        "gw-1",
        settings_for(port, "gw-1"),
        Backlog(folder / "backlog.sqlite"),
        obey,
        resend_after=timedelta(seconds=resend_after_s),
        window=window,
        batch=batch,
    )
    try:
        yield made
    finally:
        made.close()


def pumping(
    gateway: Gateway, reached: Callable[[], bool], clock_off: timedelta = timedelta()
) -> Callable[[], bool]:
    def step() -> bool:
        gateway.pump(datetime.now(UTC) + clock_off)
        return reached()

    return step
