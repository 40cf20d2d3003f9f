"""Rules of the zone engine: their bounds, and which one judges a fix."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from correction_service.zones.zone_replays import drawn, zoning
from models import containment
from models.area import circle
from models.containment import Sights
from models.errors import Invalid
from models.rule import RULE, Rule
from models.rules import BOUNDS, Rules, checked, figures_of, ruled
from models.zone import ZoneKind, ZoneState

BEGIN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOME = circle(27.7, 106.9, 300)


def sights(metres: list[list[float]]) -> Sights:
    """A list of fixes a minute for each wearer, so many metres north of their home."""
    at = [int(BEGIN.timestamp()) + 60 * minute for line in metres for minute in range(len(line))]
    count = len(at)
    return Sights(
        np.repeat(np.arange(len(metres)), [len(line) for line in metres]),
        np.array(at),
        np.array([27.7 + north / 111_195 for line in metres for north in line]),
        np.full(count, 106.9),
        np.full(count, 10.0),
        np.zeros(count, dtype=np.int64),
    )


def test_every_figure_of_the_rule_has_bounds_and_the_engine_keeps_them() -> None:
    assert set(BOUNDS) == set(Rule._fields) - {"version"}
    assert checked(figures_of(RULE)) == RULE


@pytest.mark.parametrize(
    ("figures", "field"),
    [
        ({"decided": 1.9}, "decided"),
        ({"decided": float("nan")}, "decided"),
        ({"stale_s": 7201}, "stale_s"),
        ({"sure_s": 400.5}, "sure_s"),
        ({"cleared": 5.6}, "cleared"),
        ({"decided": 9.0, "lasting": 8.0}, "decided"),
        ({"sure_moving_s": 900}, "sure_moving_s"),
        ({"colour": 3.0}, "colour"),
    ],
)
def test_what_cannot_be_right_is_refused_by_name(figures: dict[str, float], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked(figures)
    assert refusal.value.field == field


def test_figures_that_are_not_given_are_the_engines_and_counts_stay_whole() -> None:
    rule = checked({"sure_s": 420.0})
    assert rule == RULE._replace(sure_s=420)
    assert isinstance(rule.sure_s, int)


def test_a_rule_counts_from_its_first_moment_until_the_next_begins() -> None:
    first, second, same_time = (ruled({}, name) for name in ("a", "b", "c"))
    rules = Rules([(BEGIN + MINUTE, second), (BEGIN, first), (BEGIN + MINUTE, same_time)])
    moments = (BEGIN - MINUTE, BEGIN, BEGIN + 0.5 * MINUTE, BEGIN + MINUTE)
    assert [rules.at(it).version for it in moments] == [RULE.version, "a", "a", "c"]


def test_a_batch_across_a_change_is_judged_as_two_and_names_the_same_fixes() -> None:
    walks = sights([[0.0] * 10 + [900.0] * 30, [0.0] * 40, [900.0] * 40])
    strict = checked({"decided": 12.0, "lasting": 12.0})._replace(version="strict")
    rules = Rules([(BEGIN + 20 * MINUTE, strict)])
    together, apart, plain = (zoning([drawn(ZoneKind.HOME)] * 3, lambda _: HOME) for _ in range(3))
    found = rules.observe(together, walks)
    early = walks.at < (BEGIN + 20 * MINUTE).timestamp()
    for rule, part in ((RULE, early), (strict, ~early)):
        containment.observe(apart, Sights(*(it[part] for it in walks)), rule)  # type: ignore[arg-type]
    assert together.memory.tobytes() == apart.memory.tobytes()
    left = [it for it in found if it.state is ZoneState.OUTSIDE]
    assert {int(walks.wearer[it.fix]) for it in left} == {0, 2}
    assert all(it.since <= walks.at[it.fix] for it in found)
    assert {it.evidence["rule"] for it in found if walks.at[it.fix] < early.sum()} <= {RULE.version}
    assert Rules().observe(plain, walks) == containment.observe(
        zoning([drawn(ZoneKind.HOME)] * 3, lambda _: HOME), walks
    )
