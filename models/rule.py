"""The figures that the zone engine decides by; every set of them has a version of its own."""

from typing import NamedTuple


class Rule(NamedTuple):
    """When evidence is enough. The defaults were chosen on simulated days (docs/zones.md)."""

    version: str = "evidence-and-motion@3"
    decided: float = 5.5  # evidence that settles it where somebody is on the move
    lasting: float = 7.0  # evidence that settles it for an exclusion zone without that
    cleared: float = 3.0  # evidence under which a return is believed
    approached: float = 2.0  # of an exclusion zone: one credible fix inside
    far_m: float = 1000.0  # one real fix in many thousands was farther off
    sure: float = 1.5  # standard deviations of the smoothed position beyond the border:
    sure_moving_s: int = 0  # for so long where somebody is on the move,
    sure_s: int = 330  # and for so long where nobody is
    steady: int = 3  # fixes in a row on the right side that settle a return
    stale_s: int = 30 * 60  # without evidence: from then on nobody knows


RULE = Rule()
