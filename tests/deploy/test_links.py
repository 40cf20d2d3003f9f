"""A link between documents leads to a file, and to a heading in it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
IMAGE = re.compile(r'(?:src|srcset)="(?!https?:)([^"#]+)"')
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(document.read_text())
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(document: Path) -> None:
    text = document.read_text()
    found = [*LINK.findall(text), *((path, "") for path in IMAGE.findall(text))]
    broken = []
    for path, anchor in found:
        target = (document.parent / path).resolve() if path else document
        lost = not target.exists() or (anchor and anchor not in anchors(target))
        if lost:
            broken.append(f"{path}#{anchor}")
    assert broken == []
