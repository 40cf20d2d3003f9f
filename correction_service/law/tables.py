"""The tables of the law: shipped with the service, or a county's own in their stead.

Each number carries its source and a mark: V the text was read, S an excerpt was read, R recalled.
What is marked S or R is shown with its mark wherever it decides something.
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

SHIPPED = Path(__file__).parent
HOLIDAYS, CLOCKS, LIMITS = "holidays.toml", "clocks.toml", "limits.toml"
STEPS, RETENTION = "steps.toml", "retention.toml"
WATCHES = "watches.toml"
ARTICLES = "articles.toml"

Source = str | Mapping[str, str]  # in each language, or as a county wrote it


class Mark(StrEnum):
    """How well a number is known."""

    VERIFIED = "V"
    EXCERPT = "S"
    RECALLED = "R"


def folder_of(session: Session) -> Path | None:
    """The county's own folder of tables, which `open_database` bound to the session."""
    folder: Path | None = session.info.get("law_dir")
    return folder


@lru_cache
def read(name: str, folder: Path | None = None) -> dict[str, Any]:
    """A table by its file's name; one that is not in the county's folder is the shipped one.

    Read once a process: a changed table counts from the next start. `ValueError` names the file.
    """
    own = folder / name if folder else None
    path = own if own and own.exists() else SHIPPED / name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as fault:
        msg = f"{path}: {fault}"
        raise ValueError(msg) from None
