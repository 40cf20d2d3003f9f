"""Every way in says who may use it, and means it."""

from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import UUIDConverter

from correction_service import access
from models.user import PERMISSIONS, Permission, Role
from tests.pages import SignedInClient

NOTHING = UUID(int=0)
GUARDS = {access.ANYONE, access.SIGNED_IN, access.PERSON, access.BEARER, *Permission}


def paths(app: Flask) -> list[tuple[str, str, object]]:
    """Every route with its method and guard, its parameters filled with what finds nothing."""
    found = []
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        values = {
            name: NOTHING if isinstance(rule._converters[name], UUIDConverter) else 999999  # noqa: SLF001 - werkzeug has no public way
            for name in rule.arguments
        }
        method = min((rule.methods or {"GET"}) - {"HEAD", "OPTIONS"})
        path = adapter.build(rule.endpoint, values, method=method)
        guard = access.guard_of(rule.endpoint, app.view_functions[rule.endpoint])
        found.append((method, path, guard))
    return found


def test_every_route_has_a_guard(app: Flask) -> None:
    assert len(paths(app)) > 5
    assert [path for _, path, guard in paths(app) if guard not in GUARDS] == []


def test_nobody_comes_in_without_signing_in(app: Flask) -> None:
    for method, path, guard in paths(app):
        answer = app.test_client().open(path, method=method)
        if guard in {access.SIGNED_IN, access.PERSON, *Permission}:
            assert answer.status_code in {302, 401}, (method, path)
        elif guard == access.BEARER:
            assert answer.status_code in {401, 403}, (method, path)


def test_a_role_without_the_permission_is_turned_away(
    app: Flask, client_of: SignedInClient
) -> None:
    for role in Role:
        client: FlaskClient = client_of(role)
        for method, path, guard in paths(app):
            if isinstance(guard, Permission) and guard not in PERMISSIONS[role]:
                assert client.open(path, method=method).status_code == 403, (role, method, path)


def test_pages_carry_strict_headers(app: Flask) -> None:
    answer = app.test_client().get("/sign-in")
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_fault_of_ours_is_logged_without_a_value(
    app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "张某 1949-12-31"

    @access.anyone
    def fail() -> str:
        raise RuntimeError(secret)

    app.add_url_rule("/fails", view_func=fail)
    answer = app.test_client().get("/fails")
    assert answer.status_code == 500
    assert secret not in answer.text
    logged = capsys.readouterr()
    assert "RuntimeError" in logged.out + logged.err
    assert secret not in logged.out + logged.err
