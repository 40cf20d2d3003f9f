"""The weights of ``weights.toml``, read once, and others for a what-if."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from models.errors import Invalid
from models.risk_score import Family, Item, Weights

MOST_POINTS = 20.0
FIGURES = ("amber", "red")


@cache
def weights() -> Weights:
    """Read ``weights.toml``; an unknown or missing figure is a TypeError."""
    text = resources.files(__package__).joinpath("weights.toml").read_text(encoding="utf-8")
    return read(tomllib.loads(text))


def read(table: dict[str, Any]) -> Weights:
    """Make weights of a table as the file has it; every family has a cap."""
    items = {name: _item(name, values) for name, values in table.pop("items").items()}
    caps = {Family(name): float(cap) for name, cap in table.pop("caps").items()}
    if set(caps) != set(Family):
        raise ValueError("every family has its cap")
    return Weights(items=items, caps=caps, **table)


def _item(name: str, values: dict[str, Any]) -> Item:
    family, innocent = Family(values.pop("family")), tuple(values.pop("innocent"))
    return Item(name, family, innocent=innocent, **values)


def changed(of: Weights, figures: Mapping[str, float]) -> Weights:
    """Return weights with other points of some items, or other bounds of a band.

    `Invalid` names the figure that is not known or out of bounds.
    """
    for name, figure in figures.items():
        if name not in of.items and name not in FIGURES:
            raise Invalid("There is no such weight.", field=name)
        if not 0 <= figure <= MOST_POINTS:
            raise Invalid("A weight is from 0 to %(most)g points.", field=name, most=MOST_POINTS)
    items = {
        name: replace(item, points=figures.get(name, item.points))
        for name, item in of.items.items()
    }
    bounds = {name: figures[name] for name in FIGURES if name in figures}
    other = replace(of, version="what-if", items=items, **bounds)  # type: ignore[arg-type] # two floats
    if other.red < other.amber:
        raise Invalid("Red needs at least as many points as amber.", field="red")
    return other
