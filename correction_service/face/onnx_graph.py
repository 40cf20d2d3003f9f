"""Write a small ONNX model: the dozen fields of its protobuf schema that a plain network needs.

Written here because the ``onnx`` package weighs 40 MB in every worker and its bytes differ from
release to release, while a digest of what is run can only be pinned if they never do.
Schema: onnx/onnx.proto3; wire format: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IR_VERSION = 8
OPSET = 13
_FLOAT = 1  # TensorProto.DataType
_INT = 2  # AttributeProto.AttributeType
_INTS = 7


class Graph:
    """Nodes and constants in the order in which they are added; names are running numbers."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def node(self, kind: str, *inputs: str, **attributes: int | Sequence[int]) -> str:
        """Add an operator of one output and return the output's name."""
        output = f"v{len(self._nodes)}"
        parts = [_text(1, name) for name in inputs]
        parts += [_text(2, output), _text(4, kind)]
        parts += [_chunk(5, _attribute(name, value)) for name, value in attributes.items()]
        self._nodes.append(b"".join(parts))
        return output

    def constant(self, values: NDArray[np.floating]) -> str:
        """Add a constant, as float32, and return its name."""
        name = f"c{len(self._constants)}"
        shape = b"".join(_number(1, size) for size in values.shape)
        raw = _chunk(9, values.astype("<f4").tobytes())
        self._constants.append(b"".join((shape, _number(2, _FLOAT), _text(8, name), raw)))
        return name

    def to_bytes(
        self, given: tuple[str, Sequence[int]], wanted: tuple[str, Sequence[int]]
    ) -> bytes:
        """Return the model; input and output are each a name and a shape."""
        graph = b"".join(
            (
                b"".join(_chunk(1, node) for node in self._nodes),
                _text(2, "graph"),
                b"".join(_chunk(5, constant) for constant in self._constants),
                _chunk(11, _value(*given)),
                _chunk(12, _value(*wanted)),
            )
        )
        opset = _text(1, "") + _number(2, OPSET)
        return _number(1, IR_VERSION) + _chunk(7, graph) + _chunk(8, opset)


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT)
    return _text(1, name) + b"".join(_number(8, item) for item in value) + _number(20, _INTS)


def _value(name: str, shape: Sequence[int]) -> bytes:
    dimensions = b"".join(_chunk(1, _number(1, size)) for size in shape)
    tensor = _number(1, _FLOAT) + _chunk(2, dimensions)
    return _text(1, name) + _chunk(2, _chunk(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _chunk(field, value.encode())


def _chunk(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Return seven bits a byte, the lowest first, the eighth saying that more follow."""
    found = bytearray()
    while value > 0x7F:  # noqa: PLR2004 seven bits
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
