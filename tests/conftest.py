"""Fixtures that every room uses."""

pytest_plugins = [
    "tests.databases",
    "tests.county",
    "tests.pages",
    "tests.tracked",
    "tests.enrolled",
    "tests.desk",
]
