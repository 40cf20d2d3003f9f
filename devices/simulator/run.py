"""Publish a fleet through a reference gateway until told to stop."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from devices.backlog import CAPACITY, Backlog, DiskFull
from devices.gateway import Gateway
from devices.link import MqttSettings
from devices.messages import Event, Fix
from devices.simulator.fleet import Fleet
from devices.simulator.truth import Truth

log = logging.getLogger(__name__)

STEP_S = 0.5


def clock() -> datetime:
    """The machine's."""
    return datetime.now(UTC)


def run(
    fleet: Fleet,
    settings: MqttSettings,
    *,
    gateway: str,
    folder: Path,
    stop: threading.Event,
    now: Callable[[], datetime] = clock,
) -> None:
    """Step the fleet every half second and forward what it says, until `stop` is set.

    `folder` keeps the gateway's backlog (`<gateway>.sqlite`) and receives the ground truth
    (`<gateway>.truth.jsonl`, one Truth a line, appended).
    """
    folder.mkdir(parents=True, exist_ok=True)
    backlog = Backlog(folder / f"{gateway}.sqlite")
    forwarding = Gateway(gateway, settings, backlog, fleet.obey)
    held: list[Fix | Event] = []
    try:
        while not stop.wait(STEP_S):
            moment = now()
            held = _kept(forwarding, [*held, *fleet.step(moment)])
            forwarding.pump(moment)
            _write(folder / f"{gateway}.truth.jsonl", fleet.truths())
    finally:
        forwarding.close()


def _kept(forwarding: Gateway, readings: list[Fix | Event]) -> list[Fix | Event]:
    """Hand readings over; what bracelets must hold a while longer, because the disk is full."""
    try:
        forwarding.keep(readings)
    except DiskFull as fault:
        log.error("%s", fault)  # noqa: TRY400 - no traceback for a full disk
        return readings[-CAPACITY:]
    return []


def _write(file: Path, truths: list[Truth]) -> None:
    with file.open("ab") as lines:
        lines.writelines(msgspec.json.encode(truth) + b"\n" for truth in truths)
