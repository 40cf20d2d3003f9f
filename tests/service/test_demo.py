"""The demo as a newcomer runs it: one line, then a county in which something happens."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from correction_service.demo.run import free_port

PATIENCE_S = 150


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A running demo's address and data folder; it must end by itself when told to."""
    data, port = tmp_path_factory.mktemp("demo"), free_port()
    words = ["demo", "--port", str(port), "--people", "12", "--data", str(data)]
    command = [sys.executable, "-m", "correction_service", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        ready = child.stdout.readline()
        assert ready.startswith(f"ready http://127.0.0.1:{port} "), ready
        yield f"http://127.0.0.1:{port}", data
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 0


@pytest.fixture
def officer(demo: tuple[str, Path]) -> Iterator[httpx.Client]:
    address, data = demo
    accounts = json.loads((data / "accounts.json").read_text())
    with httpx.Client(base_url=address, follow_redirects=True) as client:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)
        assert token
        form = {"csrf_token": token[1], "username": "officer", "password": accounts["officer"]}
        assert client.post("/sign-in", data={**form, "lang": "en"}).status_code == 200
        client.headers["Accept-Language"] = "en"
        yield client


def test_somebody_leaves_the_city_while_one_looks(officer: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while "Outside the home area" not in (page := officer.get("/").text):
        assert time.monotonic() < deadline, "nobody left the city"
        time.sleep(1)
    assert "No check-in between" in page
    assert "Has not reported in" in page


def test_points_were_drafted_and_one_entry_stands(officer: httpx.Client) -> None:
    assert re.search(r'class="draft card"', officer.get("/points/").text)


def test_every_part_says_that_it_is_ready(officer: httpx.Client) -> None:
    assert set(officer.get("/readyz").json().values()) == {True}


def test_a_second_demo_is_told_that_the_port_is_taken(demo: tuple[str, Path]) -> None:
    address, data = demo
    words = ["demo", "--port", address.rsplit(":", 1)[1], "--data", str(data)]
    command = [sys.executable, "-m", "correction_service", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "is taken" in ended.stderr
    assert "Traceback" not in ended.stderr
