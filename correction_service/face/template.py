"""What is kept of a face: two embeddings, never a photo."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
DIMENSIONS = 128
PHOTOS_NEEDED = 3  # for a template; one photo tells too little of how a face varies
_MAGIC = b"FT1"
_VECTOR = np.dtype("<f4")


class TemplateError(ValueError):
    """The bytes are not a template."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """One face as two vectors: SFace's (128) of unit length, dlib's (128) as it comes.

    A centre's own embedder takes SFace's place, with a length of its own.
    """

    sface: Vector
    dlib: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The mean of a person's embeddings. Not to be logged: the vectors are biometric data."""

    model_version: str
    sface: Vector = field(repr=False)
    dlib: Vector = field(repr=False)

    @classmethod
    def mean(cls, model_version: str, embeddings: Sequence[Embedding]) -> Self:
        """Average N ≥ 1 embeddings; SFace's mean is brought back to unit length.

        dlib's is left as the centroid, since dlib compares by distance and not by angle.
        """
        sface = np.mean([e.sface for e in embeddings], axis=0)
        dlib = np.mean([e.dlib for e in embeddings], axis=0)
        return cls(model_version, unit(sface), dlib.astype(np.float32))

    def to_bytes(self) -> bytes:
        """Serialise: magic, the version's length and text, two vectors of little-endian float32."""
        version = self.model_version.encode()
        vectors = (self.sface.astype(_VECTOR).tobytes(), self.dlib.astype(_VECTOR).tobytes())
        return b"".join((_MAGIC, struct.pack("B", len(version)), version, *vectors))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what ``to_bytes`` wrote; raise TemplateError for anything else."""
        start = len(_MAGIC) + 1
        if not data.startswith(_MAGIC) or len(data) < start:
            raise TemplateError("not a face template")
        body = data[start + data[start - 1] :]
        if len(body) % _VECTOR.itemsize or len(body) <= DIMENSIONS * _VECTOR.itemsize:
            raise TemplateError("a face template of the wrong length")
        numbers = np.frombuffer(body, _VECTOR).astype(np.float32)
        sface, dlib = numbers[:-DIMENSIONS], numbers[-DIMENSIONS:]
        try:
            return cls(data[start : start + data[start - 1]].decode(), sface, dlib)
        except UnicodeDecodeError as error:
            raise TemplateError("a face template without a readable version") from error


def unit(vector: NDArray[np.floating]) -> Vector:
    """Scale to length one."""
    return (vector / np.linalg.norm(vector)).astype(np.float32)
