"""Clips for which nothing was asked: what a turned head shows, and what paper does not."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from correction_service.commands.liveness import liveness
from correction_service.face import clips
from correction_service.face.images import decode
from correction_service.face.liveness import Cue, CueName, CueVerdict
from correction_service.face.passive import Watcher
from tests.face.attacks import heads, scenes
from tests.face.attacks.cameras import Camera
from tests.face.attacks.heads import Anatomy, Likeness
from tests.face.attacks.plans import Moment
from tests.face.attacks.scenes import Place, Scene
from tests.faces import FacePhotos

TURNED = (0, 0, 1, 33, 34, -35)  # degrees, one picture each
DEPTH = {CueName.PARALLAX, CueName.DEPTH, CueName.SURFACE}
ALWAYS = {CueName.SCREEN, CueName.SAME_FACE}


@pytest.fixture(scope="module")
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture(scope="module")
def person(face_photos: FacePhotos) -> Likeness:
    return heads.likeness(decode(face_photos.stranger.read_bytes()))


def head(person: Likeness) -> Scene:
    return scenes.living(person, Anatomy(), Place(person.around))


def bent_paper(person: Likeness) -> Scene:
    return scenes.paper(person.head, Place(person.around), bend=0.5)


def filmed(folder: Path, scene: Scene, turns_deg: tuple[int, ...] = TURNED) -> Path:
    """Keep what a camera sees of a scene, as a folder of frames."""
    camera, dice = Camera(), np.random.default_rng(11)
    folder.mkdir()
    for i, yaw_deg in enumerate(turns_deg):
        picture = camera.take(scene(Moment(0, 0, yaw_deg=yaw_deg), camera), dice)
        (folder / f"{i}.jpg").write_bytes(picture)
    return folder


def test_a_turned_head_is_live_and_its_depth_is_told(
    watcher: Watcher, person: Likeness, tmp_path: Path
) -> None:
    found = watcher.judge(filmed(tmp_path / "head", head(person)))
    verdicts = {cue.name: cue.verdict for cue in found.cues}
    assert found.live is True
    assert verdicts == dict.fromkeys(DEPTH | ALWAYS, CueVerdict.FOR)


def test_bent_paper_that_is_turned_is_never_live(
    watcher: Watcher, person: Likeness, tmp_path: Path
) -> None:
    found = watcher.judge(filmed(tmp_path / "paper", bent_paper(person)))
    assert not found.live
    assert {cue.name: cue.verdict for cue in found.cues}[CueName.SURFACE] is not CueVerdict.FOR


def test_where_nobody_turned_no_depth_is_told(
    watcher: Watcher, person: Likeness, tmp_path: Path
) -> None:
    found = watcher.judge(filmed(tmp_path / "still", head(person), (0, 2, -3)))
    assert found.live is True
    assert {cue.name for cue in found.cues} == ALWAYS


def test_one_turned_picture_may_have_slipped_and_tells_no_depth(
    watcher: Watcher, person: Likeness, tmp_path: Path
) -> None:
    found = watcher.judge(filmed(tmp_path / "once", head(person), (0, 2, 34)))
    assert {cue.name for cue in found.cues} == ALWAYS


def cue(name: CueName, verdict: CueVerdict) -> Cue:
    return Cue(name, 0.3, 0.0, verdict)


@pytest.mark.parametrize(
    ("changed", "verdict", "odd"),
    [
        (CueName.SURFACE, CueVerdict.NEUTRAL, True),
        (CueName.SCREEN, CueVerdict.NEUTRAL, True),
        (CueName.SAME_FACE, CueVerdict.AGAINST, True),
        (CueName.SAME_FACE, CueVerdict.NEUTRAL, False),
        (CueName.DEPTH, CueVerdict.NEUTRAL, False),
    ],
)
def test_only_what_no_living_face_does_is_odd(
    changed: CueName, verdict: CueVerdict, *, odd: bool
) -> None:
    usual = dict.fromkeys(DEPTH | ALWAYS, CueVerdict.FOR)
    found = [cue(name, each) for name, each in (usual | {changed: verdict}).items()]
    assert clips.odd(found) is odd
    assert clips.deep(found) is (not odd and changed is not CueName.DEPTH)


def test_a_turn_too_small_to_tell_is_not_odd() -> None:
    found = [cue(name, CueVerdict.NEUTRAL) for name in DEPTH]
    assert not clips.odd(found)
    assert not clips.deep(found)


def test_the_cues_of_a_clip_are_printed_and_written_as_json(
    person: Likeness, tmp_path: Path
) -> None:
    folder = str(filmed(tmp_path / "clip", head(person)))
    (answer,) = CliRunner().invoke(liveness, ["--json", folder]).stdout.splitlines()
    told = json.loads(answer)["cues"]
    assert set(told) == DEPTH | ALWAYS
    assert told["parallax"]["verdict"] == "for"
    assert told["parallax"]["value"] > 0.25
    words = CliRunner().invoke(liveness, [folder]).stdout
    assert f"parallax   {told['parallax']['value']:6.3f}  for" in words
