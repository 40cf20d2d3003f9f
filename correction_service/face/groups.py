"""Who belongs to which group of a measurement: a CSV of ``identity,group``.

A group is what might make the camera err and can be mended: age, glasses, the phone. Ethnicity and
belief are no groups here (PIPL 28): a table that names them is refused.
"""

import csv
from pathlib import Path

COLUMNS = ["identity", "group"]
ETHNIC_SUFFIX = "族"  # every one of the names in GB/T 3304 may be written with it
FORBIDDEN = frozenset(
    (
        "ethnic", "ethnicity", "nationality", "race", "racial", "asian",
        "african", "caucasian", "han", "zhuang", "hui", "manchu", "uyghur",
        "miao", "tujia", "tibetan", "mongol", "mongolian", "qiang", "yi",
        "religion", "religious", "belief", "faith", "muslim", "islam",
        "christian", "catholic", "buddhist", "taoist", "hindu", "jewish", "民族",
        "种族", "人种", "宗教", "信仰", "信教",
        "佛教", "道教", "伊斯兰教", "基督教", "天主教", "穆斯林",
    )
)  # fmt: skip


class GroupsError(ValueError):
    """The table cannot be used; the message names the line and says what it should hold."""


def read(file: Path) -> dict[str, str]:
    """Return the group of each identity; raise GroupsError."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        try:
            rows = [row for row in csv.reader(opened) if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise GroupsError(f"{file} is not a CSV in UTF-8") from error
    if not rows or rows[0] != COLUMNS:
        raise GroupsError(f"the first line of {file} must be {','.join(COLUMNS)}")
    found = {}
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(COLUMNS) or not all(row):
            raise GroupsError(f"{file}, line {line}: an identity and its group are needed")
        if _names_ethnicity_or_belief(row[1]):
            raise GroupsError(f"{file}, line {line}: no groups are made by ethnicity or belief")
        found[row[0]] = row[1]
    return found


def _names_ethnicity_or_belief(group: str) -> bool:
    words = group.casefold().replace("_", " ").replace("-", " ").split()
    return group.strip().endswith(ETHNIC_SUFFIX) or not FORBIDDEN.isdisjoint(words)
