"""An ONNX embedder of a centre's own, in SFace's place: described by a file, checked by its digest.

SFace still aligns faces and watches every frame of a burst; the other model decides likeness, so
its thresholds must come from a calibration with it. The file is TOML:

    name = "arc-r50"            # becomes part of the templates' version
    file = "arc-r50.onnx"       # beside this file, or absolute
    sha256 = "…"
    licence = "MIT"
    size_px = 112               # of the square, aligned input
    mean = 127.5                # subtracted from values of 0–255 …
    scale = 0.0078125           # … which are then multiplied
    rgb = true                  # order of the channels
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class EmbedderError(ValueError):
    """The description cannot be used; the message names the file, the field and what is wrong."""


@dataclass(frozen=True, slots=True)
class Feed:
    """How an aligned face is fed to the model."""

    size_px: int
    mean: float
    scale: float
    rgb: bool


class Description(BaseModel):
    """The file as it must be."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,31}$")
    file: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: str = Field(min_length=1)
    source: str = ""
    size_px: int = Field(ge=32, le=512)
    mean: float = 0.0
    scale: float = Field(1.0, gt=0)
    rgb: bool

    @property
    def feed(self) -> Feed:
        """Return what the model must be fed."""
        return Feed(self.size_px, self.mean, self.scale, self.rgb)


def read(file: Path) -> Description:
    """Read a description; the model's path comes back absolute. Raises EmbedderError."""
    try:
        found = Description.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise EmbedderError(f"{file}: {field}: {fault['msg']}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EmbedderError(f"{file} cannot be read: {error}") from error
    return found.model_copy(update={"file": str(file.resolve().parent / found.file)})
