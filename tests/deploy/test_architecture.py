"""The map of the code names what is there."""

import re
from pathlib import Path

from models.base import Base, append_only_tables

ROOT = Path(__file__).parents[2]
WHOLE = (ROOT / "docs" / "architecture.md").read_text()
TEXT = WHOLE.partition("\n## Tables\n")[2].partition("\n## ")[0]
ROW = re.compile(r"^\| (`[a-z_`, *]+`) \| .* \| ([^|]+) \|$", re.MULTILINE)


def test_every_table_is_described_and_no_other() -> None:
    described = {name for names, _ in ROW.findall(TEXT) for name in re.findall(r"`(\w+)`", names)}
    assert described == set(Base.metadata.tables)


def test_the_tables_that_only_grow_are_marked_so() -> None:
    growing = {
        name
        for names, kind in ROW.findall(TEXT)
        if "grows" in kind
        for name in re.findall(r"`(\w+)`", names)
    }
    assert {table.name for table in append_only_tables()} <= growing
