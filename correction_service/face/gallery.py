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

from correction_service.face.images import refuse_truncated
from correction_service.face.recogniser import Recogniser
from correction_service.face.template import DIMENSIONS, PHOTOS_NEEDED, Embedding, Vector
from correction_service.face.thresholds import thresholds
from correction_service.face.verdict import EnrolmentOutcome
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
    after each photo with how many are done, and of how many. Raises DatasetError without a photo,
    and for a folder that may not be read: rates of some of the people alone would mislead.
    """
    listed = _listed(folder)
    photos = [(i, path) for i, own in enumerate(listed.values()) for path in own]
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
        names=tuple(listed),
        failures=failures,
        ms_per_image=1000 * (time.process_time() - started) / len(photos),
    )


def enrolments(folder: Path, recogniser: Recogniser, photos: int) -> Counter[EnrolmentOutcome]:
    """Enrol everybody with as many photos as asked, by the rules that an officer's photos meet.

    The first ``photos`` of each are tried, `PHOTOS_NEEDED` at least; whoever has fewer is not
    counted. To be compared, any face will do: `Gallery.failures` says little about enrolling.
    """
    most = max(photos, PHOTOS_NEEDED)
    tried = (own[:most] for own in _listed(folder).values() if len(own) >= most)
    return Counter(recogniser.enrol([*map(_whatever, own)]).outcome for own in tried)


def _whatever(path: Path) -> bytes:
    """Read a picture; of one that cannot be read nothing is left, and enrolling says so."""
    try:
        return _bytes(path)
    except (OSError, ValueError, Image.DecompressionBombError):
        return b""


def _listed(folder: Path) -> dict[str, list[Path]]:
    """Return the photos of each person by name, in order."""
    try:
        people = sorted(path for path in folder.iterdir() if path.is_dir() and _shown(path))
        listed = {person.name: [*_photos(person)] for person in people}
    except OSError as error:
        why = f"{error.filename} cannot be read ({error.strerror}): let this account read it"
        raise DatasetError(why) from error
    if not any(listed.values()):
        raise DatasetError(f"{folder} must hold a folder of photos for each person")
    return listed


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
    refuse_truncated()
    written = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(written, "PNG")
    return written.getvalue()


def _rows(vectors: Sequence[Vector]) -> Floats:
    return np.stack(vectors) if vectors else np.empty((0, DIMENSIONS))
