"""Bytes from outside become pixels here, or a reason why not."""

import io
import struct
import warnings
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from correction_service.face.words import Reason, Words

Pixels = NDArray[np.uint8]
FORMATS = ("JPEG", "PNG", "WEBP")
MAX_MEGAPIXELS = 30.0
LONG_SIDE_PX = 1600  # faces are compared at 112 and 150 px: more pixels cost time and add nothing
# What decoders raise on hostile files; anything else is a fault of ours and not of the photo.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    ArithmeticError,
    LookupError,
    EOFError,
    struct.error,
    zlib.error,
)
_ISO_MEDIA_BRANDS = {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}


class ImageError(ValueError):
    """The bytes cannot be used as a photo."""

    def __init__(self, code: Reason) -> None:
        super().__init__(code.words.en)
        self.code = code

    @property
    def words(self) -> Words:
        """Advice for whoever sent the file."""
        return self.code.words


def decode(data: bytes, max_megapixels: float = MAX_MEGAPIXELS) -> Pixels:
    """Return an upright BGR array (height, width, 3), its longer side at most LONG_SIDE_PX.

    The size is read from the header and judged before a pixel is decoded. Raises ImageError.
    """
    image = _opened(data, max_megapixels)
    refuse_truncated()
    try:
        # A JPEG decodes at a half or a quarter for a fraction of the time.
        image.draft("RGB", (LONG_SIDE_PX, LONG_SIDE_PX))
        image.load()
        upright = ImageOps.exif_transpose(image).convert("RGB")
    except _BROKEN as error:
        raise ImageError(Reason.TRUNCATED) from error
    upright.thumbnail((LONG_SIDE_PX, LONG_SIDE_PX), Image.Resampling.BOX)
    return np.ascontiguousarray(np.asarray(upright)[:, :, ::-1])


def refuse_truncated() -> None:
    """Let Pillow refuse what is cut off; whoever imported what before, it reads the same."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # one for the whole process, and some libraries set it


def _opened(data: bytes, max_megapixels: float) -> Image.Image:
    image = _headed(data)
    width, height = image.size
    if width * height > max_megapixels * 1e6:
        raise ImageError(Reason.TOO_MANY_PIXELS)
    return image


def _headed(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(io.BytesIO(data), formats=FORMATS)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ImageError(Reason.TOO_MANY_PIXELS) from error
        except UnidentifiedImageError as error:
            raise ImageError(_why_not(data)) from error
        except _BROKEN as error:
            raise ImageError(Reason.TRUNCATED) from error


def _why_not(data: bytes) -> Reason:
    if data[4:8] == b"ftyp" and data[8:12] in _ISO_MEDIA_BRANDS:
        return Reason.HEIC
    if data.startswith((b"GIF8", b"BM", b"II*\0", b"MM\0*")) or data[4:8] == b"ftyp":
        return Reason.UNSUPPORTED_FORMAT
    if data.startswith((b"\xff\xd8\xff", b"\x89PNG", b"RIFF")):
        return Reason.TRUNCATED
    return Reason.NOT_AN_IMAGE
