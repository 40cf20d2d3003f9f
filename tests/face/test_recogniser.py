from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from correction_service.face.actions import Action
from correction_service.face.images import Pixels, decode
from correction_service.face.liveness import Frame, Liveness, unprompted
from correction_service.face.recogniser import Recogniser
from correction_service.face.template import Template
from correction_service.face.thresholds import thresholds
from correction_service.face.verdict import EnrolmentOutcome, Outcome
from correction_service.face.words import Reason
from tests.faces import FRAME_SIZE, FacePhotos, frames, jpeg, variant

BLACK = jpeg(np.zeros((640, 480, 3), np.uint8))


@pytest.fixture(scope="module")
def own(face_photos: FacePhotos) -> list[bytes]:
    return list(frames(face_photos.person[2], 5))


@pytest.fixture(scope="module")
def other(face_photos: FacePhotos) -> list[bytes]:
    return list(frames(face_photos.stranger, 5))


def changed(photo: bytes, *, blur_px: float = 0, light: float = 1, turn_deg: float = 0) -> bytes:
    image = decode(photo)
    if blur_px:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur_px), np.uint8)
    turn = cv2.getRotationMatrix2D((240, 320), turn_deg, 1)
    image = np.asarray(cv2.warpAffine(image, turn, FRAME_SIZE, borderMode=cv2.BORDER_REFLECT))
    return jpeg(np.asarray(cv2.convertScaleAbs(image, alpha=light), np.uint8))


def held_up(photo: bytes) -> bytes:
    """A print of the photo, with a white margin, before a wall."""
    scene = np.full((640, 480, 3), (70, 90, 80), np.uint8)
    printed = cv2.resize(decode(photo), (298, 396), interpolation=cv2.INTER_AREA)
    printed = cv2.GaussianBlur(printed, (0, 0), 0.8)
    scene[110:530, 80:402] = 245
    scene[122:518, 92:390] = cv2.convertScaleAbs(printed, alpha=0.9, beta=20)
    return jpeg(scene)


def beside(left: Pixels, right: Pixels) -> bytes:
    return jpeg(np.hstack([left, right]))


def test_two_photos_of_one_person_match(recogniser: Recogniser, face_photos: FacePhotos) -> None:
    for one, two in pairwise(face_photos.person):
        verdict = recogniser.compare(one.read_bytes(), two.read_bytes())
        assert verdict.outcome is Outcome.MATCH
        assert verdict.faces == (1, 1)
        assert verdict.threshold == thresholds().pair.match
        assert verdict.score is not None
        assert verdict.score > 0.7


def test_photos_of_two_people_do_not_match(recogniser: Recogniser, face_photos: FacePhotos) -> None:
    verdict = recogniser.compare(
        face_photos.person[0].read_bytes(), face_photos.stranger.read_bytes()
    )
    assert (verdict.outcome, verdict.reasons) == (Outcome.NO_MATCH, (Reason.DIFFERENT_PERSON,))


def test_a_photo_of_a_group_is_not_compared(
    recogniser: Recogniser, face_photos: FacePhotos
) -> None:
    verdict = recogniser.compare(face_photos.group.read_bytes(), face_photos.stranger.read_bytes())
    assert verdict.outcome is Outcome.MANY_FACES
    assert verdict.faces == (6, 1)


def test_a_text_file_is_no_photo_to_compare(
    recogniser: Recogniser, face_photos: FacePhotos
) -> None:
    verdict = recogniser.compare(face_photos.stranger.read_bytes(), b"text")
    assert (verdict.outcome, verdict.reasons) == (Outcome.POOR_IMAGE, (Reason.NOT_AN_IMAGE,))
    assert (verdict.score, verdict.threshold) == (None, None)


def test_a_burst_of_the_enrolled_person_matches(
    recogniser: Recogniser, template: Template, own: list[bytes]
) -> None:
    verdict = recogniser.judge(template, unprompted(own))
    assert (verdict.outcome, verdict.reasons) == (Outcome.MATCH, ())
    assert verdict.faces == (1,) * 5
    assert verdict.best_frame in range(5)
    assert verdict.model_version == recogniser.model_version
    assert verdict.liveness is Liveness.NOT_JUDGED


def test_a_photo_held_up_where_nothing_is_asked_is_told_to_an_officer(
    recogniser: Recogniser, template: Template, own: list[bytes]
) -> None:
    verdict = recogniser.judge(template, unprompted(map(held_up, own)))
    assert (verdict.outcome, verdict.liveness) == (Outcome.MATCH, Liveness.CANNOT_TELL)
    assert verdict.reasons == (Reason.LIVENESS_UNCLEAR,)


def test_pictures_sent_again_where_nothing_is_asked_are_told_to_an_officer(
    recogniser: Recogniser, template: Template, own: list[bytes]
) -> None:
    earlier = recogniser.judge(template, unprompted(own)).fingerprints
    verdict = recogniser.judge(template, unprompted(own), (), earlier)
    assert verdict.outcome is Outcome.MATCH
    assert verdict.liveness is Liveness.NOT_LIVE


def test_a_burst_of_someone_else_does_not_match(
    recogniser: Recogniser, template: Template, other: list[bytes]
) -> None:
    verdict = recogniser.judge(template, unprompted(other))
    assert (verdict.outcome, verdict.reasons) == (Outcome.NO_MATCH, (Reason.DIFFERENT_PERSON,))
    assert "工作人员" in verdict.words.zh
    assert "an officer will look" in verdict.words.en


def test_a_face_exchanged_within_the_burst_is_seen(
    recogniser: Recogniser, template: Template, own: list[bytes], other: list[bytes]
) -> None:
    for burst in (own[:2] + other[:1], own[:1] + other[:2], [own[0], changed(other[0], blur_px=4)]):
        verdict = recogniser.judge(template, unprompted(burst))
        assert verdict.outcome in {Outcome.UNCERTAIN, Outcome.NO_MATCH}
        assert verdict.reasons[0] is Reason.FACE_CHANGED


def test_a_score_in_between_is_uncertain(
    recogniser: Recogniser, template: Template, own: list[bytes]
) -> None:
    away = recogniser.look(own[0], thresholds().capture).portrait
    assert away is not None
    far = recogniser.embed(away)
    # Moving only dlib's centroid away makes a template whose face is half like this one.
    aside = replace(template, dlib=template.dlib + 0.75 * (template.dlib - far.dlib + 0.1))
    verdict = recogniser.judge(aside, unprompted(own))
    assert verdict.score is not None
    assert thresholds().template.uncertain <= verdict.score < thresholds().template.match
    assert (verdict.outcome, verdict.reasons) == (Outcome.UNCERTAIN, (Reason.CLOSE_TO_THRESHOLD,))


def test_black_frames_have_no_face(recogniser: Recogniser, template: Template) -> None:
    verdict = recogniser.judge(template, unprompted([BLACK] * 3))
    assert (verdict.outcome, verdict.reasons) == (Outcome.NO_FACE, (Reason.NO_FACE,))
    assert verdict.best_frame is None


def test_a_few_bad_frames_do_not_spoil_a_burst(
    recogniser: Recogniser, template: Template, own: list[bytes]
) -> None:
    burst = [BLACK, b"", changed(own[0], blur_px=5), own[1], own[1][:3000]]
    verdict = recogniser.judge(template, unprompted(burst))
    assert (verdict.outcome, verdict.best_frame) == (Outcome.MATCH, 3)


def test_a_moved_head_is_compared_only_where_none_looks_straight(
    recogniser: Recogniser, template: Template, own: list[bytes]
) -> None:
    soft, asked = changed(own[0], blur_px=1.2), (Action.TURN_LEFT,)
    moved = [Frame(picture, action=0) for picture in own[1:3]]
    verdict = recogniser.judge(template, [*moved, Frame(soft)], asked)
    assert (verdict.outcome, verdict.best_frame) == (Outcome.MATCH, 2)
    verdict = recogniser.judge(template, [*moved, Frame(BLACK)], asked)
    assert verdict.outcome is Outcome.MATCH
    assert verdict.best_frame in range(2)


def test_a_burst_without_frames_is_a_poor_image(recogniser: Recogniser, template: Template) -> None:
    verdict = recogniser.judge(template, unprompted([]))
    assert (verdict.outcome, verdict.reasons) == (Outcome.POOR_IMAGE, (Reason.NO_FRAMES,))


def test_two_people_before_the_camera_are_many_faces(
    recogniser: Recogniser, template: Template, own: list[bytes], other: list[bytes]
) -> None:
    burst = [beside(decode(mine), decode(theirs)) for mine, theirs in zip(own, other, strict=True)]
    verdict = recogniser.judge(template, unprompted(burst[:2]))
    assert (verdict.outcome, verdict.reasons) == (Outcome.MANY_FACES, (Reason.MANY_FACES,))
    assert verdict.faces == (2, 2)


def test_a_passer_by_in_the_background_is_not_a_second_face(
    recogniser: Recogniser, template: Template, own: list[bytes], other: list[bytes]
) -> None:
    scene = np.zeros((640, 720, 3), np.uint8)
    scene[:, :480] = decode(own[0])
    scene[:240, 530:710] = cv2.resize(decode(other[0]), (180, 240))
    verdict = recogniser.judge(template, unprompted([jpeg(scene)]))
    assert (verdict.outcome, verdict.faces) == (Outcome.MATCH, (1,))


def test_a_template_of_other_weights_is_our_fault_and_not_the_persons(
    recogniser: Recogniser, template: Template, own: list[bytes]
) -> None:
    verdict = recogniser.judge(replace(template, model_version="earlier/1"), unprompted(own))
    assert (verdict.outcome, verdict.reasons) == (Outcome.FAULT, (Reason.TEMPLATE_OUTDATED,))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"blur_px": 6}, Reason.BLURRED),
        ({"light": 0.12}, Reason.TOO_DARK),
        ({"light": 4.0}, Reason.TOO_BRIGHT),
        ({"turn_deg": 35}, Reason.HEAD_TILTED),
    ],
)
def test_a_poor_photo_is_refused_with_the_advice_that_helps(
    recogniser: Recogniser, own: list[bytes], fault: dict[str, float], reason: Reason
) -> None:
    assert recogniser.assess(own[0]).accepted
    assessment = recogniser.assess(changed(own[0], **fault))
    assert reason in assessment.reasons
    assert reason.words.zh in assessment.words.zh


def test_a_tiny_face_is_refused_as_too_small(recogniser: Recogniser, own: list[bytes]) -> None:
    scene = np.full((800, 800, 3), 128, np.uint8)
    scene[300:440, 300:405] = cv2.resize(decode(own[0]), (105, 140))
    assert recogniser.assess(jpeg(scene)).reasons == (Reason.FACE_TOO_SMALL,)


def test_a_face_half_out_of_the_picture_is_refused(
    recogniser: Recogniser, own: list[bytes]
) -> None:
    assert Reason.FACE_CUT_OFF in recogniser.assess(jpeg(decode(own[0])[:, 225:])).reasons


def test_three_photos_of_one_person_make_a_template(
    recogniser: Recogniser, face_photos: FacePhotos, own: list[bytes]
) -> None:
    first, second, _ = face_photos.person
    photos = [first.read_bytes(), second.read_bytes(), variant(first, flip=True, angle_deg=5)]
    verdict = recogniser.enrol(photos)
    assert verdict.outcome is EnrolmentOutcome.ENROLLED
    assert all(photo.accepted for photo in verdict.photos)
    assert verdict.template is not None
    assert recogniser.judge(verdict.template, unprompted(own)).outcome is Outcome.MATCH


def test_a_stranger_among_the_photos_is_pointed_out(
    recogniser: Recogniser, face_photos: FacePhotos
) -> None:
    photos = [face_photos.stranger.read_bytes(), *(p.read_bytes() for p in face_photos.person)]
    verdict = recogniser.enrol(photos)
    assert [photo.reasons for photo in verdict.photos] == [(Reason.DIFFERENT_PERSON,), (), (), ()]
    assert verdict.outcome is EnrolmentOutcome.ENROLLED
    assert recogniser.enrol(photos[:3]).reasons == (Reason.TOO_FEW_PHOTOS,)


def test_one_file_given_three_times_is_one_photo(
    recogniser: Recogniser, face_photos: FacePhotos
) -> None:
    verdict = recogniser.enrol([face_photos.person[0].read_bytes()] * 3)
    assert [photo.reasons for photo in verdict.photos] == [
        (),
        (Reason.SAME_PHOTO,),
        (Reason.SAME_PHOTO,),
    ]
    assert (verdict.outcome, verdict.template) == (EnrolmentOutcome.REFUSED, None)


def test_each_unusable_photo_says_why(recogniser: Recogniser, face_photos: FacePhotos) -> None:
    photos = [b"text", BLACK, face_photos.group.read_bytes(), face_photos.person[0].read_bytes()]
    verdict = recogniser.enrol(photos)
    assert [photo.reasons for photo in verdict.photos] == [
        (Reason.NOT_AN_IMAGE,),
        (Reason.NO_FACE,),
        (Reason.MANY_FACES,),
        (),
    ]
    assert verdict.reasons == (Reason.TOO_FEW_PHOTOS,)
    assert "三张" in verdict.words.zh
