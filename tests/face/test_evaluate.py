import io
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from correction_service.commands.faces import face
from correction_service.face.decide import score
from correction_service.face.evaluate import metrics, pairs, templates
from correction_service.face.gallery import DatasetError, Gallery, read
from correction_service.face.recogniser import Recogniser
from correction_service.face.template import Embedding, Template
from correction_service.face.thresholds import thresholds
from correction_service.settings import Settings
from tests.face.galleries import noisy
from tests.faces import FacePhotos, variant

NOBODY = 65534
PAIR = thresholds().pair.match


def run(*arguments: str | Path) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(face, words, obj=Settings())


@contextmanager
def anybody() -> Iterator[None]:
    """Work without the rights of root, where the tests have them."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.fixture
def folder(tmp_path: Path, face_photos: FacePhotos) -> Path:
    for person, photos in (("a", face_photos.person[:2]), ("b", [face_photos.stranger])):
        (tmp_path / person).mkdir()
        for i, photo in enumerate(photos):
            (tmp_path / person / f"{i}.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "b" / "flipped.jpg").write_bytes(variant(face_photos.stranger, flip=True))
    (tmp_path / "b" / "broken.jpg").write_bytes(b"no photo")
    return tmp_path


@pytest.fixture
def gallery() -> Gallery:
    return noisy(people=12, photos=6, failures=3)


def test_the_rates_are_those_counted_by_hand() -> None:
    impostor = np.linspace(0, 0.5, 1001)
    genuine = np.array([0.30, 0.4985, 0.80, 0.90])
    found = metrics(genuine, impostor, 0.42)
    assert found["fmr_at_threshold"] == pytest.approx(161 / 1001)
    assert found["fnmr_at_threshold"] == 1 / 4
    assert found["fnmr_at_fmr.0.01"] == 1 / 4
    assert found["fnmr_at_fmr.0.001"] == 1 / 2
    assert found["eer"] == pytest.approx(0.25, abs=0.01)


def test_faces_told_apart_have_no_error() -> None:
    found = metrics(np.array([0.9, 1.0]), np.array([-0.2, 0.1, 0.2]), 0.42)
    assert set(found.values()) == {0.0}


def test_pairs_are_scored_as_single_comparisons_are(gallery: Gallery) -> None:
    found = pairs(gallery, PAIR)
    assert found["pairs"] == 72 * 71 // 2
    assert found["genuine_pairs"] == 12 * 15
    one, two = (Embedding(gallery.sface[i], gallery.dlib[i].astype(np.float32)) for i in (0, 1))
    alone = Gallery(gallery.sface[[0, 1, 9]], gallery.dlib[[0, 1, 9]], np.array([0, 0, 1]))
    refused = pairs(alone, PAIR)["fnmr_at_threshold"]
    assert refused == float(score(one, two) < PAIR)


def test_templates_err_less_than_pairs_and_say_how_sure_that_is(gallery: Gallery) -> None:
    single, enrolled = pairs(gallery, PAIR), templates(gallery, 3, PAIR)
    assert enrolled["genuine_pairs"] == 12 * 3
    assert enrolled["impostor_pairs"] == 12 * 33
    assert enrolled["splits"] == 20
    assert enrolled["failed_to_enrol"] == 3
    assert enrolled["eer"] < single["eer"]  # type: ignore[operator]
    low, high = enrolled["intervals"]["eer"]  # type: ignore[index]
    assert low <= enrolled["eer"] <= high


def test_the_splits_are_seeded(gallery: Gallery) -> None:
    assert templates(gallery, 3, PAIR, splits=3) == templates(gallery, 3, PAIR, splits=3)


def test_what_one_person_or_one_photo_each_cannot_show_is_null(gallery: Gallery) -> None:
    alone = pairs(gallery.of(np.array([4])), PAIR)
    assert (alone["pairs"], alone["eer"], alone["fmr_at_threshold"]) == (15, None, None)
    assert alone["fnmr_at_threshold"] is not None
    firsts = np.arange(0, 72, 6)
    strangers = Gallery(gallery.sface[firsts], gallery.dlib[firsts], gallery.identity[firsts])
    apart = pairs(strangers, PAIR)
    assert (apart["pairs"], apart["fnmr_at_threshold"]) == (66, None)
    assert apart["fnmr_at_fmr"] == {"0.01": None, "0.001": None}
    assert apart["fmr_at_threshold"] is not None
    nobody = pairs(gallery.of(np.array([99])), PAIR)
    assert (nobody["pairs"], nobody["eer"]) == (0, None)
    assert [len(it["notes"]) for it in (alone, apart, nobody)] == [1, 2, 2]  # type: ignore[arg-type]


def test_compare_answers_in_json_and_in_words(face_photos: FacePhotos) -> None:
    one, two, _ = face_photos.person
    answer = json.loads(run("compare", one, two, "--json").stdout)
    assert answer.pop("score") > PAIR
    assert answer == {"outcome": "MATCH", "threshold": PAIR, "faces": [1, 1], "reasons": []}
    spoken = run("compare", one, face_photos.stranger)
    assert spoken.exit_code == 0
    assert spoken.stdout.startswith("NO_MATCH  The face does not match")


def test_evaluate_prints_the_contracts_figures(folder: Path) -> None:
    answer = json.loads(run("evaluate", folder, "--json").stdout)
    assert answer["pairs"] == 6
    assert answer["failed_to_enrol"] == 1
    assert (answer["eer"], answer["fnmr_at_fmr"]) == (0, {"0.01": 0, "0.001": 0})
    assert (answer["fmr_at_threshold"], answer["fnmr_at_threshold"]) == (0, 0)
    assert answer["ms_per_image"] > 0
    enrolled = run("evaluate", folder, "--templates", "1")
    assert "intervals" in enrolled.stdout
    assert enrolled.exit_code == 0


def test_whom_the_real_enrolment_refuses_is_counted_beside_what_can_be_compared(
    folder: Path, face_photos: FacePhotos
) -> None:
    (folder / "c").mkdir()
    for i, photo in enumerate(face_photos.person):
        (folder / "c" / f"{i}.jpg").write_bytes(photo.read_bytes())
    answer = json.loads(run("evaluate", folder, "--templates", "1", "--json").stdout)
    # "a" has two photos and is not tried; of "b" one shows nothing and two are one photo.
    assert (answer["enrolments"], answer["refused_by_enrolment"]) == (2, 1)
    assert answer["failed_to_enrol"] == 1


def test_a_folder_never_seen_is_read_as_far_as_it_goes(
    recogniser: Recogniser, tmp_path: Path, face_photos: FacePhotos
) -> None:
    photo = Image.open(face_photos.stranger)
    kinds = {
        "小.png": photo.resize((48, 56)),
        "旧.bmp": photo,
        "大.webp": photo.resize((5000, 5000)),
    }
    person = tmp_path / "王 五"
    (person / "deeper" / "still").mkdir(parents=True)
    for name, image in kinds.items():
        image.save(person / name)
    data = face_photos.stranger.read_bytes()
    for name in ("deeper/passed over.jpg", ".hidden.jpg", "notes.txt"):
        (person / name).write_bytes(data)
    for name, junk in (("empty.jpg", b""), ("cut.jpg", data[:900]), ("text.bmp", b"text")):
        (person / name).write_bytes(junk)
    (person / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(16))
    written = io.BytesIO()
    Image.new("RGB", (1, 3000)).save(written, "PNG")
    (person / "line.png").write_bytes(written.getvalue())
    (tmp_path / "nobody").mkdir()
    (tmp_path / "readme.jpg").write_bytes(data)
    told: list[tuple[int, int]] = []
    found = read(tmp_path, recogniser, lambda done, of: told.append((done, of)))
    assert (len(found.identity), found.names[found.identity[0]]) == (3, "王 五")
    failed = {"not_an_image": 2, "truncated": 1, "heic": 1, "no_face": 1}
    assert found.failures == Counter(failed)
    assert told[-1] == (8, 8)


def test_a_folder_that_may_not_be_read_is_named_with_the_mend(
    recogniser: Recogniser, folder: Path
) -> None:
    shut = folder / "b"
    shut.chmod(0)
    folder.chmod(0o755)
    with anybody(), pytest.raises(DatasetError, match=r"cannot be read .*: let this account"):
        read(folder, recogniser)
    shut.chmod(0o700)


def test_a_wrong_path_is_named_and_exits_with_2(
    tmp_path: Path, folder: Path, face_photos: FacePhotos
) -> None:
    photo, absent = face_photos.stranger, tmp_path / "absent.jpg"
    for arguments in (
        ("compare", photo, absent),
        ("compare", folder, photo),
        ("evaluate", absent),
        ("evaluate", photo),
        ("calibrate", absent),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "Invalid value for" in result.stderr


def test_a_folder_of_no_people_or_too_few_photos_is_explained(tmp_path: Path, folder: Path) -> None:
    empty = tmp_path / "a"
    assert "must hold a folder of photos for each" in run("evaluate", empty).stderr
    few = run("evaluate", folder, "--templates", "5")
    assert (few.exit_code, "more than 5 usable photos" in few.stderr) == (2, True)


def test_a_template_of_one_scores_as_its_photo(gallery: Gallery) -> None:
    face_ = Embedding(gallery.sface[0].astype(np.float32), gallery.dlib[0].astype(np.float32))
    other = Embedding(gallery.sface[1].astype(np.float32), gallery.dlib[1].astype(np.float32))
    assert score(Template.mean("x", [face_]), other) == pytest.approx(score(face_, other), abs=1e-5)
