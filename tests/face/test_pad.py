"""The nets that tell a face from a picture of one."""

import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from correction_service.face import checkpoint, minifasnet, pad, weights
from correction_service.face.checkpoint import CheckpointError, Tensor
from correction_service.face.detect import Detector
from correction_service.face.images import decode
from correction_service.face.pad import Pad
from correction_service.face.weights import WeightsError
from tests.faces import FacePhotos

Floats = NDArray[np.float64]


class Reference:
    """MiniFASNet in numpy, layer by layer, nothing folded."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._w = {n.removeprefix("module."): t.astype(np.float64) for n, t in tensors.items()}

    def __call__(self, crop: NDArray[np.uint8]) -> Floats:
        """Return the three probabilities of an 80 × 80 BGR crop."""
        x = self.layer(crop.transpose(2, 0, 1).astype(np.float64), "conv1", 2)
        x = self.layer(x, "conv2_dw")
        for down, stage, blocks in (
            ("conv_23", "conv_3", 4),
            ("conv_34", "conv_4", 6),
            ("conv_45", "conv_5", 2),
        ):
            x = self.bottleneck(x, down, 2)
            for i in range(blocks):
                x = x + self.bottleneck(x, f"{stage}.model.{i}")
        x = self.layer(self.layer(x, "conv_6_sep"), "conv_6_dw").reshape(512, 1, 1)
        features = self.norm((self._w["linear.weight"] @ x[:, 0, 0])[:, None, None], "bn")
        logits = self._w["prob.weight"] @ features[:, 0, 0]
        powers = np.exp(logits - logits.max())
        return np.asarray(powers / powers.sum())

    def bottleneck(self, x: Floats, name: str, stride: int = 1) -> Floats:
        x = self.layer(x, f"{name}.conv")
        x = self.layer(x, f"{name}.conv_dw", stride)
        x = self.layer(x, f"{name}.project")
        if f"{name}.se_module.fc1.weight" not in self._w:
            return x
        gate = x.mean(axis=(1, 2), keepdims=True)
        gate = np.maximum(self.convolve(gate, f"{name}.se_module.fc1", f"{name}.se_module.bn1"), 0)
        gate = self.convolve(gate, f"{name}.se_module.fc2", f"{name}.se_module.bn2")
        return np.asarray(x / (1 + np.exp(-gate)))

    def layer(self, x: Floats, name: str, stride: int = 1) -> Floats:
        x = self.convolve(x, f"{name}.conv", f"{name}.bn", stride)
        slope = self._w.get(f"{name}.prelu.weight")
        return x if slope is None else np.where(x > 0, x, x * slope[:, None, None])

    def convolve(self, x: Floats, name: str, norm: str, stride: int = 1) -> Floats:
        kernel = self._w[f"{name}.weight"]
        size = kernel.shape[-1]
        pad = 1 if size == 3 else 0
        padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        windows = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
        if kernel.shape[1] == 1:
            found = np.einsum("chwij,cij->chw", windows, kernel[:, 0])
        else:
            found = np.einsum("chwij,ocij->ohw", windows, kernel, optimize=True)
        return self.norm(found, norm)

    def norm(self, x: Floats, name: str) -> Floats:
        weight, bias, mean, variance = (
            self._w[f"{name}.{part}"][:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return np.asarray((x - mean) / np.sqrt(variance + 1e-5) * weight + bias)


@pytest.fixture(scope="module")
def paths() -> dict[str, Path]:
    return weights.locate(weights.listed())


@pytest.fixture(scope="module")
def nets(paths: dict[str, Path]) -> Pad:
    return Pad(weights.listed(), paths)


@pytest.fixture(scope="module")
def detector(paths: dict[str, Path]) -> Detector:
    return Detector(paths["yunet"])


@pytest.mark.parametrize("name", list(pad.REACH))
def test_the_network_that_opencv_runs_agrees_with_a_plain_forward_pass(
    name: str, paths: dict[str, Path]
) -> None:
    tensors = checkpoint.read(paths[name].read_bytes())
    model = minifasnet.to_onnx(tensors)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    for seed in range(2):
        noise = np.random.default_rng(seed).integers(0, 256, (80, 80, 3), np.uint8)
        crop = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1 + seed), np.uint8)
        net.setInput(cv2.dnn.blobFromImage(crop))
        assert net.forward()[0] == pytest.approx(Reference(tensors)(crop), abs=1e-5)


def test_a_network_built_otherwise_than_pinned_is_refused(paths: dict[str, Path]) -> None:
    rows = weights.listed()
    swapped = {**paths, "minifasnet_v2": paths["minifasnet_v1se"]}
    with pytest.raises(WeightsError, match="minifasnet_v2 was built otherwise"):
        Pad(rows, swapped)


@pytest.mark.parametrize("cut", [0, 100, 60_000, 1_000_000])
def test_a_checkpoint_cut_short_is_refused(cut: int, paths: dict[str, Path]) -> None:
    with pytest.raises(CheckpointError):
        checkpoint.read(paths["minifasnet_v2"].read_bytes()[:cut])


def test_a_checkpoint_that_asks_for_code_is_refused_and_not_run() -> None:
    with pytest.raises(CheckpointError, match=r"asks for posix\.getcwd"):
        checkpoint.read(pickle.dumps(os.getcwd))


def test_faces_in_photos_look_alive(nets: Pad, detector: Detector, face_photos: FacePhotos) -> None:
    for photo in (*face_photos.person, face_photos.stranger):
        image = decode(photo.read_bytes())
        assert nets.score(image, detector.find(image)[0]) > 0.5
