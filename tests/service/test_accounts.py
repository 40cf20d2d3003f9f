"""Signing in: the door counts, closes for a while, and never says which half was wrong."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

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
    """Return the refusal, or an empty string when the door opened."""
    refusal = ""
    with database.transaction(SYSTEM, "test") as session:
        try:
            accounts.sign_in(session, username, password, NOW + later)
        except DomainError as error:
            refusal = f"{error.code}: {error}"
    return refusal


def test_the_eighth_wrong_password_closes_the_door_for_a_quarter_of_an_hour(
    database: Database, officer: str
) -> None:
    wrong = {attempt(database, officer, "wrong", timedelta()) for _ in range(LOCK_AFTER_FAILURES)}
    closed = attempt(database, officer, PASSWORD, timedelta(minutes=14))
    unknown = attempt(database, "nobody", PASSWORD, timedelta())
    assert wrong == {closed} == {unknown}
    assert "quarter of an hour" in closed
    assert attempt(database, officer, PASSWORD, timedelta(minutes=16)) == ""


def test_guesses_of_the_same_moment_are_all_counted(database: Database, officer: str) -> None:
    guesses = 4
    with ThreadPoolExecutor(guesses) as crowd:
        for _ in range(guesses):
            crowd.submit(attempt, database, officer, "wrong", timedelta())
    with database.reading() as session:
        assert session.scalar(select(User.failures).where(User.username == officer)) == guesses


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
    for target in ("//evil.example/x", "https://evil.example/", "/\\evil.example", "/\t/evil.x"):
        answer = app.test_client().post("/sign-in", query_string={"next": target}, data=form)
        assert answer.status_code == 302
        assert "evil" not in answer.headers["Location"]
    answer = app.test_client().post("/sign-in?next=/people/?state=on_leave", data=form)
    assert answer.headers["Location"] == "/people/?state=on_leave"


def test_a_cookie_copied_before_signing_out_opens_nothing_after(
    county: County, client_of: SignedInClient
) -> None:
    here, copied = client_of(Role.OFFICER), client_of(Role.OFFICER)
    assert copied.get("/password").status_code == 200
    assert here.post("/sign-out").headers["Location"].endswith("/sign-in")
    assert copied.get("/password").status_code == 302


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
