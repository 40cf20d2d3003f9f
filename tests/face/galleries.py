"""Galleries made of noise, with error rates that hang on how much of it there is."""

from collections import Counter

import numpy as np

from correction_service.face.gallery import Gallery
from correction_service.face.template import unit


def noisy(people: int, photos: int, *, noise: float = 2.5, failures: int = 0) -> Gallery:
    """Make people of some photos: noise around a point of their own."""
    dice = np.random.default_rng(7)
    centres = dice.normal(size=(people, 1, 2, 128))
    vectors = centres + noise * dice.normal(size=(people, photos, 2, 128))
    vectors = vectors.reshape(-1, 2, 128)
    sface = np.array([unit(vector) for vector in vectors[:, 0]])
    identity = np.repeat(np.arange(people), photos)
    names = tuple(f"p{i}" for i in range(people))
    return Gallery(
        sface, vectors[:, 1] / 20, identity, names, Counter(no_face=failures), ms_per_image=50.0
    )
