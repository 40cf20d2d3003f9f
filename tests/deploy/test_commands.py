"""Files and documents speak of commands that exist, and every command is in the manual."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml  # type: ignore[import-untyped]

from correction_service.cli import cli

ROOT = Path(__file__).parents[2]
TEXTS = sorted(
    path
    for folder in ("deploy", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.suffix not in {".pyc", ".png"}
)
SPOKEN = re.compile(r"correction-service((?: [a-z][a-z-]*)+)")
TABLE = re.compile(r"<!-- commands -->\n(.*?)\n\n", re.DOTALL)
ROW = re.compile(r"^\| `([a-z]+(?: [a-z][a-z-]*)*)", re.MULTILINE)


def children(group: click.Group) -> dict[str, click.Command]:
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, child in children(command).items():
            yield from leaves(child, (*path, name))
    else:
        yield " ".join(path)


def is_command(words: list[str]) -> bool:
    """Whether the first words lead to a command; what follows is its own business."""
    at: click.Command = cli
    for word in words:
        if not isinstance(at, click.Group):
            return True
        known = children(at)
        if word not in known:
            return False
        at = known[word]
    return True


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_text_names_only_commands_that_exist(path: Path) -> None:
    spoken = SPOKEN.findall(path.read_text())
    assert [words for words in spoken if not is_command(words.split())] == []


def test_the_units_of_compose_run_commands_that_exist() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    ours = {
        name: service["command"]
        for name, service in services.items()
        if service["image"].startswith("correction-service:") and "command" in service
    }
    assert {"web", "ingest", "schedule", "upgrade"} <= ours.keys()
    assert {name: words for name, words in ours.items() if not is_command(words)} == {}


def test_the_manual_lists_every_command_and_no_other() -> None:
    table = TABLE.search((ROOT / "docs" / "operations.md").read_text())
    assert table is not None
    assert sorted(ROW.findall(table[1])) == sorted(leaves(cli))
