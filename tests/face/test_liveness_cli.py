"""`face liveness` and `face models` on files of all kinds."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from correction_service.commands.liveness import liveness, models
from correction_service.db import Database
from correction_service.face import frames as reading
from correction_service.face.images import Pixels, decode
from correction_service.face.passive import Watcher
from correction_service.face.words import Reason
from correction_service.presence import measurements
from correction_service.settings import Settings
from models.face import ErrorRate
from tests.faces import FacePhotos, frames, jpeg

Answer = tuple[bool | None, list[str]]


@pytest.fixture(scope="module")
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture(scope="module")
def views(face_photos: FacePhotos) -> list[Pixels]:
    """Return what a phone sees of a face for a second."""
    return [decode(frame) for frame in frames(face_photos.person[0], 6)]


def told(watcher: Watcher, path: Path) -> Answer:
    found = watcher.judge(path)
    return found.live, [str(reason) for reason in found.reasons]


def video(path: Path, pictures: Sequence[Pixels]) -> Path:
    height, width = pictures[0].shape[:2]
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 15, (width, height))
    for picture in pictures:
        out.write(picture)
    out.release()
    return path


def still(path: Path, picture: object) -> Path:
    path.write_bytes(jpeg(np.asarray(picture, np.uint8)))
    return path


def on_a_screen(view: Pixels, seed: int) -> Pixels:
    """Show a picture on a phone with a dark frame and a grid of pixels, and take it with another.

    The camera's own pixels beat with the grid (moiré), its lens blurs, its sensor adds grain.
    """
    dice = np.random.default_rng(seed)
    panel = cv2.resize(view, (360, 480), interpolation=cv2.INTER_AREA)
    glow = np.repeat(np.repeat((panel / 255.0) ** 2.2, 3, axis=0), 3, axis=1)
    stripes = np.full((3, 3), 0.15) + 0.85 * np.eye(3)[::-1]
    glow *= np.tile(stripes, (360, 1)) / stripes.mean()
    glow[::3] *= 0.4
    phone = cv2.copyMakeBorder(glow, 60, 60, 45, 45, cv2.BORDER_CONSTANT, value=(0.01,) * 3)
    height, width = phone.shape[:2]
    size = 0.7 * 960 / width
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(dice.uniform(-5, 5)), size)
    turn[:, 2] += (480 - width / 2, 640 - height / 2)
    room = tuple(float(value) for value in dice.uniform(0.2, 0.5, 3))
    seen = cv2.warpAffine(phone, turn, (960, 1280), borderValue=room)
    seen = cv2.resize(cv2.GaussianBlur(seen, (0, 0), 0.9), (480, 640), interpolation=cv2.INTER_AREA)
    taken = np.clip(seen, 0, 1) ** (1 / 2.2) * 255 + dice.normal(0, 2, seen.shape)
    return decode(jpeg(np.asarray(np.clip(taken, 0, 255), np.uint8), 85))


def test_a_face_is_live_in_a_photo_a_folder_of_frames_and_a_video(
    watcher: Watcher, views: list[Pixels], face_photos: FacePhotos, tmp_path: Path
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, view in enumerate(views):
        still(folder / f"{i}.jpg", view)
    (folder / "notes.txt").write_text("six frames")
    for path in (face_photos.person[0], folder, video(tmp_path / "a.mp4", views)):
        assert told(watcher, path) == (True, [])


def test_a_face_on_a_screen_is_not_live_in_a_photo_or_a_video(
    watcher: Watcher, views: list[Pixels], tmp_path: Path
) -> None:
    shown = [on_a_screen(view, seed) for seed, view in enumerate(views)]
    not_live = (False, [Reason.PICTURE_OF_A_PICTURE])
    assert told(watcher, video(tmp_path / "replay.mp4", shown)) == not_live
    assert told(watcher, still(tmp_path / "photo.jpg", shown[0])) == not_live


def test_a_face_beside_a_screen_does_not_make_the_screen_alive(
    watcher: Watcher, views: list[Pixels], tmp_path: Path
) -> None:
    beside = np.hstack([cv2.resize(views[0], (336, 448)), np.zeros((448, 40, 3), np.uint8)])
    screen = cv2.resize(on_a_screen(views[0], 1), (480, 640))[96:544]
    both = still(tmp_path / "both.jpg", np.hstack([beside, screen]))
    assert told(watcher, both) == (False, [Reason.PICTURE_OF_A_PICTURE])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_video_on_its_side_is_turned_upright(
    turns: int, watcher: Watcher, views: list[Pixels], tmp_path: Path
) -> None:
    lying = [np.ascontiguousarray(np.rot90(view, turns)) for view in views[:2]]
    assert told(watcher, video(tmp_path / "lying.mp4", lying)) == (True, [])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda view: view // 12, Reason.TOO_DARK),
        (lambda view: np.full_like(view, 128), Reason.NO_FACE),
        (lambda view: cv2.GaussianBlur(view, (0, 0), 12), Reason.BLURRED),
        (lambda view: cv2.resize(view, (40, 53)), Reason.FACE_TOO_SMALL),
        (lambda view: np.repeat(view[:, :, 1:2], 3, axis=2), Reason.NO_COLOUR),
    ],
)
def test_what_the_nets_cannot_judge_is_neither_live_nor_not(
    spoil: Callable[[Pixels], object],
    reason: Reason,
    watcher: Watcher,
    views: list[Pixels],
    tmp_path: Path,
) -> None:
    live, reasons = told(watcher, still(tmp_path / "poor.jpg", spoil(views[0])))
    assert live is None
    assert reason in reasons


@pytest.mark.parametrize(
    ("spoil", "doubt"),
    [
        (lambda view: view // 5, Reason.TOO_DARK),
        (lambda view: cv2.GaussianBlur(view, (0, 0), 4.5), Reason.BLURRED),
    ],
)
def test_a_poor_picture_calls_nobody_an_attack(
    spoil: Callable[[Pixels], object],
    doubt: Reason,
    watcher: Watcher,
    views: list[Pixels],
    tmp_path: Path,
) -> None:
    screen = still(tmp_path / "screen.jpg", spoil(on_a_screen(views[0], 1)))
    assert told(watcher, screen) == (None, [doubt])
    assert told(watcher, still(tmp_path / "face.jpg", spoil(views[0])))[0] is not False


def test_a_face_that_fills_the_picture_cannot_be_told(
    watcher: Watcher, views: list[Pixels], tmp_path: Path
) -> None:
    x, y, width, height = (round(value) for value in watcher._detector.find(views[0])[0].box)  # noqa: SLF001
    tight = still(tmp_path / "tight.jpg", views[0][y : y + height, x : x + width])
    live, reasons = told(watcher, tight)
    assert live is None
    assert Reason.TOO_CLOSE in reasons


def test_grain_alone_calls_nobody_an_attack(
    watcher: Watcher, views: list[Pixels], tmp_path: Path
) -> None:
    dice = np.random.default_rng(4)
    grainy = np.clip(views[0] + dice.normal(0, 25, views[0].shape), 0, 255)
    assert told(watcher, still(tmp_path / "grain.jpg", grainy))[0] is not False


def test_pictures_of_unusual_kinds_are_read(
    watcher: Watcher, views: list[Pixels], face_photos: FacePhotos, tmp_path: Path
) -> None:
    opaque = np.full((*views[0].shape[:2], 1), 255, np.uint8)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.concatenate([views[0], opaque], axis=2))
    cv2.imwrite(str(tmp_path / "sixteen bits.png"), views[0].astype(np.uint16) * 257)
    video(tmp_path / "one frame.mp4", views[:1])
    video(tmp_path / "4K.mp4", [np.asarray(cv2.resize(views[0], (2160, 2880)), np.uint8)])
    (tmp_path / "no suffix").write_bytes((tmp_path / "one frame.mp4").read_bytes())
    (tmp_path / "motion.mjpeg").write_bytes(b"".join(frames(face_photos.person[0], 3)))
    for path in tmp_path.iterdir():
        assert (path.name, *told(watcher, path)) == (path.name, True, [])


def test_a_long_video_is_seen_over_its_whole_length(
    views: list[Pixels], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey = [np.full((48, 64, 3), 2 * i, np.uint8) for i in range(100)]
    path = video(tmp_path / "long.mp4", grey)
    in_order = reading.read(path)
    monkeypatch.setattr(reading, "MAX_READ", 50)
    sought = reading.read(path)
    for found in (in_order, sought):
        assert len(found) == reading.FRAMES
        assert found[0].mean() < 20
        assert found[-1].mean() > 180


def run(*arguments: object) -> Result:
    return CliRunner().invoke(liveness, ["--json", *(str(it) for it in arguments)])


def test_each_path_is_answered_on_its_own_line_and_a_wrong_one_stops_none(
    face_photos: FacePhotos, tmp_path: Path
) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "page.html").write_text("<p>no picture</p>")
    (tmp_path / "cut.jpg").write_bytes(face_photos.stranger.read_bytes()[:5000])
    (tmp_path / "nothing").mkdir()
    paths = [
        tmp_path / "absent.jpg",
        *sorted(path for path in tmp_path.iterdir()),
        face_photos.stranger,
    ]
    result = run(*paths)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(Path(it["path"]).name, it["live"], it["reasons"]) for it in answers] == [
        ("absent.jpg", None, ["not_found"]),
        ("cut.jpg", None, ["truncated"]),
        ("empty.mp4", None, ["unreadable"]),
        ("nothing", None, ["no_frames"]),
        ("page.html", None, ["unreadable"]),
        ("biden.jpg", True, []),
    ]
    assert answers[-1]["score"] > 0.5
    assert result.exit_code == 2


def test_one_photo_is_one_object_and_exit_code_0(face_photos: FacePhotos) -> None:
    result = run(face_photos.stranger)
    assert json.loads(result.stdout).keys() == {"path", "live", "score", "reasons"}
    assert result.exit_code == 0


def test_in_words_the_advice_stands_below(tmp_path: Path) -> None:
    grey = still(tmp_path / "wall.jpg", np.full((200, 200, 3), 128))
    result = CliRunner().invoke(liveness, [str(grey)])
    assert result.stdout == f"{grey}  cannot tell\n  {Reason.NO_FACE.words.en}\n"


def test_the_models_are_listed_and_found_to_be_those_expected() -> None:
    result = CliRunner().invoke(models, ["--json"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["model"] for row in rows} >= {"yunet", "sface", "minifasnet_v2", "minifasnet_v1se"}
    assert [row["fault"] for row in rows] == [None] * len(rows)
    assert all(row["licence"] and len(row["sha256"]) == 64 for row in rows)
    assert result.exit_code == 0


def test_errors_against_the_truth_are_counted_and_written_down(
    database: Database, settings: Settings, face_photos: FacePhotos, tmp_path: Path
) -> None:
    (tmp_path / "empty.jpg").touch()
    grey = still(tmp_path / "wall.jpg", np.full((200, 200, 3), 128))
    paths = [str(it) for it in (*face_photos.person[:2], grey, tmp_path / "empty.jpg")]
    words = ["--record", "--truth", "attack", "--source", "photos held to be attacks", *paths]
    result = CliRunner().invoke(liveness, words, obj=settings)
    assert result.exit_code == 0
    assert "APCER 2 of 3 (95 %: 20.8 to 93.9 %), cannot tell 1" in result.stderr
    with database.reading() as session:
        (row,) = measurements.latest(session)
        assert (row.kind, row.errors, row.trials, row.untold) == (ErrorRate.APCER, 2, 3, 1)
        assert row.source == "photos held to be attacks"
        assert row.model_version.startswith("minifasnet/1-")


def test_nothing_is_recorded_without_the_truth_and_a_name(face_photos: FacePhotos) -> None:
    result = CliRunner().invoke(liveness, ["--record", str(face_photos.stranger)])
    assert result.exit_code == 2
    assert "--truth" in result.stderr
