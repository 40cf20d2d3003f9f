"""Fixtures: the application on a test's own database, and a browser-like client for each role."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from correction_service.access import Service
from correction_service.app import create_app
from correction_service.audit import SYSTEM, Actor
from correction_service.db import Database
from correction_service.face.verifier import Verifier
from correction_service.limits import limiter
from correction_service.people.phones import offer
from correction_service.settings import Settings
from models.case import Case
from models.user import Role
from tests.county import County


@pytest.fixture
def app(settings: Settings, database: Database, verifier: Verifier) -> Flask:
    """The application; forms need no CSRF token unless a test turns that on."""
    made = create_app(Service(settings, database, verifier))
    made.config.update(TESTING=False, WTF_CSRF_ENABLED=False)
    limiter.enabled = False  # all tests come from one address
    return made


@pytest.fixture(scope="session")
def verifier() -> Iterator[Verifier]:
    """Real face workers, shared: they start when first asked."""
    made = Verifier(workers=1, queue_length=8)
    yield made
    made.close()


PIN = "407219"
SignedInClient = Callable[[Role], FlaskClient]


@pytest.fixture
def client_of(app: Flask, county: County) -> SignedInClient:
    """Sign in as a role of the county."""

    def client(role: Role) -> FlaskClient:
        made = app.test_client()
        with made.session_transaction() as cookie:
            cookie["_user_id"] = f"{county.users[role]}:0"
            cookie["_fresh"] = True
            cookie["lang"] = "en"
        return made

    return client


@pytest.fixture
def undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every transaction of a request runs as it is, and is undone: the next finds all in place.

    Whatever a test makes itself, it makes before: it asks for this last.
    """

    @contextmanager
    def transaction(database: Database, actor: Actor, via: str) -> Iterator[Session]:
        session = database._session(actor=actor, via=via)  # noqa: SLF001 - as it makes its own
        with session:
            yield session
            session.flush()
            session.rollback()

    monkeypatch.setattr(Database, "transaction", transaction)


@pytest.fixture
def opened_phone(app: Flask, database: Database, county: County) -> FlaskClient:
    """The phone page of the county's one person, open and in English; no face is enrolled."""
    with database.transaction(SYSTEM, "test") as session:
        person = session.get_one(Case, county.case).person
        code = offer(session, person, datetime.now(UTC))
    client = app.test_client()
    client.get("/m/pin?lang=en")
    form = {"code": code, "pin": PIN, "again": PIN}
    assert client.post("/m/activate", data=form).location == "/m/"
    return client
