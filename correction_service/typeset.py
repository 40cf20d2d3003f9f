"""Set a paper as PDF/A: Typst lays it out, in one embedded font, the same everywhere."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import manimgx_fonts_cjk
import typst

ARCHIVABLE: Literal["a-2b"] = "a-2b"  # ISO 19005-2, level B


@cache
def _fonts() -> typst.Fonts:
    folder = Path(manimgx_fonts_cjk.__file__).parent
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder]
    )


def pdf(package: str, layout: str, data: Mapping[str, Any], now: datetime) -> bytes:
    """Set a package's layout (about 0.1 s); equal data of one moment give equal bytes.

    What is said travels as data and is never read as markup; the layout finds it in
    `sys.inputs.data`.
    """
    text = resources.files(package).joinpath(layout).read_bytes()
    compiler = typst.Compiler(font_paths=_fonts(), sys_inputs={"data": json.dumps(data)})
    made = compiler.compile(input=text, pdf_standards=ARCHIVABLE, timestamp=int(now.timestamp()))
    assert isinstance(made, bytes)  # noqa: S101 - one PDF, since no output was named
    return made
