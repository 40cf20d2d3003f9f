"""Files that somebody attaches: a photo or a PDF, known by its first bytes and not by its name."""

from collections.abc import Sequence

from correction_service.settings import Settings
from models.errors import Invalid

MOST = 3
KINDS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"%PDF-": "application/pdf",
}


def kind_of(data: bytes, field: str) -> str:
    """The media type by a file's first bytes; `Invalid` for any other."""
    for begins, kind in KINDS.items():
        if data.startswith(begins):
            return kind
    raise Invalid("Attach a photo (JPEG or PNG) or a PDF.", field=field)


def check(files: Sequence[bytes], settings: Settings, field: str) -> None:
    """Refuse too many files, too large ones, and what is neither a photo nor a PDF."""
    if len(files) > MOST:
        raise Invalid("Attach at most 3 files.", field=field)
    for data in files:
        kind_of(data, field)
        if len(data) > settings.max_photo_bytes:
            raise Invalid("This file is too large.", field=field, code="too_large")
