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
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack, _quietly():
        stack.enter_context(broker.start(mqtt_port))
        commands = [*PROCESSES, ("web", "--port", str(port)), ("fleet", "--speed", str(speed))]
        children = [stack.enter_context(_process(command, data)) for command in commands]
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
def _process(command: Sequence[str], data: Path) -> Iterator[subprocess.Popen[bytes]]:
    log_path = data / f"{command[0]}.log"
    program = [sys.executable, "-m", "correction_service", *command]
    with log_path.open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 - this very program
            program, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


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
