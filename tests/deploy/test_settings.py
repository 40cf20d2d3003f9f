"""Every setting is documented where an operator looks for it, with its true default."""

import re
from pathlib import Path

import pytest

from correction_service.settings import Settings

ROOT = Path(__file__).parents[2]
NAMES = sorted(f"CORRECTION_{field.upper()}" for field in Settings.model_fields)
EXAMPLE = (ROOT / ".env.example").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ROW = re.compile(r"^\| `(CORRECTION_\w+)` \| (?:`([^`]*)`|–) \| (\S.*) \|$", re.MULTILINE)
LINE = re.compile(r"^# (CORRECTION_\w+)=(.*)$", re.MULTILINE)
BESIDE = {"CORRECTION_SECRETS_DIR"}  # an option of the command line, not a setting


def test_the_example_lists_every_setting_and_no_other() -> None:
    assert sorted({name for name, _ in LINE.findall(EXAMPLE)} - BESIDE) == NAMES


def test_the_operations_manual_lists_every_setting_and_no_other() -> None:
    assert sorted(name for name, _, _ in ROW.findall(OPERATIONS)) == NAMES


@pytest.mark.parametrize(
    "documented",
    [LINE.findall(EXAMPLE), [(name, default) for name, default, _ in ROW.findall(OPERATIONS)]],
    ids=["example", "manual"],
)
def test_the_documented_defaults_are_the_defaults(
    documented: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    true = Settings()
    for name, value in documented:
        if value and name not in BESIDE:
            monkeypatch.setenv(name, value)
    assert Settings() == true


def test_every_secret_is_marked_as_one() -> None:
    hidden = {
        f"CORRECTION_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert {name for name, _, words in ROW.findall(OPERATIONS) if "*file*" in words} == hidden
