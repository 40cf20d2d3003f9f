"""An embedder of one's own in SFace's place: SFace itself under another name, and a tiny one."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from correction_service.commands.liveness import models
from correction_service.face import gallery, weights
from correction_service.face.embed import Onnx
from correction_service.face.embedder import EmbedderError, Feed, read
from correction_service.face.onnx_graph import Graph
from correction_service.face.recogniser import Recogniser
from correction_service.face.template import Template
from correction_service.face.thresholds import ThresholdsError, packaged
from correction_service.face.verdict import Outcome
from correction_service.face.weights import WeightsError
from correction_service.face.words import Reason
from correction_service.settings import Settings
from tests.faces import FacePhotos

Describe = Callable[..., Path]


@pytest.fixture(scope="module")
def describe(tmp_path_factory: pytest.TempPathFactory) -> Describe:
    """Return a maker of descriptions of a model file, with SFace's way of being fed."""
    folder = tmp_path_factory.mktemp("own")

    def write(model: Path, **changes: object) -> Path:
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
        rows = {
            "name": "twin",
            "file": str(model),
            "sha256": digest,
            "licence": "Apache-2.0",
            "size_px": 112,
            "rgb": True,
            **changes,
        }
        lines = [
            f"{key} = {str(v).lower() if isinstance(v, bool | int | float) else repr(v)}"
            for key, v in rows.items()
            if v is not None
        ]
        file = folder / f"{len(list(folder.iterdir()))}.toml"
        file.write_text("\n".join(lines))
        return file

    return write


@pytest.fixture(scope="module")
def sface() -> Path:
    return weights.locate({"sface": weights.listed()["sface"]})["sface"]


@pytest.fixture(scope="module")
def twin(describe: Describe, sface: Path) -> Path:
    return describe(sface)


@pytest.fixture(scope="module")
def calibrated(twin: Path, tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    """Return a recogniser with the twin and SFace's own figures, which fit it exactly."""
    from importlib import resources  # noqa: PLC0415

    text = resources.files("correction_service.face").joinpath("calibration.toml").read_text()
    version = weights.model_version(weights.listed(twin))
    file = tmp_path_factory.mktemp("calibration") / "own.toml"
    file.write_text(text.replace(packaged().model_version, version))
    return Recogniser(calibration=file, own_embedder=twin)


def test_sface_under_another_name_gives_the_same_likeness(
    calibrated: Recogniser, recogniser: Recogniser, face_photos: FacePhotos
) -> None:
    one, other = (photo.read_bytes() for photo in face_photos.person[:2])
    own, packaged_one = calibrated.compare(one, other), recogniser.compare(one, other)
    assert own.outcome is packaged_one.outcome is Outcome.MATCH
    assert own.score == pytest.approx(packaged_one.score, abs=1e-4)


def test_a_template_of_another_embedder_is_never_compared(
    calibrated: Recogniser, template: Template
) -> None:
    assert calibrated.model_version.startswith("twin+dlib/")
    verdict = calibrated.judge(template, [])
    assert verdict.reasons == (Reason.TEMPLATE_OUTDATED,)


def test_nothing_is_decided_without_a_calibration_of_the_embedder(twin: Path) -> None:
    with pytest.raises(ThresholdsError, match="face calibrate"):
        _ = Recogniser(own_embedder=twin).thresholds


@pytest.mark.parametrize(
    "change", [{"size_px": 96}, {"mean": 127.5}, {"scale": 0.5}, {"rgb": False}]
)
def test_another_way_of_feeding_is_another_model(
    change: dict[str, object], describe: Describe, sface: Path, twin: Path
) -> None:
    changed = weights.listed(describe(sface, **change))
    assert weights.model_version(changed) != weights.model_version(weights.listed(twin))


def test_an_embedding_may_have_any_length_and_is_kept_as_it_is(
    describe: Describe, tmp_path: Path, face_photos: FacePhotos
) -> None:
    graph = Graph()
    pooled = graph.node("AveragePool", "crop", kernel_shape=(8, 8), strides=(8, 8))
    flat = graph.node("Flatten", pooled, axis=1)
    (tmp_path / "tiny.onnx").write_bytes(graph.to_bytes(("crop", (1, 3, 64, 64)), (flat, (1, 192))))
    for i, person in enumerate((face_photos.person[0], face_photos.stranger)):
        (tmp_path / "faces" / str(i)).mkdir(parents=True)
        shutil.copy(person, tmp_path / "faces" / str(i))
    own = Recogniser(own_embedder=describe(tmp_path / "tiny.onnx", name="tiny", size_px=64))
    faces = gallery.read(tmp_path / "faces", own)
    assert faces.sface.shape == (2, 192)
    assert faces.dlib.shape == (2, 128)
    made = Template(own.model_version, faces.sface[0], faces.dlib[0])
    kept = Template.from_bytes(made.to_bytes())
    assert np.array_equal(kept.sface, made.sface)
    assert np.array_equal(kept.dlib, made.dlib)


def test_a_model_that_is_no_embedder_or_no_model_is_refused(tmp_path: Path) -> None:
    feed = Feed(size_px=64, mean=0, scale=1, rgb=True)
    (tmp_path / "junk.onnx").write_bytes(b"no model")
    with pytest.raises(WeightsError, match=r"junk\.onnx cannot be run by OpenCV"):
        Onnx(tmp_path / "junk.onnx", feed)
    graph = Graph()
    pooled = graph.node("GlobalAveragePool", "crop")
    (tmp_path / "mean.onnx").write_bytes(
        graph.to_bytes(("crop", (1, 3, 64, 64)), (pooled, (1, 3, 1, 1)))
    )
    with pytest.raises(WeightsError, match="gives 3 numbers a face"):
        Onnx(tmp_path / "mean.onnx", feed)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sha256": "abc"}, "sha256: "),
        ({"name": "Über"}, "name: "),
        ({"size_px": 5}, "size_px: "),
        ({"rgb": None}, "rgb: Field required"),
        ({"colour": "bgr"}, "colour: Extra inputs"),
        ({"scale": 0}, "scale: "),
    ],
)
def test_a_wrong_description_names_the_file_and_the_field(
    change: dict[str, object], told: str, describe: Describe, sface: Path
) -> None:
    file = describe(sface, **change)
    with pytest.raises(EmbedderError, match=f"{file.name}: {told}"):
        read(file)


def test_an_altered_model_is_refused_by_name(describe: Describe, tmp_path: Path) -> None:
    model = tmp_path / "own.onnx"
    model.write_bytes(b"as it was")
    rows = weights.listed(describe(model))
    model.write_bytes(b"as it is now")
    with pytest.raises(WeightsError, match=r"own\.onnx of package twin is altered"):
        weights.locate(rows)


def test_the_models_in_force_are_listed_with_ones_own(twin: Path) -> None:
    result = CliRunner().invoke(models, obj=Settings(face_embedder=twin))
    assert "twin" in result.stdout
    assert result.exit_code == 0
