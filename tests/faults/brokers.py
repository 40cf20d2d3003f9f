"""A broker that can be killed: mosquitto as deployed where it is present, else the embedded one."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Protocol

from devices import broker as embedded
from devices.broker import EmbeddedBroker

DEPLOYED = Path(__file__).parents[2] / "deploy" / "mosquitto" / "mosquitto.conf"
# A drill needs neither accounts nor certificates, and keeps its own folder; the rest is deployed.
NOT_HERE = (
    "#",
    "listener",
    "use_username_as_clientid",
    "certfile",
    "keyfile",
    "tls_version",
    "allow_anonymous",
    "password_file",
    "acl_file",
    "persistence_location",
    "log_",
)
STARTS_WITHIN_S = 20
PAUSE_S = 0.05


class Broker(Protocol):
    """A broker on a port of loopback that stays the same through every death."""

    port: int

    def start(self) -> None:
        """Start it, or start it again, and return once it accepts connections."""

    def kill(self) -> None:
        """Kill it; whatever it had acknowledged and not passed on is gone."""


class Mosquitto:
    """Mosquitto under the deployed configuration."""

    def __init__(self, program: str, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder / "mosquitto"
        self._folder.mkdir()
        self._conf = self._folder / "mosquitto.conf"
        deployed = DEPLOYED.read_text().splitlines()
        lines = [line for line in deployed if line and not line.startswith(NOT_HERE)]
        lines += [
            f"listener {port} 127.0.0.1",
            "allow_anonymous true",
            f"persistence_location {self._folder}/",
            "log_type none",
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # it would become an account that cannot write here
        self._conf.write_text("\n".join(lines) + "\n")
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        command = [self._program, "-c", str(self._conf)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        _until_accepting(self.port)

    def kill(self) -> None:
        """Kill -9, and take away what it had written down."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        (self._folder / "mosquitto.db").unlink(missing_ok=True)


class Embedded:
    """The broker that pip installs; it keeps everything in memory."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._running: EmbeddedBroker | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        self._running = embedded.start(self.port)

    def kill(self) -> None:
        """End it and its memory."""
        if self._running is not None:
            self._running.stop()


def found(folder: Path, port: int) -> Broker:
    """Mosquitto where this machine has it."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return Mosquitto(program, folder, port) if program else Embedded(port)


def _until_accepting(port: int) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            socket.create_connection((embedded.HOST, port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)
        else:
            return
