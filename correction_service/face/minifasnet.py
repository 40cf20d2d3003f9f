"""MiniFASNet (Minivision, Silent-Face-Anti-Spoofing 2020) as ONNX, built from its weights.

Two of its kind are used: V2, and V1SE whose stages end in squeeze and excitation (Hu et al. 2018).
Both are MobileFaceNet's inverted bottlenecks with pruned widths, as the weights' shapes give them.
Batch normalisation is folded into the convolution before it.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from correction_service.face.checkpoint import Tensor
from correction_service.face.onnx_graph import Graph

SIDE_PX = 80
CLASSES = 3
LIVE = 1  # the class; 0 and 2 are kinds of attack
EPSILON = 1e-5
STAGES = (("conv_23", "conv_3"), ("conv_34", "conv_4"), ("conv_45", "conv_5"))
_WRAPPER = "module."  # the name under which the training framework kept the network
Floats = NDArray[np.float64]


def to_onnx(weights: Mapping[str, Tensor]) -> bytes:
    """Return a model from an (1, 3, 80, 80) BGR crop of 0–255 to the softmax of three classes."""
    net = _Network({name.removeprefix(_WRAPPER): tensor for name, tensor in weights.items()})
    x = net.layer("crop", "conv1", stride=2)
    x = net.layer(x, "conv2_dw")
    for down, stage in STAGES:
        x = net.bottleneck(x, down, stride=2)
        for block in net.blocks(stage):
            x = net.residual(x, block)
    x = net.layer(x, "conv_6_sep")
    x = net.graph.node("Flatten", net.layer(x, "conv_6_dw"), axis=1)
    x = net.graph.node("Gemm", x, *net.folded("linear.weight", "bn"), transB=1)
    x = net.graph.node("Gemm", x, net.constant("prob.weight"), transB=1)
    x = net.graph.node("Softmax", x, axis=1)
    return net.graph.to_bytes(("crop", (1, 3, SIDE_PX, SIDE_PX)), (x, (1, CLASSES)))


class _Network:
    """The graph under construction; each method adds a part and returns its output's name."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.graph = Graph()
        self._weights = {name: tensor.astype(np.float64) for name, tensor in weights.items()}

    def blocks(self, stage: str) -> Iterator[str]:
        """Yield the names of a stage's bottlenecks."""
        index = 0
        while f"{stage}.model.{index}.conv.conv.weight" in self._weights:
            yield f"{stage}.model.{index}"
            index += 1

    def residual(self, x: str, name: str) -> str:
        """Add a bottleneck to its own input."""
        return self.graph.node("Add", x, self.bottleneck(x, name))

    def bottleneck(self, x: str, name: str, stride: int = 1) -> str:
        """Widen, filter each channel, project; excite the projection where weights say so."""
        inner = self.layer(x, f"{name}.conv")
        inner = self.layer(inner, f"{name}.conv_dw", stride=stride)
        inner = self.layer(inner, f"{name}.project")
        gate = f"{name}.se_module"
        return self._excited(inner, gate) if f"{gate}.fc1.weight" in self._weights else inner

    def layer(self, x: str, name: str, stride: int = 1) -> str:
        """Convolve, normalise and, where there are slopes, activate."""
        x = self._convolution(x, f"{name}.conv.weight", f"{name}.bn", stride)
        slopes = self._weights.get(f"{name}.prelu.weight")
        if slopes is None:
            return x
        return self.graph.node("PRelu", x, self.graph.constant(slopes.reshape(-1, 1, 1)))

    def constant(self, name: str) -> str:
        """Add a weight as it is."""
        return self.graph.constant(self._weights[name])

    def folded(self, weight: str, norm: str) -> tuple[str, str]:
        """Add a weight and a bias that do what the weight and its normalisation do."""
        scale, shift = self._normalisation(norm)
        values = self._weights[weight]
        by_channel = scale.reshape(-1, *[1] * (values.ndim - 1))
        return self.graph.constant(values * by_channel), self.graph.constant(shift)

    def _excited(self, x: str, name: str) -> str:
        """Weigh each channel by a gate that sees the mean of all."""
        gate = self.graph.node("GlobalAveragePool", x)
        gate = self._convolution(gate, f"{name}.fc1.weight", f"{name}.bn1")
        gate = self.graph.node("Relu", gate)
        gate = self._convolution(gate, f"{name}.fc2.weight", f"{name}.bn2")
        return self.graph.node("Mul", x, self.graph.node("Sigmoid", gate))

    def _convolution(self, x: str, weight: str, norm: str, stride: int = 1) -> str:
        """Convolve; one input channel a filter means one filter a channel."""
        channels, depth, kernel, _ = self._weights[weight].shape
        pad = 1 if kernel == 3 else 0  # noqa: PLR2004 the 5 × 5 at the end reduces to one pixel
        return self.graph.node(
            "Conv",
            x,
            *self.folded(weight, norm),
            kernel_shape=(kernel, kernel),
            strides=(stride, stride),
            pads=(pad, pad, pad, pad),
            group=channels if depth == 1 else 1,
        )

    def _normalisation(self, name: str) -> tuple[Floats, Floats]:
        weight, bias, mean, variance = (
            self._weights[f"{name}.{part}"]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight / np.sqrt(variance + EPSILON)
        return scale, bias - mean * scale
