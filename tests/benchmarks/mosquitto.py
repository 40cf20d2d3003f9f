"""Mosquitto as deploy/ sets it up, on loopback without TLS: passwords, ACL and limits hold."""

import getpass
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from correction_service.demo.run import free_port
from correction_service.hardware import gateways
from correction_service.hardware.gateways import Account

SETTINGS = Path(__file__).parents[2] / "deploy" / "mosquitto" / "mosquitto.conf"
OURS = (
    "listener",
    "use_username_as_clientid",
    "certfile",
    "keyfile",
    "tls_version",
    "persistence_location",
    "log_",
)
SERVICE = Account("correction-ingest", "bench")
READY_WITHIN_S = 10.0


@dataclass(frozen=True)
class Broker:
    """A running broker."""

    port: int
    pid: int


@contextmanager
def running(folder: Path, passwords: str) -> Iterator[Broker]:
    """Mosquitto on a free port, ended with the block; `passwords` as `gateways.password_file`."""
    program = shutil.which(
        "mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin"
    )
    if program is None:
        sys.exit("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    port = free_port()
    (folder / "mosquitto.conf").write_text(_settings(folder, port))
    (folder / "passwords").write_text(passwords)
    (folder / "acl").write_text(gateways.acl_file(SERVICE))
    command = [program, "-c", str(folder / "mosquitto.conf")]
    with (
        (folder / "mosquitto.log").open("w") as log,
        subprocess.Popen(command, stderr=log) as child,
    ):
        try:
            _until_open(port)
            yield Broker(port, child.pid)
        finally:
            child.terminate()


def _settings(folder: Path, port: int) -> str:
    """The file of deploy/ with its places in `folder`, and one listener instead of two."""
    kept = [line for line in SETTINGS.read_text().splitlines() if not line.startswith(OURS)]
    ours = [
        f"listener {port} 127.0.0.1",
        f"persistence_location {folder}/",
        f"user {getpass.getuser()}",
        "log_dest stderr",
        "log_type error",
    ]
    return "\n".join([*kept, *ours, ""]).replace("/etc/mosquitto/correction", str(folder))


def _until_open(port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("mosquitto did not open its port")
