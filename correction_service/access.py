"""Guards: every route says who may come in, and one that says nothing lets nobody in."""

import hmac
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from pydantic import SecretStr
from sqlalchemy.orm import Session

from correction_service.audit import Actor
from correction_service.db import Database
from correction_service.face.verifier import Verifier
from correction_service.settings import Settings
from models.errors import DomainError, Forbidden
from models.phone import PhoneAccess
from models.user import Permission, User

View = TypeVar("View", bound=Callable[..., Any])
PERSON_KEY = "person"
ANYONE, SIGNED_IN, PERSON, BEARER = "anyone", "signed_in", "person", "bearer"
_LIBRARY_ROUTES = {"static": ANYONE, "openapi.spec": ANYONE}


class SignInNeeded(DomainError):
    """Nobody is signed in."""

    status = 401
    code = "sign_in_needed"


@dataclass(frozen=True)
class Service:
    """What the routes stand on; `dice` draw what a check-in asks, the system's where none are."""

    settings: Settings
    database: Database
    verifier: Verifier
    dice: random.Random | None = None


def service() -> Service:
    """Return the service that this application was made with."""
    made: Service = current_app.extensions["correction"]
    return made


def now() -> datetime:
    """Read the clock, once a request."""
    if "now" not in g:
        g.now = datetime.now(UTC)
    moment: datetime = g.now
    return moment


def _guarded(guard: object) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.guard = guard  # type: ignore[attr-defined]
        return view

    return mark


anyone = _guarded(ANYONE)
signed_in = _guarded(SIGNED_IN)
person_only = _guarded(PERSON)
bearer = _guarded(BEARER)  # the view checks the token that is its own


def bears(token: SecretStr | None) -> bool:
    """Whether the request bears `token` (RFC 6750); without one configured nothing does."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if not token or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())


def needs(permission: Permission) -> Callable[[View], View]:
    """Let in accounts whose role holds `permission`."""
    return _guarded(permission)


def user() -> User:
    """Return the signed-in account (loaded for this request, detached)."""
    account: User = current_user
    return account


def person_id() -> UUID:
    """Return the supervised person whose phone or kiosk this is."""
    found: UUID = g.person_id
    return found


def actor() -> Actor:
    """Return whoever acts in this request."""
    if "person_id" in g:
        return Actor("person", str(g.person_id))
    if current_user.is_authenticated:
        return Actor("user", str(current_user.id))
    return Actor("anonymous", "-")


@contextmanager
def writing() -> Iterator[Session]:
    """Open this request's transaction; every write in it is the actor's."""
    with service().database.transaction(actor(), request.endpoint or "?") as session_:
        yield session_


@contextmanager
def reading() -> Iterator[Session]:
    """Open a session for looking only."""
    with service().database.reading() as session_:
        yield session_


def keep(app: Flask) -> None:
    """Check the guard of every request before its view runs."""

    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint is None:
            return None
        view = app.view_functions[request.endpoint]
        return _admit(guard_of(request.endpoint, view))


def guard_of(endpoint: str, view: Callable[..., Any]) -> object:
    """Return who may come in at an endpoint, or None when nobody said."""
    return getattr(view, "guard", None) or _LIBRARY_ROUTES.get(endpoint)


def _admit(guard: object) -> ResponseReturnValue | None:
    if guard in {ANYONE, BEARER}:
        return None
    if guard == PERSON:
        return _admit_person()
    if guard is None:
        raise Forbidden("This page is closed.")
    if not current_user.is_authenticated:
        if request.path.startswith("/api/") or request.method != "GET":
            raise SignInNeeded("Sign in first.")
        return redirect(url_for("auth.sign_in", next=request.full_path.rstrip("?")))
    if isinstance(guard, Permission) and not current_user.may(guard):
        raise Forbidden("Your role does not include this.")
    if current_user.must_change_password and request.blueprint != "auth":
        return redirect(url_for("auth.password"))
    return None


def _admit_person() -> ResponseReturnValue | None:
    stored = session.get(PERSON_KEY)
    if stored:
        with reading() as session_:
            found = session_.get(PhoneAccess, UUID(stored["id"]))
            idle_s = now().timestamp() - stored["at"]
            fresh = idle_s < service().settings.phone_session_minutes * 60
            if found is not None and found.session_epoch == stored["epoch"] and fresh:
                g.person_id = found.person_id
                session[PERSON_KEY] = {**stored, "at": now().timestamp()}
                return None
        session.pop(PERSON_KEY)
    if request.path.startswith("/api/") or request.method != "GET":
        raise SignInNeeded("Enter your PIN first.")
    return redirect(url_for("phone.pin"))
