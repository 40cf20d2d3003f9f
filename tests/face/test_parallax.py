"""Points of planes and of heads, seen by cameras of different lengths."""

import numpy as np
import pytest

from correction_service.face.images import decode
from correction_service.face.parallax import Points, residual, second, surface, upright
from tests.face.attacks import heads, scenes
from tests.face.attacks.cameras import Camera
from tests.face.attacks.heads import Anatomy
from tests.face.attacks.plans import Moment
from tests.face.attacks.scenes import Place, Scene
from tests.faces import FacePhotos

FLAT = np.array([(-0.5, 0, 0), (0.5, 0, 0), (0, 0.6, 0), (-0.4, 1.1, 0), (0.4, 1.1, 0)])
HEAD = FLAT + np.array([(0, 0, 0), (0, 0, 0), (0, 0, 0.45), (0, 0, 0.05), (0, 0, 0.05)])


def seen(points: Points, yaw_deg: float, distance: float = 7, focal_px: float = 600) -> Points:
    yaw = np.radians(yaw_deg)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    x, y, z = (points @ turn.T).T
    return np.column_stack(
        [240 + focal_px * x / (distance - z), 300 + focal_px * y / (distance - z)]
    )


@pytest.mark.parametrize("distance", [4, 7, 12])
@pytest.mark.parametrize("yaw_deg", [-50, -20, 0, 35])
def test_a_plane_is_explained_however_it_is_turned(distance: float, yaw_deg: float) -> None:
    assert residual(seen(FLAT, 0, distance), seen(FLAT, yaw_deg, distance)) < 1e-3


@pytest.mark.parametrize("distance", [4, 7, 12])
@pytest.mark.parametrize("yaw_deg", [-35, 25, 40])
def test_a_turned_head_is_not(distance: float, yaw_deg: float) -> None:
    assert residual(seen(HEAD, 0, distance), seen(HEAD, yaw_deg, distance)) > 0.06


def test_points_in_one_place_are_no_face() -> None:
    assert residual(np.ones((5, 2)), np.ones((5, 2))) == 0.0


def test_upright_points_do_not_depend_on_size_place_or_tilt() -> None:
    points = seen(HEAD, 0)
    tilt = np.array([[0.8, -0.6], [0.6, 0.8]])
    assert np.allclose(upright(points), upright(3 * points @ tilt.T + (50, -20)))


def test_one_frame_alone_proves_nothing() -> None:
    assert second([0.1, 0.9, 0.3]) == 0.3
    assert second([0.9]) is None


def nose(scene: Scene, yaw_deg: float) -> float:
    camera, dice = Camera(), np.random.default_rng(7)
    pictures = [
        decode(camera.take(scene(Moment(0, 0, yaw_deg=yaw), camera), dice)) for yaw in (0, yaw_deg)
    ]
    points = [heads.detector().find(each)[0].points.astype(np.float64) for each in pictures]
    return surface(pictures[0], points[0], pictures[1], points[1])


@pytest.mark.parametrize("yaw_deg", [-33, 33])
def test_the_nose_of_paper_lies_where_it_lay_and_that_of_a_head_elsewhere(
    face_photos: FacePhotos, yaw_deg: float
) -> None:
    person = heads.likeness(decode(face_photos.stranger.read_bytes()))
    place = Place(person.around)
    for bend in (0, 0.25, 0.5):
        assert nose(scenes.paper(person.head, place, bend=bend), yaw_deg) < 0.17
    assert nose(scenes.living(person, Anatomy(), place), yaw_deg) > 0.17
