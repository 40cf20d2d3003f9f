"""Whole check-ins as they reach the server: of people, and of those who pretend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from correction_service.face import weights
from correction_service.face.actions import ASKED, TURNS, Action, possible
from correction_service.face.fingerprints import fingerprint
from correction_service.face.images import decode
from correction_service.face.liveness import Frame
from tests.face.attacks import lids, plans, scenes
from tests.face.attacks.cameras import Camera
from tests.face.attacks.heads import Anatomy, Likeness
from tests.face.attacks.plans import Habit, Moment
from tests.face.attacks.scenes import Place, Scene
from tests.faces import jpeg

Dice = np.random.Generator
POSSIBLE = possible(weights.listed())


@dataclass(frozen=True)
class Burst:
    """What is judged: frames, the actions asked, fingerprints of other check-ins."""

    frames: tuple[Frame, ...]
    actions: tuple[Action, ...]
    earlier: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Cast:
    """The person who is to check in, and somebody else who has a picture of them."""

    person: Likeness
    other: Likeness


def asked(dice: Dice, with_: Action | None = None) -> tuple[Action, ...]:
    """Draw actions by seed, as ``actions.draw`` does by chance; one of them ``with_``."""
    while True:
        drawn = [Action(dice.choice(POSSIBLE)) for _ in range(ASKED)]
        if drawn[0] == drawn[1] or drawn[1] == drawn[2] or (with_ and with_ not in drawn):
            continue
        if any(action in TURNS for action in drawn):
            return tuple(drawn)


def filmed(
    scene: Scene, moments: Sequence[Moment], camera: Camera, dice: Dice
) -> tuple[Frame, ...]:
    """Let a camera look at a scene."""
    return tuple(
        Frame(
            camera.take(scene(moment, camera), dice, moment.moved_px),
            moment.at_ms,
            moment.action,
            moment.arrived_ms,
        )
        for moment in moments
    )


def _moments(actions: Sequence[Action], dice: Dice) -> tuple[Moment, ...]:
    return plans.followed(actions, Habit.drawn(dice), dice)


def _place(person: Likeness, dice: Dice, camera: Camera) -> Place:
    """Seat somebody so that the face fills a third to a half of the picture's width."""
    return Place(person.around, camera.focal_px / dice.uniform(78, 108))


def genuine(cast: Cast, dice: Dice, *, poor: bool = False, with_: Action | None = None) -> Burst:
    """A person who does what is asked."""
    return _by(cast.person, dice, poor=poor, does=asked(dice, with_) if with_ else ())


def sitting(cast: Cast, dice: Dice, *, poor: bool = False) -> Burst:
    """A person who does everything that can be asked, one after another."""
    everything = tuple(Action(each) for each in dice.permutation(POSSIBLE))
    return _by(cast.person, dice, poor=poor, does=everything)


def sequences(whole: Burst) -> list[Burst]:
    """Return every three steps of a sitting, a turn among them, as if only these had been asked."""
    kept = (
        steps
        for steps in combinations(range(len(whole.actions)), ASKED)
        if any(whole.actions[step] in TURNS for step in steps)
    )
    return [
        Burst(
            tuple(
                replace(frame, action=None if frame.action is None else steps.index(frame.action))
                for frame in whole.frames
                if frame.action is None or frame.action in steps
            ),
            tuple(whole.actions[step] for step in steps),
        )
        for steps in kept
    ]


def stranger(cast: Cast, dice: Dice) -> Burst:
    """Somebody else, alive, who does what is asked."""
    return _by(cast.other, dice)


def _by(
    person: Likeness, dice: Dice, *, poor: bool = False, does: tuple[Action, ...] = ()
) -> Burst:
    camera, actions = Camera.drawn(dice, poor=poor), does or asked(dice)
    scene = scenes.living(person, Anatomy.drawn(dice), _place(person, dice, camera))
    return Burst(filmed(scene, _moments(actions, dice), camera, dice), actions)


def printed(cast: Cast, dice: Dice) -> Burst:
    """A flat print, turned and moved as a head would be, or further."""
    return _on_paper(cast, dice, bend=0.0)


def bent(cast: Cast, dice: Dice) -> Burst:
    """A print bent about its upright axis."""
    return _on_paper(cast, dice, bend=dice.uniform(0.15, 0.5))


def _on_paper(cast: Cast, dice: Dice, bend: float) -> Burst:
    camera, actions = Camera.drawn(dice), asked(dice)
    place = _place(cast.other, dice, camera)
    scene = scenes.paper(cast.person.head, place, bend=bend, swing=dice.uniform(0.8, 1.4))
    return Burst(filmed(scene, _moments(actions, dice), camera, dice), actions)


def cut_eyes(cast: Cast, dice: Dice) -> Burst:
    """A paper mask, bent round a living face that looks and blinks through it."""
    camera, actions = Camera.drawn(dice), asked(dice)
    place = _place(cast.other, dice, camera)
    wearer = scenes.living(cast.other, Anatomy.drawn(dice), place)
    scene = scenes.mask(cast.person, wearer, place, bend=dice.uniform(0.1, 0.5))
    return Burst(filmed(scene, _moments(actions, dice), camera, dice), actions)


def lids_drawn(cast: Cast, dice: Dice) -> Burst:
    """A print, bent, and when shut eyes are asked another with lids drawn over the eyes."""
    camera, actions = Camera.drawn(dice), asked(dice, Action.CLOSE_EYES)
    place = _place(cast.other, dice, camera)
    bend, swing = dice.uniform(0, 0.5), dice.uniform(0.8, 1.4)
    prints = [
        scenes.paper(picture, place, bend=bend, swing=swing)
        for picture in (cast.person.head, lids.shut(cast.person.head))
    ]
    return Burst(filmed(scenes.closing(*prints), _moments(actions, dice), camera, dice), actions)


def open_eyed(cast: Cast, dice: Dice) -> Burst:
    """A film of the person, fed in, in which all is done as asked but the eyes stay open."""
    camera, actions = Camera.drawn(dice), asked(dice, Action.CLOSE_EYES)
    there = scenes.living(cast.person, Anatomy.drawn(dice), _place(cast.person, dice, camera))
    moments = [replace(moment, shut=0.0) for moment in _moments(actions, dice)]
    return Burst(filmed(there, moments, camera, dice), actions)


def screen_still(cast: Cast, dice: Dice) -> Burst:
    """A photo on a screen."""
    actions = asked(dice)
    return _on_screen(cast, dice, actions, [Moment(0, 0)] * len(_moments(actions, dice)))


def screen_replay(cast: Cast, dice: Dice) -> Burst:
    """A film on a screen of the person doing other things than are asked now."""
    actions = asked(dice)
    return _on_screen(cast, dice, actions, _moments(_unlike(actions, dice), dice))


def screen_relay(cast: Cast, dice: Dice) -> Burst:
    """A screen on which the person does just what is asked: a call held up to the phone."""
    actions = asked(dice)
    return _on_screen(cast, dice, actions, _moments(actions, dice))


def _on_screen(
    cast: Cast, dice: Dice, actions: tuple[Action, ...], film: Sequence[Moment]
) -> Burst:
    camera, filming, playing = Camera.drawn(dice), Camera.drawn(dice), iter(film)
    there = scenes.living(cast.person, Anatomy.drawn(dice), _place(cast.person, dice, filming))
    place = _place(cast.other, dice, camera)
    scene = scenes.screen(lambda: there(next(playing), filming), place, dice)
    return Burst(filmed(scene, _moments(actions, dice), camera, dice), actions)


def replayed(cast: Cast, dice: Dice) -> Burst:
    """An earlier burst fed in again, compressed anew, as if its actions had been asked."""
    once = genuine(cast, dice)
    prints = tuple(fingerprint(decode(frame.data)) for frame in once.frames)
    again = tuple(
        replace(frame, data=jpeg(decode(frame.data), int(dice.integers(40, 80))))
        for frame in once.frames
    )
    others = tuple(dice.bytes(32) for _ in range(400))
    return Burst(again, once.actions, prints + others)


def out_of_order(cast: Cast, dice: Dice) -> Burst:
    """A person's own frames, stamped anew in another order."""
    once = genuine(cast, dice)
    order = dice.permutation(len(once.frames))
    return Burst(
        tuple(
            replace(frame, data=once.frames[other].data)
            for frame, other in zip(once.frames, order, strict=True)
        ),
        once.actions,
    )


def injected(cast: Cast, dice: Dice) -> Burst:
    """A film of the right face fed in past the camera: other actions, times like clockwork."""
    once, actions = genuine(cast, dice), asked(dice)
    while actions == once.actions:
        actions = asked(dice)
    stamped = [
        replace(frame, at_ms=800 + 400 * i, arrived_ms=1000 + 400 * i)
        for i, frame in enumerate(once.frames)
    ]
    return Burst(tuple(stamped), actions)


def relabelled(cast: Cast, dice: Dice) -> Burst:
    """One film with every movement in it; each picture is called what was asked and it shows."""
    film = _by(
        cast.person, dice, does=tuple(Action(each) for each in dice.permutation(list(Action)))
    )
    actions = _jumbled(film.actions, dice)
    shown = [None if f.action is None else film.actions[f.action] for f in film.frames]
    return Burst(
        tuple(
            replace(frame, action=None if action is None else actions.index(action))
            for frame, action in zip(film.frames, shown, strict=True)
            if action is None or action in actions
        ),
        actions,
    )


def spliced(cast: Cast, dice: Dice) -> Burst:
    """The same film cut into the steps asked, with times such as a phone would send."""
    film = relabelled(cast, dice)
    cut = sorted(film.frames, key=lambda frame: -1 if frame.action is None else frame.action)
    times = _moments(film.actions, dice)
    return Burst(
        tuple(
            replace(frame, at_ms=moment.at_ms, arrived_ms=moment.arrived_ms)
            for frame, moment in zip(cut, times, strict=True)
        ),
        film.actions,
    )


def _jumbled(film: Sequence[Action], dice: Dice) -> tuple[Action, ...]:
    """Draw three movements of a film in another order than it shows them."""
    while True:
        actions = asked(dice)
        places = [film.index(action) for action in actions]
        if len(set(places)) == len(places) and places != sorted(places):
            return actions


def frozen(cast: Cast, dice: Dice) -> Burst:
    """One good picture for all."""
    once = genuine(cast, dice)
    return Burst(tuple(replace(f, data=once.frames[0].data) for f in once.frames), once.actions)


def zoomed(cast: Cast, dice: Dice) -> Burst:
    """A still photo moved nearer and further, sideways and up, fed in past the camera."""
    camera, actions = Camera.drawn(dice), asked(dice)
    still = scenes.living(cast.person, Anatomy.drawn(dice), _place(cast.person, dice, camera))
    moments = [
        replace(m, yaw_deg=0.0, pitch_deg=0.0, shut=0.0, closer=float(dice.uniform(0.9, 1.5)))
        for m in _moments(actions, dice)
    ]
    return Burst(filmed(still, moments, camera, dice), actions)


def two_people(cast: Cast, dice: Dice) -> Burst:
    """The person and somebody else side by side."""
    camera, actions = Camera.drawn(dice), asked(dice)
    both = [
        scenes.living(who, Anatomy.drawn(dice), _place(who, dice, camera))
        for who in (cast.person, cast.other)
    ]
    return Burst(filmed(scenes.beside(*both), _moments(actions, dice), camera, dice), actions)


def swapped(cast: Cast, dice: Dice) -> Burst:
    """The person's picture while straight, somebody else for what is asked; or the reverse."""
    camera, actions = Camera.drawn(dice), asked(dice)
    place = _place(cast.other, dice, camera)
    own = scenes.living(cast.person, Anatomy.drawn(dice), place)
    other = scenes.living(cast.other, Anatomy.drawn(dice), place)
    moments = _moments(actions, dice)
    turn = moments[int(dice.integers(2, len(moments) - 1))].at_ms
    return Burst(filmed(scenes.turns([own, other], [turn]), moments, camera, dice), actions)


def _unlike(actions: Sequence[Action], dice: Dice) -> tuple[Action, ...]:
    while True:
        others = asked(dice)
        if all(one is not other for one, other in zip(actions, others, strict=True)):
            return others


ATTACKS: dict[str, Callable[[Cast, Dice], Burst]] = {
    attack.__name__: attack
    for attack in (
        printed,
        bent,
        cut_eyes,
        screen_still,
        screen_replay,
        screen_relay,
        replayed,
        out_of_order,
        injected,
        relabelled,
        frozen,
        zoomed,
        two_people,
        swapped,
        stranger,
        *((lids_drawn, open_eyed) if Action.CLOSE_EYES in POSSIBLE else ()),
    )
}

# A film cut to the very sequence is what a camera would have given.
STAGED: dict[str, Callable[[Cast, Dice], Burst]] = {spliced.__name__: spliced}
