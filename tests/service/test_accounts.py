"""Signing in: the door counts, closes for a while, and never says which half was wrong."""

import re
from datetime import timedelta

import pytest
from flask import Flask

from correction_service import accounts
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.agency import Agency
from models.errors import DomainError, Invalid
from models.user import LOCK_AFTER_FAILURES, Role, User
from tests.county import NOW, County
from tests.pages import SignedInClient

PASSWORD = "correct horse battery"


@pytest.fixture
def officer(database: Database, county: County) -> str:
    with database.transaction(SYSTEM, "test") as session:
        accounts.add(
            session,
            username="wang",
            name="王某",
            role=Role.OFFICER,
            agency=session.get_one(Agency, county.agency),
            password=PASSWORD,
            must_change_password=False,
        )
    return "wang"


def attempt(database: Database, username: str, password: str, later: timedelta) -> str:
    """Return the refusal's code, or an empty string when the door opened."""
    refusal = ""
    with database.transaction(SYSTEM, "test") as session:
        try:
            accounts.sign_in(session, username, password, NOW + later)
        except DomainError as error:
            refusal = error.code
    return refusal


def test_the_eighth_wrong_password_closes_the_door_for_a_quarter_of_an_hour(
    database: Database, officer: str
) -> None:
    for _ in range(LOCK_AFTER_FAILURES):
        assert attempt(database, officer, "wrong", timedelta()) == "sign_in_refused"
    assert attempt(database, officer, PASSWORD, timedelta(minutes=14)) == "locked"
    assert attempt(database, officer, PASSWORD, timedelta(minutes=16)) == ""


def without_tokens(page: str) -> str:
    """Drop the CSRF tokens, which differ from page to page."""
    return re.sub(r'(content|value)="[\w.-]{40,}"', "", page)


def test_an_unknown_name_and_a_wrong_password_sound_alike(app: Flask, officer: str) -> None:
    client = app.test_client()
    forms = [{"username": name, "password": "wrong-password"} for name in (officer, "nobody")]
    wrong, unknown = (client.post("/sign-in", data=form) for form in forms)
    assert wrong.status_code == unknown.status_code == 401
    assert without_tokens(wrong.text) == without_tokens(unknown.text)


def test_signing_in_leads_to_our_own_pages_only(app: Flask, officer: str) -> None:
    form = {"username": officer, "password": PASSWORD}
    for target in ("//evil.example/x", "https://evil.example/", "/\\evil.example"):
        answer = app.test_client().post("/sign-in", query_string={"next": target}, data=form)
        assert answer.status_code == 302
        assert "evil" not in answer.headers["Location"]


def test_a_new_password_ends_the_other_sessions(
    database: Database, app: Flask, county: County, client_of: SignedInClient
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(User, county.users[Role.OFFICER]).password_hash = accounts.hashed(PASSWORD)
    here, elsewhere = client_of(Role.OFFICER), client_of(Role.OFFICER)
    changed = here.post("/password", data={"old": PASSWORD, "new": "another long one"})
    assert changed.status_code == 302
    assert here.get("/password").status_code == 200
    assert elsewhere.get("/password").status_code == 302


def test_a_one_time_password_must_be_changed_first(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(User, county.users[Role.OFFICER]).must_change_password = True
    assert client_of(Role.OFFICER).get("/").headers["Location"].endswith("/password")


def test_a_short_password_is_refused_by_field() -> None:
    with pytest.raises(Invalid) as refusal:
        accounts.hashed("short")
    assert refusal.value.field == "password"
