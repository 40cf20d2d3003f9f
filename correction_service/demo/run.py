"""Start every process of the service on embedded parts, say when it is ready, end all together."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import httpx

from correction_service import settings as configuration
from correction_service.db import upgrade
from correction_service.demo import county
from correction_service.settings import Settings
from devices import broker

READY_WITHIN_S = 60
END_WITHIN_S = 10
PROCESSES = (("ingest",), ("schedule",))


class DemoStopped(Exception):
    """A process of the demo ended by itself."""


def environment(data: Path, port: int, mqtt_port: int) -> dict[str, str]:
    """Return the settings of every process: SQLite in the data folder, the broker on loopback."""
    secret = data / "secret_key"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex())
    return {
        "CORRECTION_MODE": "demo",
        "CORRECTION_DATA_DIR": str(data),
        "CORRECTION_DATABASE_URL": f"sqlite:///{data / 'correction.db'}",
        "CORRECTION_SECRET_KEY": secret.read_text(),
        "CORRECTION_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CORRECTION_MQTT_PORT": str(mqtt_port),
        "CORRECTION_METRICS_TOKEN": secrets.token_hex(),
    }


def free_port(wanted: int = 0) -> int:
    """Return a port nobody listens on; a wanted one that is taken is a clear error."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            msg = f"port {wanted} is taken; choose another with --port"
            raise click.UsageError(msg) from error
        number: int = probe.getsockname()[1]
        return number


def run(data: Path, port: int, people: int, speed: float) -> None:
    """Run the demo until Ctrl-C, or until one of its processes ends by itself."""
    data = data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    free_port(port)
    mqtt_port = free_port()
    os.environ.update(environment(data, port, mqtt_port))
    settings = configuration.load()
    upgrade(settings.database_url.get_secret_value())
    accounts = county.prepare(settings, people)
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a background shell ignores it
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack, _quietly():
        stack.enter_context(broker.start(mqtt_port))
        commands = [*PROCESSES, ("web", "--port", str(port)), ("fleet", "--speed", str(speed))]
        children = stack.enter_context(_processes(commands, data))
        _wait_until_ready(settings, children)
        click.echo(f"ready {settings.public_url}  accounts: {accounts}")
        _watch(children)


@contextmanager
def _quietly() -> Iterator[None]:
    """End on Ctrl-C without a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("stopped", err=True)


@contextmanager
def _processes(
    commands: Sequence[Sequence[str]], data: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run our own commands, each with a log in the data folder, and end them together."""
    children: list[subprocess.Popen[bytes]] = []
    try:
        children.extend(_start(command, data / f"{command[0]}.log") for command in commands)
        yield children
    finally:
        for child in children:
            child.terminate()
        deadline = time.monotonic() + END_WITHIN_S
        for child in children:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _start(command: Sequence[str], log_path: Path) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "correction_service", *command]
    with log_path.open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - this very program
            program, stdout=log, stderr=log, start_new_session=True
        )


def _wait_until_ready(settings: Settings, children: Sequence[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        _check(children)
        try:
            if httpx.get(f"{settings.public_url}/readyz", timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    msg = f"not ready after {READY_WITHIN_S} s; the logs are in {settings.data_dir}"
    raise DemoStopped(msg)


def _check(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        if child.poll() is not None:
            args = child.args
            assert isinstance(args, list)  # noqa: S101 - for the type checker: we made it
            msg = f"`{args[3]}` ended with {child.returncode}; its log says why"
            raise DemoStopped(msg)


def _watch(children: Sequence[subprocess.Popen[bytes]]) -> None:
    while True:
        _check(children)
        time.sleep(1)
