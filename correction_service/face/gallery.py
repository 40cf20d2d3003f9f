"""Labelled photos become embeddings: DIR/<identity>/<image>."""

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from correction_service.face.recogniser import Recogniser
from correction_service.face.template import DIMENSIONS, Embedding, Vector
from correction_service.face.thresholds import thresholds
from correction_service.face.words import Reason

PHOTOS = frozenset(
    (
        ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jpeg", ".jpg",
        ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
    )
)  # fmt: skip
OLDER = frozenset((".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff"))
Floats = NDArray[np.floating]
Ints = NDArray[np.intp]
Tell = Callable[[int, int], None]


class DatasetError(ValueError):
    """The folder holds nothing that can be measured; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Embeddings of a folder, one a row, and the number of each row's identity in ``names``.

    ``failures`` counts the photos without a usable face by the first reason.
    """

    sface: Floats = field(repr=False)
    dlib: Floats = field(repr=False)
    identity: Ints = field(repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)
    failures: Counter[str] = field(default_factory=Counter)
    ms_per_image: float = 0.0

    @property
    def failed_to_enrol(self) -> int:
        """How many photos took part in no comparison."""
        return self.failures.total()

    @property
    def people(self) -> int:
        """How many identities have a usable photo."""
        return len(np.unique(self.identity))

    def of(self, identities: Ints) -> "Gallery":
        """Return the rows of some identities alone."""
        rows = np.isin(self.identity, identities)
        return Gallery(self.sface[rows], self.dlib[rows], self.identity[rows], self.names)


def read(folder: Path, recogniser: Recogniser, tell: Tell = lambda _done, _of: None) -> Gallery:
    """Embed every photo of DIR/<identity>/<image>; the largest face is taken for the person's.

    What is hidden, lies deeper or is not named like a picture is passed over. ``tell`` is called
    after each photo with how many are done, and of how many. Raises DatasetError without a photo.
    """
    people = sorted(path for path in folder.iterdir() if path.is_dir() and _shown(path))
    photos = [(i, path) for i, person in enumerate(people) for path in _photos(person)]
    if not photos:
        raise DatasetError(f"{folder} must hold a folder of photos for each person")
    embeddings, identity, failures = [], [], Counter[str]()
    started = time.process_time()
    for done, (i, path) in enumerate(photos, start=1):
        found = _embedded(path, recogniser)
        if isinstance(found, Embedding):
            embeddings.append(found)
            identity.append(i)
        else:
            failures[found.value] += 1
        tell(done, len(photos))
    return Gallery(
        sface=_rows([it.sface for it in embeddings]),
        dlib=_rows([it.dlib for it in embeddings]),
        identity=np.array(identity, dtype=np.intp),
        names=tuple(person.name for person in people),
        failures=failures,
        ms_per_image=1000 * (time.process_time() - started) / len(photos),
    )


def _photos(person: Path) -> Iterator[Path]:
    return (
        path
        for path in sorted(person.iterdir())
        if _shown(path) and path.suffix.lower() in PHOTOS and path.is_file()
    )


def _shown(path: Path) -> bool:
    return not path.name.startswith((".", "__"))


def _embedded(path: Path, recogniser: Recogniser) -> Embedding | Reason:
    """Return the embedding of a file, or why there is none: no file ends the measurement."""
    try:
        look = recogniser.look(_bytes(path), thresholds().compare)
        return recogniser.embed(look.portrait) if look.portrait else look.reasons[0]
    except (OSError, ValueError, Image.DecompressionBombError, cv2.error):
        return Reason.NOT_AN_IMAGE


def _bytes(path: Path) -> bytes:
    """Read a picture; older formats, which no phone sends, become PNG."""
    if path.suffix.lower() not in OLDER:
        return path.read_bytes()
    written = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(written, "PNG")
    return written.getvalue()


def _rows(vectors: Sequence[Vector]) -> Floats:
    return np.stack(vectors) if vectors else np.empty((0, DIMENSIONS))
