"""The doors are tried by POST alone, which limits and the token against forgery guard."""

from collections.abc import Iterator

import pytest
from flask import Flask

from correction_service.limits import limiter
from tests.county import County

DOORS = ("/sign-in", "/m/activate", "/m/pin")
TRIES = 20


@pytest.fixture
def limited(app: Flask) -> Iterator[Flask]:
    """The application as it is outside tests: it counts the tries of an address."""
    limiter.reset()
    limiter.enabled = True
    yield app
    limiter.enabled = False
    limiter.reset()


@pytest.mark.parametrize("path", DOORS)
def test_asking_for_the_head_of_a_door_tries_nothing(app: Flask, county: County, path: str) -> None:
    client = app.test_client()
    shown, headed = client.get(path), client.head(path, data={"username": "officer"})
    assert headed.status_code == shown.status_code


@pytest.mark.parametrize("path", DOORS)
def test_a_door_is_tried_twenty_times_a_minute_and_then_says_wait(
    limited: Flask, county: County, path: str
) -> None:
    client = limited.test_client()
    client.get(f"{path}?lang=en")
    wrong = {"username": "nobody", "password": "wrong", "pin": "1", "again": "2", "number": "T0"}
    tried = [client.post(path, data=wrong).status_code for _ in range(TRIES)]
    assert 429 not in tried
    stopped = client.post(path, data=wrong)
    assert stopped.status_code == 429
    assert "Too many tries. Wait a minute and try again." in stopped.text
    assert "<html" in stopped.text
    assert client.get(path).status_code == 200  # reading the page tries nothing
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.post(path, data=wrong, environ_overrides=elsewhere).status_code != 429
