"""Rulebooks of an agency's own, their trial, and the levels that closed quarters suggest."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.assessment import levels, months, rulebooks, trials
from correction_service.assessment.rulebooks import Rulebooks
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from models.agency import Agency, AgencyLevel, Office
from models.assessment import LevelSuggestion, PointsMonth, SuggestionState
from models.case import Case, Level
from models.errors import DomainError, Forbidden, Invalid
from models.points import Rulebook
from models.user import Role, User
from tests.county import DAY, NOW, County, add_draft, make_case
from tests.service.test_points_close import FIFTH, NOVEMBER

DECEMBER, TODAY = date(2026, 12, 1), NOW.date()
JANUARY = datetime(2027, 1, 6, 4, 0, tzinfo=UTC)
QUARTER = date(2026, 10, 1)


def set_by(session: Session, county: County, **values: object) -> Rulebook:
    user = session.get_one(User, county.users[Role.COUNTY_HEAD])
    terms = {"effective_from": DECEMBER, "source": "县司法局文件", "now": NOW, "today": TODAY}
    figures = values.pop("figures", {"items.stand_in": -30})
    return rulebooks.put_into_force(session, user, figures, **terms | values)  # type: ignore[arg-type]


def test_an_agency_s_own_rulebook_counts_for_it_and_those_below_from_its_day(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        shipped = points.install_default(session)
        below = Agency(
            name="下级", level=AgencyLevel.COUNTY, division="520304", parent_id=county.agency
        )
        other = Agency(name="邻县", level=AgencyLevel.COUNTY, division="520302")
        session.add_all([below, other])
        own = set_by(session, county)
        books = Rulebooks(session)
        assert books.on(DECEMBER, county.agency) is own
        assert books.on(DECEMBER, below.id) is own
        assert books.on(TODAY, county.agency) is books.on(DECEMBER, other.id) is shipped
        assert (own.points_for("stand_in"), shipped.points_for("stand_in")) == (-30, -20)


def test_what_is_protected_cannot_be_taken_out_of_a_rulebook(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        shipped = points.install_default(session)
        assert set_by(session, county).rules["protected"] == shipped.rules["protected"]
        assert len(shipped.rules["protected"]) == 8
        with pytest.raises(Invalid):
            set_by(session, county, figures={"protected.illness": 0})


def test_days_and_means_are_set_from_a_day_on_as_items_are(
    database: Database, county: County
) -> None:
    given = {"terms.objection_working_days": 8, "terms.strict_mean": 55}
    with database.transaction(SYSTEM, "test") as session:
        shipped = points.install_default(session)
        rules = set_by(session, county, figures=given).rules
        assert (rules["objection_working_days"], rules["answer_working_days"]) == (8, 10)
        assert rules["suggestions"]["strict"] == {"mean_below": 55, "or_after": ["warning"]}
        assert shipped.rules["objection_working_days"] == 5
        assert shipped.rules["suggestions"]["strict"]["mean_below"] == 60


def test_every_figure_of_the_shipped_rulebook_is_shown(database: Database) -> None:
    with database.transaction(SYSTEM, "test") as session:
        book = points.install_default(session)
        shown = {figure.name for figure in rulebooks.figures(book)}
        paths = {tuple(term["at"]) for term in rulebooks.terms().values()}
    assert set(numbers(book.rules)) == paths | {("base",), ("floor",), ("cap",)}
    assert {f"terms.{name}" for name in rulebooks.terms()} <= shown


def numbers(rules: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where the rules have a number that is not of an item."""
    for key, value in rules.items():
        if isinstance(value, Mapping) and key != "items":
            yield from numbers(value, (*at, key))
        elif isinstance(value, int) and not isinstance(value, bool):
            yield (*at, key)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"figures": {"items.stand_in": 20}}, "items.stand_in"),
        ({"figures": {"items.whistling": -1}}, "items.whistling"),
        ({"figures": {"base": 130}}, "base"),
        ({"figures": {"terms.objection_working_days": 4}}, "terms.objection_working_days"),
        ({"figures": {"terms.answer_working_days": 11}}, "terms.answer_working_days"),
        ({"figures": {"terms.close_day": 6}}, "terms.close_day"),
        ({"figures": {"terms.strict_mean": 95}}, "terms.strict_mean"),
        ({"effective_from": date(2026, 11, 1)}, "effective_from"),
        ({"effective_from": date(2026, 12, 2)}, "effective_from"),
        ({"source": " "}, "source"),
    ],
)
def test_a_rulebook_that_cannot_be_is_refused_at_its_field(
    database: Database, county: County, given: dict[str, object], field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        with pytest.raises(DomainError) as refusal:
            set_by(session, county, **given)
        assert refusal.value.field == field


def test_only_the_head_sets_or_tries_rules(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        officer = session.get_one(User, county.users[Role.OFFICER])
        with pytest.raises(Forbidden):
            trials.attempt(session, officer, {}, NOVEMBER)


def test_numbers_are_tried_on_a_closed_month_and_nothing_is_kept(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = add_draft(session, county.case, "stand_in", "checkin:1")
        points.confirm(session, made, county.users[Role.OFFICER], NOW, "核实")
        make_case(session, session.get_one(Office, county.office), 2)
    months.run(database, NOVEMBER, FIFTH)
    with database.reading() as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        tried = trials.attempt(session, head, {"items.stand_in": -40}, NOVEMBER)
        assert (tried.cases, tried.more, tried.fewer) == (2, 0, 1)
        assert (tried.present.below, tried.proposed.below) == (0, 1)  # 53 of 93 is below 60
        tried = trials.attempt(session, head, {"terms.strict_mean": 90}, NOVEMBER)
        assert (tried.present.below, tried.proposed.below) == (0, 1)  # 73 of 93 is below 90
        assert session.scalars(select(Rulebook.version)).all() == [2]


def closed(session: Session, county: County, totals: Iterable[int], first: int = 7) -> None:
    """Months of a case from July 2026 on, closed with these totals of a base of 100."""
    book = points.install_default(session)
    for number, total in enumerate(totals):
        session.add(
            PointsMonth(
                case_id=county.case,
                month=date(2026, first + number, 1),
                edition=1,
                rulebook_id=book.id,
                days=30,
                base=100,
                held=0,
                total=total,
                as_of=NOW,
                closed_at=NOW,
            )
        )
    session.get_one(Case, county.case).reported_on = date(2026, 6, 15)


def suggested(database: Database) -> Level | None:
    levels.suggest(database, QUARTER, JANUARY)
    with database.reading() as session:
        return session.scalar(select(LevelSuggestion.level))


@pytest.mark.parametrize(
    ("totals", "level"),
    [
        ((90, 90, 90, 90, 90, 90), Level.LENIENT),
        ((90, 90, 89, 90, 90, 90), None),
        ((90, 90, 90, 60, 60, 60), None),
        ((90, 90, 90, 60, 60, 59), Level.STRICT),
    ],
)
def test_ninety_for_two_quarters_is_lenient_and_below_sixty_strict(
    database: Database, county: County, totals: tuple[int, ...], level: Level | None
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        closed(session, county, totals)
    assert suggested(database) is level


def test_before_six_months_nobody_is_suggested_for_lenient(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        closed(session, county, [95] * 6)
        session.get_one(Case, county.case).reported_on = date(2026, 7, 2)
    assert suggested(database) is None


def penalised(session: Session, county: County, item: str, day: date) -> None:
    made = add_draft(session, county.case, item, f"measure:{day}", day)
    points.confirm(session, made, county.users[Role.OFFICER], NOW, "决定")


def test_a_penalty_in_the_two_quarters_stands_against_lenient(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        closed(session, county, [95] * 6)
        penalised(session, county, "admonition", date(2026, 8, 3))
    assert suggested(database) is None


def test_a_warning_in_the_quarter_suggests_strict(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        closed(session, county, [95] * 6)
        penalised(session, county, "warning", DAY)
    assert suggested(database) is Level.STRICT


def test_a_suggestion_changes_nothing_until_an_officer_takes_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        closed(session, county, [95] * 6)
    assert suggested(database) is suggested(database) is Level.LENIENT  # once a quarter
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        made = session.scalars(select(LevelSuggestion)).one()
        before = case.level
        officer = session.get_one(User, county.users[Role.OFFICER])
        taken = SuggestionState.TAKEN
        levels.decide(session, officer, made.id, taken, note="表现良好", now=JANUARY)
        assert (before, case.level) == (Level.ORDINARY, Level.LENIENT)
