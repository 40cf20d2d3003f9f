"""`ingest.sqlite.x1`: fixes a second through a real broker, one a message, stored and receipted.

Baseline: paho-mqtt with one ORM insert and one commit a message, the loop that every tutorial
shows; it checks no order, no zone, keeps no state and acknowledges before it commits.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import settings as configuration
from correction_service.db import engine_for, upgrade
from correction_service.demo import county
from correction_service.demo.run import environment, free_port
from devices import broker
from models.device import Device
from models.fix import Fix
from tests.benchmarks.figure import Figure
from tests.benchmarks.row_by_row import Base, NaiveFix

PEOPLE = 250
OURS, THEIRS = 6_000, 1_000
PATIENCE_S = 300


def measure() -> Iterator[Figure]:
    """Measure our ingester, then the baseline, on one broker and one kind of database."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        port = free_port()
        os.environ.update(environment(data, 8000, port))
        settings = configuration.load()
        url = settings.database_url.get_secret_value()
        upgrade(url)
        county.prepare(settings, PEOPLE)
        with broker.start(port):
            ours = _rate(
                "correction_service", ["ingest"], url=url, table=Fix, port=port, count=OURS
            )
            naive = f"sqlite:///{data / 'naive.db'}"
            Base.metadata.create_all(engine_for(naive))
            arguments = [naive, str(port)]
            theirs = _rate(
                "tests.benchmarks.row_by_row",
                arguments,
                url=naive,
                table=NaiveFix,
                port=port,
                count=THEIRS,
            )
    yield Figure(
        "ingest.sqlite.x1", ours, "fixes/s", "paho + ORM row by row", theirs, ours / theirs
    )


def _rate(
    module: str,
    arguments: Sequence[str],
    *,
    url: str,
    table: type[Fix | NaiveFix],
    port: int,
    count: int,
) -> float:
    """Return fixes a second from the first publish to the last one committed."""
    with _running(module, arguments), _publisher(port) as client:
        _until_listening(client, url, table)
        before = _stored(url, table)
        messages = list(_messages(url, count, start=1))
        began = time.perf_counter()
        for topic, payload in messages:
            client.publish(topic, payload, qos=1)
        deadline = began + PATIENCE_S
        while _stored(url, table) < before + count:
            if time.perf_counter() > deadline:
                sys.exit(f"{module}: only {_stored(url, table) - before} of {count} were stored")
            time.sleep(0.05)
        return count / (time.perf_counter() - began)


@contextmanager
def _running(module: str, arguments: Sequence[str]) -> Iterator[None]:
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as child:
        try:
            yield
        finally:
            child.terminate()


@contextmanager
def _publisher(port: int) -> Iterator[Client]:
    client = Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _until_listening(client: Client, url: str, table: type[Fix | NaiveFix]) -> None:
    """Publish one fix again and again until it is stored."""
    deadline = time.perf_counter() + PATIENCE_S
    ((topic, payload),) = _messages(url, 1, start=0)
    while _stored(url, table) == 0:
        client.publish(topic, payload, qos=1)
        time.sleep(0.3)
        if time.perf_counter() > deadline:
            sys.exit("the listener never listened")
    time.sleep(1.0)


def _stored(url: str, table: type[Fix | NaiveFix]) -> int:
    engine = engine_for(url)
    with Session(engine) as session:
        session.connection(execution_options={"sqlite_read": True})
        try:
            return session.scalar(select(func.count()).select_from(table)) or 0
        finally:
            session.rollback()
            engine.dispose()


def _messages(url: str, count: int, start: int) -> Iterator[tuple[str, bytes]]:
    names = ["naive"]
    if "naive" not in url:
        with Session(engine_for(url)) as session:
            names = list(session.scalars(select(Device.name)))
    began = datetime.now(UTC)
    for number in range(start, start + count):
        name = names[number % len(names)]
        fix = {
            "seq": number,
            "time": (began + timedelta(milliseconds=number)).isoformat(),
            "lat": 27.70 + number % 997 * 1e-5,
            "lon": 106.92 + number % 991 * 1e-5,
            "accuracy_m": 12.5,
            "source": "gnss",
            "battery": 0.83,
            "strap": "closed",
        }
        yield f"correction/v1/{county.GATEWAY}/{name}/fix", json.dumps(fix).encode()
