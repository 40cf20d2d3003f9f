"""How cues add up: what is missing is never held against anybody."""

from dataclasses import replace

import numpy as np
import pytest

from correction_service.face import evidence
from correction_service.face.actions import Action
from correction_service.face.evidence import Measures
from correction_service.face.gates import gates
from correction_service.face.gestures import Posture, at_rest, seen, steady
from correction_service.face.liveness import CueName, CueVerdict, Liveness
from correction_service.face.words import Reason

ALIVE: Measures = {
    CueName.ACTIONS: 1.0,
    CueName.PARALLAX: 0.4,
    CueName.DEPTH: 0.09,
    CueName.SURFACE: 0.5,
    CueName.RELIEF: 0.3,
    CueName.PASSIVE: 0.9,
    CueName.SCREEN: 0.6,
    CueName.SAME_FACE: 0.6,
    CueName.ALONE: 1.0,
    CueName.TIMING: 1.0,
    CueName.MOTION: 1.0,
    CueName.UNSEEN: 1.0,
    CueName.PROMPT: 1.0,
}


def judged(measures: Measures) -> tuple[Liveness, tuple[Reason, ...]]:
    cues = evidence.weigh(measures, gates())
    liveness = evidence.judge(cues, gates())
    return liveness, evidence.reasons(cues, liveness, gates())


def posture(**changed: float) -> Posture:
    usual = {"turn": 0.0, "pitch": 0.57, "squat": 0.9, "down": 250.0, "size": 200.0}
    eyes = changed.pop("eyes", 0.25)
    points = [(200, 250), (290, 250), (245, 300), (210, 350), (280, 350)]
    return Posture(**{**usual, **changed}, points=np.array(points, float), eyes=eyes)


def test_every_cue_has_its_figures_and_every_figure_its_source() -> None:
    assert set(gates().scales) == set(CueName)
    assert all(scale.source for scale in gates().scales.values())


def test_a_person_who_did_what_was_asked_is_live() -> None:
    assert judged(ALIVE) == (Liveness.LIVE, ())


@pytest.mark.parametrize("missing", [name for name in CueName if gates().scales[name].needed])
def test_what_could_not_be_measured_ends_in_cannot_tell_with_advice(missing: CueName) -> None:
    liveness, reasons = judged({**ALIVE, missing: None})
    assert liveness is Liveness.CANNOT_TELL
    assert reasons


def test_a_slow_link_is_shown_and_never_held_against_anybody() -> None:
    late = {**ALIVE, CueName.PROMPT: 0.0}
    assert judged(late) == judged(ALIVE)
    (cue,) = (it for it in evidence.weigh(late, gates()) if it.name is CueName.PROMPT)
    assert (cue.verdict, cue.contribution) == (CueVerdict.NEUTRAL, 0.0)


def test_nothing_measured_at_all_is_no_attack() -> None:
    assert judged({})[0] is Liveness.CANNOT_TELL


@pytest.mark.parametrize(
    ("lacking", "advice"),
    [
        ({CueName.ACTIONS: 0.67}, Reason.ACTION_NOT_SEEN),
        ({CueName.PARALLAX: 0.1, CueName.SURFACE: 0.1}, Reason.TURN_FURTHER),
        ({CueName.ALONE: 0.5}, Reason.MANY_FACES),
        ({CueName.PASSIVE: 0.05}, Reason.LIVENESS_UNCLEAR),
        ({CueName.SCREEN: 0.2}, Reason.LIVENESS_UNCLEAR),
    ],
)
def test_who_did_not_convince_is_told_what_helps(lacking: Measures, advice: Reason) -> None:
    assert judged({**ALIVE, **lacking}) == (Liveness.CANNOT_TELL, (advice,))


@pytest.mark.parametrize(
    "attack",
    [
        {
            CueName.RELIEF: -0.2,
            CueName.PARALLAX: 0.05,
            CueName.DEPTH: 0.02,
            CueName.SURFACE: 0.03,
            CueName.ACTIONS: 0.3,
        },
        {CueName.UNSEEN: 0.0},
        {
            CueName.MOTION: 0.0,
            CueName.ACTIONS: 0.0,
            CueName.PARALLAX: 0.0,
            CueName.DEPTH: 0.0,
            CueName.RELIEF: 0.0,
        },
        {
            CueName.SAME_FACE: 0.1,
            CueName.PASSIVE: 0.05,
            CueName.ACTIONS: 0.0,
            CueName.PARALLAX: 0.1,
            CueName.RELIEF: 0.0,
            CueName.DEPTH: 0.0,
        },
    ],
)
def test_evidence_of_an_attack_is_not_live(attack: Measures) -> None:
    liveness, reasons = judged({**ALIVE, **attack})
    assert liveness is Liveness.NOT_LIVE
    assert reasons == (Reason.PICTURE_OF_A_PICTURE,)


def test_one_cue_against_is_enough_to_be_looked_at() -> None:
    for name, scale in gates().scales.items():
        cues = evidence.weigh({**ALIVE, name: scale.bad - 0.01}, gates())
        assert evidence.judge(cues, gates()) is not Liveness.LIVE
        (cue,) = (each for each in cues if each.name is name)
        assert cue.verdict is CueVerdict.AGAINST


@pytest.mark.parametrize(
    ("action", "done"),
    [
        (Action.TURN_LEFT, {"turn": 0.4}),
        (Action.TURN_RIGHT, {"turn": -0.4}),
        (Action.NOD, {"pitch": 0.64, "down": 275.0}),
        (Action.COME_CLOSER, {"size": 260.0}),
        (Action.CLOSE_EYES, {"eyes": 0.1}),
    ],
)
def test_an_action_is_seen_in_its_own_step_and_is_no_other(
    action: Action, done: dict[str, float]
) -> None:
    rest = at_rest([posture(), posture(turn=0.03)])
    step = [posture(), posture(**done), posture(**done)]
    for asked in Action:
        assert seen(asked, rest, step, gates().gestures) is (asked is action)


def test_one_frame_alone_shows_nothing() -> None:
    turned = posture(turn=0.4)
    assert not seen(Action.TURN_LEFT, posture(), [turned], gates().gestures)
    assert seen(Action.TURN_LEFT, posture(), [turned] * 2, gates().gestures)
    assert not steady(posture(), [posture()], gates().gestures)


def test_a_head_swung_both_ways_turned_neither() -> None:
    step = [posture(turn=0.4), posture(turn=-0.4), posture(turn=0.4)]
    assert not seen(Action.TURN_LEFT, posture(), step, gates().gestures)
    assert not seen(Action.TURN_RIGHT, posture(), step, gates().gestures)


def test_a_blink_is_not_taken_for_eyes_closed_on_request() -> None:
    rest, step = at_rest([posture()]), [posture(), posture(eyes=0.02), posture()]
    assert not seen(Action.CLOSE_EYES, rest, step, gates().gestures)


def test_who_blinks_while_looking_straight_has_no_smaller_eyes() -> None:
    rest = at_rest([posture(eyes=0.05), posture()])
    assert seen(Action.CLOSE_EYES, rest, [posture(eyes=0.1)] * 2, gates().gestures)


@pytest.mark.parametrize("unknown", ["rest", "step"])
def test_eyes_that_no_mesh_was_found_of_are_not_called_shut(unknown: str) -> None:
    blind, shut = replace(posture(), eyes=None), posture(eyes=0.02)
    rest, step = (blind, shut) if unknown == "rest" else (posture(), blind)
    assert not seen(Action.CLOSE_EYES, rest, [step] * 3, gates().gestures)
