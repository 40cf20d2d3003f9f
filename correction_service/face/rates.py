"""Error rates of a comparison and how sure they are.

Figures follow ISO/IEC 19795-1: FMR the share of impostor comparisons accepted, FNMR the share of
genuine ones refused, EER where both are equal. Comparisons of one person's photos hang together,
so intervals come from drawing *people* anew (Bolle, Ratha, Pankanti 2004: the subset bootstrap)
and never from drawing pairs.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.intp]
GRID = 4001  # thresholds between the lowest and the highest score: steps of about 0.0005
REPLICATES = 200
TAIL = 0.05  # share of the impostor scores whose tail is fitted
FEWEST_IN_TAIL = 100
EPSILON = 1e-6
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of comparisons and the identities of both sides, (n,) and (n, 2)."""

    values: Floats
    between: Ints

    @classmethod
    def of(cls, parts: Sequence["Scores"]) -> "Scores":
        """Join several."""
        return cls(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.between for part in parts]),
        )

    @property
    def genuine(self) -> "Scores":
        """Those of one person with themselves."""
        return self._where(self.between[:, 0] == self.between[:, 1])

    @property
    def impostor(self) -> "Scores":
        """Those of two people."""
        return self._where(self.between[:, 0] != self.between[:, 1])

    def _where(self, chosen: NDArray[np.bool_]) -> "Scores":
        return Scores(self.values[chosen], self.between[chosen])


@dataclass(frozen=True, slots=True)
class Curve:
    """Both error rates at each of some rising thresholds."""

    at: Floats
    fmr: Floats
    fnmr: Floats

    def eer(self) -> float:
        """Return the rate at which both are equal, half-way where they cross in a step."""
        crossing = np.argmin(np.abs(self.fmr - self.fnmr))
        return float((self.fmr[crossing] + self.fnmr[crossing]) / 2)

    def threshold(self, fmr: float) -> float:
        """Return the lowest threshold whose FMR is at most this."""
        return float(self.at[np.argmax(self.fmr <= fmr)])

    def fnmr_at(self, fmr: float) -> float:
        """Return the FNMR at that threshold."""
        return float(self.fnmr[np.argmax(self.fmr <= fmr)])

    def rates(self, threshold: float) -> tuple[float, float]:
        """Return FMR and FNMR at a threshold."""
        place = min(int(np.searchsorted(self.at, threshold)), len(self.at) - 1)
        return float(self.fmr[place]), float(self.fnmr[place])


def curve(genuine: Floats, impostor: Floats) -> Curve:
    """Return the rates at every score there is: exact, for one look at some scores."""
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    at = np.unique(np.concatenate([impostor, genuine, [np.inf]]))
    fmr = 1 - np.searchsorted(impostor, at) / len(impostor)
    return Curve(at, fmr, np.searchsorted(genuine, at) / len(genuine))


class Resampled:
    """Scores whose people can be drawn anew, many times, at little cost."""

    def __init__(self, scores: Scores) -> None:
        self.genuine, self.impostor = _sorted(scores.genuine), _sorted(scores.impostor)
        both = np.concatenate([self.genuine.values, self.impostor.values])
        self.at = np.linspace(both.min(), both.max() + EPSILON, GRID)
        self._places = [np.searchsorted(it.values, self.at) for it in (self.genuine, self.impostor)]
        self._people = np.unique(scores.between)

    def curves(self, replicates: int = REPLICATES, seed: int = 0) -> list[Curve]:
        """Return a curve for each draw of as many people, with replacement."""
        dice = np.random.default_rng(seed)
        drawn = (dice.choice(self._people, len(self._people)) for _ in range(replicates))
        most = int(self._people.max()) + 1
        found = (self._curve(np.bincount(people, minlength=most)) for people in drawn)
        return [it for it in found if it is not None]

    def _curve(self, times: Ints) -> Curve | None:
        """Return the rates when a person counts so many times; none if nothing is compared."""
        genuine = times[self.genuine.between[:, 0]]
        impostor = times[self.impostor.between].prod(axis=1)
        if not genuine.any() or not impostor.any():
            return None
        below = [
            np.concatenate([[0], np.cumsum(weight)])[places] / weight.sum()
            for weight, places in zip((genuine, impostor), self._places, strict=True)
        ]
        return Curve(self.at, 1 - below[1], below[0])


def interval(
    curves: Sequence[Curve], figure: Callable[[Curve], float], share: float = 0.95
) -> list[float]:
    """Return the central interval of a figure over draws."""
    ends = [50 * (1 - share), 100 - 50 * (1 - share)]
    return [float(end) for end in np.percentile([figure(it) for it in curves], ends)]


@dataclass(frozen=True, slots=True)
class Counted:
    """A rate as it was counted: of how many trials, with a 95 % interval."""

    errors: int
    trials: int
    interval: tuple[float, float]


def counted(scores: Scores, match: float, rounds: int = 1) -> tuple[Counted, Counted] | None:
    """Return FMR and FNMR at a threshold, with intervals over people; none of one side alone.

    ``scores`` may be of several rounds with the same people: counts are those of one.
    """
    genuine, impostor = scores.genuine.values, scores.impostor.values
    if not len(genuine) or not len(impostor):
        return None
    draws = Resampled(scores).curves()
    false = ((impostor >= match), (genuine < match))
    found = []
    for side, wrong in enumerate(false):
        low, high = interval(draws, lambda it, side=side: it.rates(match)[side])  # type: ignore[misc]
        found.append(Counted(round(wrong.sum() / rounds), len(wrong) // rounds, (low, high)))
    return found[0], found[1]


def wilson(errors: int, trials: int) -> Counted:
    """Return a rate of independent trials with Wilson's (1927) 95 % interval."""
    share, z2 = errors / trials, Z95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    ends = max(0.0, centre - Z95 * spread), min(1.0, centre + Z95 * spread)
    return Counted(errors, trials, ends)


def extrapolated(impostor: Floats, fmr: float) -> float:
    """Return the threshold of an FMR rarer than can be counted, from the shape of the tail.

    A generalised Pareto distribution is fitted to what exceeds the TAIL's quantile, by probability
    weighted moments (Hosking and Wallis 1987). Its shape is held at or below 0: similarity is
    bounded, and a heavy tail here is the noise of few scores.
    """
    count = max(FEWEST_IN_TAIL, round(TAIL * len(impostor)))
    highest = np.sort(impostor)[-count - 1 :]
    start, over = highest[0], highest[1:] - highest[0]
    rank = (np.arange(1, count + 1) - 0.35) / count
    first, second = over.mean(), (over * (1 - rank)).mean()
    shape = min(0.0, 2 - first / (first - 2 * second))
    scale = first * (1 - shape)
    ratio = count / len(impostor) / fmr
    if abs(shape) <= EPSILON:
        return float(start + scale * np.log(ratio))
    return float(start + scale / shape * (ratio**shape - 1))


def _sorted(scores: Scores) -> Scores:
    order = np.argsort(scores.values, kind="stable")
    return Scores(scores.values[order], scores.between[order])
