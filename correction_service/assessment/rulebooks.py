"""计分规则: which rulebook counts where and when; an agency dates its own, after trying it.

A rulebook of an agency counts for it and for those below it; the nearest one counts.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.agency import Agency
from models.errors import Forbidden, Invalid, Refused
from models.points import Rulebook
from models.user import Permission, User

MOST_POINTS = 100
SOURCE_LENGTH = 400


@dataclass(frozen=True)
class Figure:
    """One number of a rulebook that an agency may set, and the law or paper beside it."""

    name: str
    value: int
    least: int
    most: int
    rule: Mapping[str, Any]

    @property
    def may_be_set(self) -> bool:
        """Whether an agency sets it; what is the same for all of them is only shown."""
        return bool(self.rule.get("set", True))


class Rulebooks:
    """Every rulebook and the tree of agencies, read once: which one is in force where."""

    def __init__(self, session: Session) -> None:
        in_order = select(Rulebook).order_by(Rulebook.effective_from.desc(), Rulebook.id.desc())
        self._latest_first = session.scalars(in_order).all()
        self._above = dict(session.execute(select(Agency.id, Agency.parent_id)).all())
        self._found: dict[tuple[date, int | None], Rulebook] = {}

    def on(self, day: date, agency_id: int | None = None) -> Rulebook:
        """Return the one in force on a day for an agency, or `Refused` where there is none."""
        key = (day, agency_id)
        if key not in self._found:
            self._found[key] = self._search(day, agency_id)
        return self._found[key]

    def _search(self, day: date, agency_id: int | None) -> Rulebook:
        for whose in self._up_from(agency_id):
            for book in self._latest_first:
                if book.agency_id == whose and book.effective_from <= day:
                    return book
        raise Refused("No rulebook is in force on %(day)s.", day=day.isoformat())

    def _up_from(self, agency_id: int | None) -> Iterator[int | None]:
        while agency_id is not None:
            yield agency_id
            agency_id = self._above.get(agency_id)
        yield None


def figures(book: Rulebook) -> list[Figure]:
    """Return every number of a rulebook: items keep their sign, terms say who may set them."""
    rules = book.rules
    found = [
        Figure("base", rules["base"], 1, 1000, {}),
        Figure("floor", rules["floor"], 0, rules["base"], {}),
        Figure("cap", rules["cap"], rules["base"], 2000, {}),
    ]
    for item, rule in rules["items"].items():
        found.append(Figure(f"items.{item}", rule["points"], *_bounds(rule["points"]), rule))
        if "cap" in rule:
            found.append(Figure(f"caps.{item}", rule["cap"], *_bounds(rule["cap"]), rule))
    for name, term in terms().items():
        bounds = (term["least"], term["most"])
        found.append(Figure(f"terms.{name}", _at(rules, term["at"]), *bounds, term))
    return found


def terms() -> Mapping[str, Mapping[str, Any]]:
    """The figures beside the items: days to object and to answer, the means of levels, by name."""
    found: Mapping[str, Mapping[str, Any]] = _beside_items()["terms"]
    return found


def fixed() -> list[Mapping[str, Any]]:
    """What no rulebook of an agency changes, in words with their source and mark."""
    found: list[Mapping[str, Any]] = _beside_items()["fixed"]
    return found


@cache
def _beside_items() -> dict[str, Any]:
    text = resources.files("correction_service").joinpath("rulebooks/terms.toml").read_text()
    return tomllib.loads(text)


def _at(rules: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - a part of the rules
    for key in path:
        rules = rules[key]
    return rules


def _bounds(points: int) -> tuple[int, int]:
    return (-MOST_POINTS, 0) if points < 0 else (0, MOST_POINTS)


def changed(book: Rulebook, values: Mapping[str, int]) -> dict[str, Any]:
    """Return the rules of a rulebook with some numbers set anew.

    `Invalid` names a number that is unknown, out of bounds or of the other sign. What is protected
    stays protected: it is no number.
    """
    bounds = {figure.name: figure for figure in figures(book) if figure.may_be_set}
    rules = deepcopy(book.rules)
    for name, value in values.items():
        if name not in bounds:
            raise Invalid("The rulebook has no such item.", field=name)
        figure = bounds[name]
        if not figure.least <= value <= figure.most:
            raise Invalid(
                "Give a whole number from %(least)d to %(most)d.",
                field=name,
                least=figure.least,
                most=figure.most,
            )
        _put(rules, name, value)
    if not rules["floor"] <= rules["base"] <= rules["cap"]:
        raise Invalid("The base lies between the least and the most of a month.", field="base")
    strict, lenient = rules["suggestions"]["strict"], rules["suggestions"]["lenient"]
    if not strict["mean_below"] <= lenient["mean_at_least"]:
        raise Invalid("Strict lies below lenient.", field="terms.strict_mean")
    return rules


def _put(rules: dict[str, Any], name: str, value: int) -> None:
    kind, _, item = name.rpartition(".")
    if kind == "items":
        rules["items"][item]["points"] = value
    elif kind == "caps":
        rules["items"][item]["cap"] = value
    elif kind == "terms":
        *path, last = terms()[item]["at"]
        _at(rules, path)[last] = value
    else:
        rules[name] = value


def may_edit(user: User) -> bool:
    """Whether a user may date a rulebook: the head of an agency, for the agency's own cases."""
    return user.may(Permission.CHANGE_RULES) and user.office_id is None


def put_into_force(
    session: Session,
    user: User,
    values: Mapping[str, int],
    *,
    effective_from: date,
    source: str,
    now: datetime,
    today: date,
) -> Rulebook:
    """Let other numbers count for the user's agency from the first day of a month to come.

    Entries keep the version that they were made under.
    """
    if not may_edit(user):
        raise Forbidden("Rules of points are set by the head of the agency.")
    if effective_from <= today or effective_from.day != 1:
        raise Invalid(
            "A rulebook begins on the first day of a month to come.", field="effective_from"
        )
    if not source.strip() or len(source) > SOURCE_LENGTH:
        raise Invalid("Name the paper that these rules come from.", field="source")
    rules = changed(Rulebooks(session).on(effective_from, user.agency_id), values)
    own = select(func.max(Rulebook.version)).where(Rulebook.agency_id == user.agency_id)
    book = Rulebook(
        name=f"agency-{user.agency_id}",
        version=(session.scalar(own) or 0) + 1,
        agency_id=user.agency_id,
        effective_from=effective_from,
        rules=rules,
        source=source.strip(),
        verified=False,
        made_by=user.id,
        made_at=now,
    )
    session.add(book)
    session.flush()
    return book


def by_id(session: Session) -> dict[int, Rulebook]:
    """Return every rulebook by its id, for entries of whatever version."""
    return {book.id: book for book in session.scalars(select(Rulebook))}


def coming(session: Session, user: User, today: date) -> list[Rulebook]:
    """Return the user's agency's rulebooks that do not count yet."""
    own = select(Rulebook).where(
        Rulebook.agency_id == user.agency_id, Rulebook.effective_from > today
    )
    return list(session.scalars(own.order_by(Rulebook.effective_from, Rulebook.id)))
