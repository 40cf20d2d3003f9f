"""Read a checkpoint in torch's first file format, without torch and without running what it says.

The file is a row of pickles (a magic number, the protocol, the writer's type sizes, an ordered dict
of tensors that name a place in a storage, the storages' keys), then each storage as an int64 count
and that many little-endian numbers. Format: torch/serialization.py, ``_legacy_load``.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[np.float32] | NDArray[np.int64]
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT = np.dtype("<i8")
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class CheckpointError(ValueError):
    """The bytes are not such a checkpoint."""


class _Place(NamedTuple):
    """Where a tensor's numbers lie: contiguous in a storage, from an offset."""

    key: str
    offset: int
    shape: tuple[int, ...]


def read(data: bytes) -> dict[str, Tensor]:
    """Return the tensors by name; raise CheckpointError for anything but a plain checkpoint."""
    try:
        return _parsed(io.BytesIO(data))
    except CheckpointError:
        raise
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError("a checkpoint that is cut short or altered") from error


def _parsed(file: io.BytesIO) -> dict[str, Tensor]:
    dtypes: dict[str, np.dtype[np.generic]] = {}
    magic, protocol, _sizes, places, keys = (_Reader(file, dtypes).load() for _ in range(5))
    if (magic, protocol) != (_MAGIC, _PROTOCOL):
        raise CheckpointError("not a checkpoint of torch's first file format")
    storages = {key: _storage(file, dtypes[key]) for key in keys}
    return {name: _tensor(place, storages) for name, place in places.items()}


class _Reader(pickle.Unpickler):
    """An unpickler that knows four names and builds nothing but places."""

    def __init__(self, file: io.BytesIO, dtypes: dict[str, np.dtype[np.generic]]) -> None:
        super().__init__(file)
        self._dtypes = dtypes

    def find_class(self, module: str, name: str) -> object:
        """Return one of the four, or refuse."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _place
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise CheckpointError(f"a checkpoint that asks for {module}.{name}")

    def persistent_load(self, pid: tuple[str, np.dtype[np.generic], str, str, int, None]) -> str:
        """Note a storage's type and return its key."""
        _, dtype, key, *_ = pid
        self._dtypes[key] = dtype
        return key


def _place(
    key: str, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> _Place:
    steps = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
    if list(stride) != steps:
        raise CheckpointError("a tensor that is not stored row by row")
    return _Place(key, offset, shape)


def _storage(file: io.BytesIO, dtype: np.dtype[np.generic]) -> Tensor:
    count = int(np.frombuffer(file.read(_COUNT.itemsize), _COUNT)[0])
    found: Tensor = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return found


def _tensor(place: _Place, storages: Mapping[str, Tensor]) -> Tensor:
    end = place.offset + int(np.prod(place.shape))
    return storages[place.key][place.offset : end].reshape(place.shape)  # ValueError if cut short
