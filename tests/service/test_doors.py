"""The doors are tried by POST alone, which limits and the token against forgery guard."""

import pytest
from flask import Flask

from tests.county import County


@pytest.mark.parametrize("path", ["/sign-in", "/m/activate", "/m/pin"])
def test_asking_for_the_head_of_a_door_tries_nothing(app: Flask, county: County, path: str) -> None:
    client = app.test_client()
    shown, headed = client.get(path), client.head(path, data={"username": "officer"})
    assert headed.status_code == shown.status_code
