"""Fixtures that every room uses."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

pytest_plugins = [
    "tests.databases",
    "tests.county",
    "tests.pages",
    "tests.tracked",
    "tests.enrolled",
    "tests.desk",
    "tests.named",
]


settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _logging_as_at_first() -> Iterator[None]:
    """Undo what a command run inside the test set."""
    yield
    structlog.reset_defaults()
