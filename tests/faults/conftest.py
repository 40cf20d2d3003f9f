"""One server of our own for all short drills of a worker; those of other tests are not killed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import stores
from tests.faults.stores import Store


@pytest.fixture(scope="session")
def own_postgres() -> Iterator[Store]:
    folder = Path(tempfile.mkdtemp(prefix="correction-faults-"))
    folder.chmod(0o755)
    server = stores.opened("postgresql", folder / "server")
    yield server
    server.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def store(request: pytest.FixtureRequest, kind: str) -> Store | None:
    """The server for drills of PostgreSQL; a SQLite file is a drill's own."""
    if kind != "postgresql":
        return None
    server: Store = request.getfixturevalue("own_postgres")
    return server
