"""The figures of the zone engine in words: what each is, in what unit, and what more of it does."""

from typing import NamedTuple

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from models.rules import BOUNDS, Bounds


class Words(NamedTuple):
    """A figure's name, unit and one sentence."""

    label: LazyString
    unit: LazyString | str
    does: LazyString


FIGURES: dict[str, Words] = {
    "decided": Words(
        _l("Evidence of a departure"),
        "",
        _l("So much settles it where somebody is on the move. More: fewer false alarms, later."),
    ),
    "lasting": Words(
        _l("Evidence of who stays put"),
        "",
        _l("So much settles it for an exclusion zone where nobody is seen to move."),
    ),
    "cleared": Words(
        _l("Evidence left at a return"),
        "",
        _l("A return is believed below this. Less: it takes longer to count as back."),
    ),
    "approached": Words(
        _l("Evidence of an approach"),
        "",
        _l("From here on an approach to an exclusion zone is told. More: fewer, later."),
    ),
    "far_m": Words(
        _l("Farther than errors go"),
        _l("metres"),
        _l("Beyond the border by this much a position counts as a move, whatever it claims."),
    ),
    "sure": Words(
        _l("Certainty"),
        _l("standard errors"),
        _l("So far beyond the border the smoothed position must lie. More: fewer false, later."),
    ),
    "sure_moving_s": Words(
        _l("Certain for, on the move"),
        _l("seconds"),
        _l("For so long it must lie there where somebody is on the move."),
    ),
    "sure_s": Words(
        _l("Certain for, staying put"),
        _l("seconds"),
        _l("For so long it must lie there where nobody is seen to move."),
    ),
    "steady": Words(
        _l("Positions of a return"),
        _l("positions"),
        _l("So many in a row on the right side settle a return."),
    ),
    "stale_s": Words(
        _l("Unknown after"),
        _l("seconds"),
        _l("After so long without evidence nobody knows, and the state says so."),
    ),
}


class Field(NamedTuple):
    """A figure with its words and bounds, for a form."""

    name: str
    words: Words
    bounds: Bounds

    @property
    def step(self) -> str:
        """By how much a browser's field goes up and down."""
        return "1" if self.bounds.whole else "any"


FIELDS = tuple(Field(name, FIGURES[name], bounds) for name, bounds in BOUNDS.items())
