"""Fixtures that every room uses."""

from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = [
    "tests.databases",
    "tests.county",
    "tests.pages",
    "tests.tracked",
    "tests.enrolled",
    "tests.desk",
]


@pytest.fixture(autouse=True)
def _logging_as_at_first() -> Iterator[None]:
    """Undo what a command run inside the test set."""
    yield
    structlog.reset_defaults()
