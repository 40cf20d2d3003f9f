"""Every rule of the law that is data, and every order and leave rule, has a test named after it.

A rule that is added without a test of its name fails here; that the test fails when the rule's
number or condition is changed is the test's own matter.
"""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.discipline import ladder
from correction_service.law import articles, clock_rules, limits, watch_rules
from correction_service.law.tables import Mark
from correction_service.web.console.clocks import MARKS
from models.case import Case
from models.discipline import ENDS
from models.leave import LeaveReason
from models.order import Ground
from models.user import Role
from tests.county import County
from tests.desk import missed
from tests.pages import SignedInClient
from tests.service.test_words import SERVICE, said

# A test that is parametrised by the names of rules, and the rules that have one of their own.
NAMED: Mapping[str, tuple[str, ...]] = {
    "clock": (
        "test_clocks.test_a_clock_runs_as_long_as_the_law_says",
        "test_clocks.test_what_is_to_be_done_at_once_is_due_at_once",
        "test_clocks.test_where_the_law_names_no_number_none_is_made_up",
    ),
    "limit": ("test_rule_index.test_a_limit_is_as_the_law_says",),
    "limb": ("test_ladder.test_a_limb_rests_on_what_its_article_says_and_on_nothing_less",),
    "ground": ("test_orders.test_each_ground_takes_its_own_kind_of_fact",),
}
OWN: Mapping[str, str] = {
    "clock.arrest_decision": "test_clocks.test_a_court_decides_an_arrest_within_48_hours",
    "clock.sentence_ends": "test_clocks.test_the_end_of_the_term_is_listed_30_days_before",
    "clock.leave_informed": (
        "test_leave_routes.test_what_goes_one_level_up_is_told_to_the_procuratorate"
    ),
    "watch.breach_unpunished": "test_oversight.test_breach_unpunished_is_listed_from_its_day_on",
    "watch.detained_not_suspended": (
        "test_oversight.test_detained_not_suspended_lists_what_was_asked_and_taken_in_custody"
    ),
    "watch.late_without_action": (
        "test_oversight.test_late_without_action_is_listed_three_days_after_the_last_day"
    ),
    "watch.order_over_still_worn": (
        "test_oversight.test_order_over_still_worn_is_listed_until_the_bracelet_is_off"
    ),
    "watch.copy_missing": "test_oversight.test_copy_missing_lists_orders_and_decisions",
    "watch.objection_unanswered": (
        "test_oversight.test_objection_unanswered_is_listed_once_its_day_is_past"
    ),
    "order.closed_list": "test_orders.test_the_grounds_are_the_closed_list_of_the_law",
    "order.needs_a_fact": "test_orders.test_an_order_without_any_fact_is_refused",
    "order.no_score_level_or_points": "test_orders.test_a_score_a_level_or_points_is_no_ground",
    "order.head_approves": "test_cases.test_only_the_head_decides_and_only_their_offices_lift",
    "order.three_months": "test_orders.test_an_order_runs_for_three_months_at_most",
    "order.extension_assessed": (
        "test_orders.test_an_extension_follows_an_assessment_that_it_is_still_needed"
    ),
    "order.extension_routed": (
        "test_orders.test_an_extension_waits_for_the_head_with_its_assessment"
    ),
    "order.warned_15_and_3_days": (
        "test_sweep.test_an_order_is_warned_of_fifteen_and_three_days_before_its_end"
    ),
    "order.person_told_and_copy_sent": (
        "test_orders.test_the_person_is_told_and_the_procuratorate_gets_a_copy_with_its_receipt"
    ),
    "order.nothing_stored_outside": (
        "test_fixes.test_what_must_not_be_stored_is_refused_for_good_and_only_its_digest_kept"
    ),
    "order.late_fix_from_within_kept": (
        "test_fixes.test_an_order_lifted_stops_the_next_fix_and_keeps_the_late_ones_from_before"
    ),
    "order.events_never_refused": (
        "test_events.test_without_an_order_events_are_kept_but_only_a_call_for_help_raises"
    ),
    "order.silence_is_no_breach": ("test_risk_sweep.test_silence_of_a_bracelet_is_no_evidence"),
    "order.ends_with_release": "test_cases.test_release_ends_tracking_and_forgets_the_face_at_once",
    "report_in.day_11": ("test_sweep.test_reporting_in_is_late_from_the_eleventh_shanghai_day"),
    "report_in.holiday": (
        "test_sweep.test_a_tenth_day_on_a_holiday_puts_the_flag_and_the_clock_off_to_the_same_day"
    ),
    "detained.suspends_check_ins": (
        "test_duties.test_a_suspended_case_gets_no_duty_and_its_open_ones_are_void"
    ),
    "leave.good_reasons": "test_rule_index.test_the_good_reasons_for_leave_are_five",
    "leave.city_is_one_place": "test_zones.test_home_is_the_citys_districts_together",
    "leave.district_is_no_leaving": (
        "test_fixes.test_a_trip_between_districts_of_one_city_raises_nothing"
    ),
    "leave.routed_by_days": "test_leave_routes.test_who_decides_goes_by_the_days",
    "leave.two_months_together": (
        "test_leave_routes.test_more_than_30_days_within_two_months_goes_one_level_up"
    ),
    "leave.delegated": (
        "test_leave_routes.test_where_the_county_has_not_delegated_it_decides_every_leave"
    ),
    "leave.nobody_above_their_level": "test_leave_routes.test_nobody_decides_above_their_level",
    "leave.paper_of_the_right_level": (
        "test_leave_routes"
        ".test_a_paper_of_too_low_a_level_is_not_recorded_and_the_refusal_names_the_level"
    ),
    "leave.within_the_city_none_is_needed": (
        "test_leave_at_home"
        ".test_it_never_becomes_a_leave_is_never_overdue_and_counts_towards_no_days"
    ),
    "leave.by_paper_like_any_other": (
        "test_leave_by_paper.test_it_is_routed_decided_and_told_like_any_other"
    ),
    "leave.no_state_without_it": ("test_leaves.test_nobody_is_on_leave_by_hand_without_a_leave"),
    "leave.never_refused_by_machine": ("test_leave_routes.test_only_a_person_refuses_and_says_why"),
    "leave.regular_six_months": (
        "test_leave_routes.test_regular_work_elsewhere_is_the_countys_for_six_months_at_most"
    ),
    "leave.zones_rest": (
        "test_leave_zones.test_the_home_area_rests_for_a_leave_and_goes_on_after_it"
    ),
    "leave.exclusion_stays": "test_leave_zones.test_a_curfew_rests_and_an_exclusion_zone_stays",
    "leave.overdue_is_a_fact": (
        "test_overdue.test_of_whom_nothing_is_known_after_the_end_it_is_said_so"
    ),
    "ladder.heard_and_second_person": (
        "test_discipline.test_the_person_is_heard_before_and_a_second_person_of_the_county_decides"
    ),
    "ladder.no_change_is_a_finding": (
        "test_discipline.test_two_admonitions_and_no_change_is_a_finding_in_words_and_not_a_count"
    ),
    "ladder.no_points_level_or_score": (
        "test_discipline.test_points_a_level_or_a_score_is_never_the_ground"
    ),
    "ladder.public_surveillance_stays": (
        "test_discipline.test_public_surveillance_cannot_be_revoked"
    ),
    "ladder.guardian_of_a_minor": ("test_discipline.test_the_guardian_of_a_minor_is_called_first"),
}
# What the law has a clock for, row by row, and what holds each: a clock of the table, or a test.
LAW: Mapping[str, tuple[str, ...]] = {
    "judgment effective": ("clock.notify", "clock.papers"),
    "documents incomplete": ("clock.papers_incomplete", "clock.papers_receipt"),
    "public surveillance, suspension or parole effective": ("clock.report_in",),
    "decision on serving outside prison": ("clock.handover",),
    "intake": ("clock.intake",),
    "lost contact": ("clock.search",),
    "searching": (
        "test_search_records.test_a_step_has_its_time_its_outcome_and_who_made_it",
        "test_search_records.test_not_found_goes_to_the_police_and_the_procuratorate_after_a_step",
    ),
    "breach under way": ("clock.breach_under_way",),
    "detained elsewhere": ("clock.detained",),
    "serving outside prison": ("clock.health_report", "clock.medical_review"),
    "prohibition order": ("clock.prohibition_report",),
    "home, job, family, harmful contact changes": ("clock.change_reported",),
    "victim, accuser, informant, co-offender": (
        "test_company.test_a_ban_names_people_of_ones_offices_and_an_order",
        "test_company.test_who_is_under_no_ban_is_not_looked_at",
    ),
    "sentence ends or pardon": ("clock.sentence_ends",),
    "death": ("clock.death",),
    "reduction of sentence proposed": ("clock.reduction",),
    "arrest asked with revocation": ("clock.arrest_decision", "clock.arrest_custody"),
    "guardian of a minor neglects": ("clock.guardian",),
    "pending revocation at expiry": ("clock.pending_revocation",),
    "revocation proposal": ("clock.revocation",),
    "recommitment proposal": ("clock.recommitment",),
    "change of place": (
        "clock.transfer_consult",
        "clock.transfer_reply",
        "clock.transfer_papers",
        "clock.transfer_report",
    ),
    "leave approved one level up": ("clock.leave_informed",),
}
LIMITS = {  # value, unit, basis, mark
    "leave_office": (7, "days", "IM 27", "R"),
    "leave_office_delegated": (1, "yes_no", "IM 27", "R"),
    "leave_county": (30, "days", "IM 27", "R"),
    "leave_cumulative": (30, "days", "IM 27", "R"),
    "leave_window": (2, "months", "IM 27", "R"),
    "leave_ahead": (3, "days", "IM 27", "R"),
    "leave_regular": (6, "months", "IM 29", "R"),
    "transfer_ahead": (1, "months", "IM 30", "R"),
    "service_hours": (2, "hours", "LCC 28", "R"),
    "data_copy": (30, "days", "PIPL 45", "R"),
    "data_correction": (30, "days", "PIPL 46", "R"),
    "petition_answer": (30, "days", "LCC 34", "R"),
    "opinion_suggestion": (2, "months", "LCC 62", "R"),
    "opinion_correction": (15, "days", "LCC 62", "R"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_as_the_law_says(name: str) -> None:
    bound = limits.bounds()[name]
    assert (bound.value, bound.unit, bound.basis, bound.mark.value) == LIMITS[name]


def test_the_good_reasons_for_leave_are_five() -> None:
    assert set(LeaveReason) == {"medical", "study", "litigation", "family", "work"}


def mark(mark: Mark) -> str:
    """How a page marks a rule; one that was read in the law has none."""
    return "" if mark is Mark.VERIFIED else f' <span class="tag" title="{MARKS[mark]}">{mark.value}'


def shipped() -> Iterator[str]:
    """Every rule that is data, by kind and name."""
    yield from (f"clock.{name}" for name in clock_rules.rules())
    yield from (f"limit.{name}" for name in limits.bounds())
    yield from (f"watch.{name}" for name in watch_rules.rules())
    for kind, rung in ladder.rungs().items():
        yield from (f"limb.{kind}.{code}" for code in rung.limbs)
    yield from (f"ground.{ground}" for ground in Ground)


def the_test(path: str) -> object:
    """The test at module.name; an `AttributeError` names what is gone."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(f"tests.service.{module}"), name)


def parameters(path: str) -> set[str]:
    """By what a test is parametrised: rules are named first."""
    marks = getattr(the_test(path), "pytestmark", [])
    values = (value for mark in marks if mark.name == "parametrize" for value in mark.args[1])
    return {str(value if isinstance(value, str) else value[0]) for value in values}


def test_every_rule_has_a_test_named_after_it() -> None:
    named = {
        f"{kind}.{name}" for kind, paths in NAMED.items() for it in paths for name in parameters(it)
    }
    assert set(shipped()) - named - set(OWN) == set()


@pytest.mark.parametrize("row", LAW)
def test_every_row_of_the_law_has_its_clock_or_its_test(row: str) -> None:
    for held in LAW[row]:
        assert held in set(shipped()) if held.startswith("clock.") else callable(the_test(held))


def test_every_clock_is_of_a_row_of_the_law() -> None:
    clocks = {f"clock.{name}" for name in clock_rules.rules()}
    assert clocks - {held for row in LAW.values() for held in row} == set()


@pytest.mark.parametrize("rule", OWN)
def test_the_test_of_a_rule_is_there(rule: str) -> None:
    assert callable(the_test(OWN[rule]))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_pages_that_show_rules_show_the_mark_of_what_was_not_read_in_the_law(
    client_of: SignedInClient, county: County
) -> None:
    procurator = client_of(Role.PROCURATOR)
    table = procurator.get("/clocks/table").text
    marks = [(it.basis, it.mark) for it in clock_rules.rules().values()]
    marks += [(it.basis, it.mark) for it in limits.bounds().values()]
    for basis, known in marks:
        assert f"{basis}</span>{mark(known)}" in table
    for name, watch in watch_rules.rules().items():
        shown = f"{watch.basis}</span>{mark(watch.mark)}"
        assert shown in procurator.get("/oversight/").text
        assert shown in procurator.get(f"/oversight/watch/{name}").text
    form = client_of(Role.OFFICER).get(f"/measures/cases/{county.case}").text
    for rung in ladder.rungs().values():
        for limb in rung.limbs.values():
            if limb.categories or rung.kind in ENDS:
                continue
            assert f"{limb.law} ({limb.mark})" in form


MARKED = (", %(mark)s", "'|cited", "'|law_mark")
CITED = re.compile(r"\b((?:LCC|IM|PIPL|CPL) \d+(?:–\d+)?(?:, \d+(?:–\d+)?)*)\b")
PAGES = sorted((SERVICE / "web/templates/console").rglob("*.html"))


def unmarked(text: str) -> Iterator[str]:
    """The articles that a text cites without their mark, of those that were not read in the law."""
    for found in CITED.finditer(text):
        known = articles.mark_of(found[1]) is Mark.VERIFIED
        if not known and not text[found.end() :].startswith(MARKED):
            yield found[1]


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("so much (IM 27)", ["IM 27"]),
        ("so much (IM 27 R)", ["IM 27"]),  # a mark that is typed stays when the table is mended
        ("so much (LCC 27)", []),
        ("so much (IM 27, %(mark)s)", []),
        ("{{ 'IM 27'|cited }}", []),
    ],
)
def test_a_citation_without_its_mark_is_found(text: str, cites: list[str]) -> None:
    assert list(unmarked(text)) == cites


def test_no_sentence_and_no_page_cites_an_unread_article_without_its_mark() -> None:
    sentences = {text: places for text, places in said().items() if list(unmarked(text))}
    assert sentences == {}
    pages = {page.name: list(unmarked(page.read_text())) for page in PAGES}
    assert {name: found for name, found in pages.items() if found} == {}


def test_no_page_prints_the_law_of_a_row_without_its_mark() -> None:
    bare = re.compile(r"\.law\s*}}(?! \(\{\{ limb\.mark)")
    assert [page.name for page in PAGES if bare.search(page.read_text())] == []


@pytest.mark.parametrize(
    ("basis", "shown"),
    [
        ("LCC 30, IM 34", "LCC 30, IM 34 (S)"),
        ("IM 32", "IM 32 (R)"),
        ("LCC 25, 52", "LCC 25, 52"),
        ("IM 30–31", "IM 30–31 (R)"),
        ("IM 24, 25", "IM 24, 25 (R)"),  # of several the least known
        ("IM 34 (S)", "IM 34 (S)"),
        ("LCC 28, IM 33 (R)", "LCC 28, IM 33 (R)"),
        ("PIPL 45", "PIPL 45"),
    ],
)
def test_what_was_not_read_in_the_law_is_cited_with_its_mark(basis: str, shown: str) -> None:
    assert articles.cited(basis) == shown


def test_a_county_with_the_text_at_hand_puts_its_own_marks_in_place(tmp_path: Path) -> None:
    (tmp_path / "articles.toml").write_text('[IM]\nevery = "V"\nR = [32]\n', encoding="utf-8")
    assert articles.cited("LCC 27, IM 27, IM 32", tmp_path) == "LCC 27, IM 27, IM 32 (R)"


def test_an_article_is_known_as_well_here_as_where_its_rule_is_data() -> None:
    """A number may be less known than its article; an article of IM is marked in one way."""
    known = [(it.basis, it.mark) for it in clock_rules.rules().values()]
    known += [(it.basis, it.mark) for it in limits.bounds().values()]
    limbs = [it for rung in ladder.rungs().values() for it in rung.limbs.values()]
    known += [(it.law, Mark(it.mark)) for it in limbs]
    of_one = {(basis, mark) for basis, mark in known if re.fullmatch(r"IM \d+", basis)}
    assert of_one == {(basis, articles.mark_of(basis)) for basis, _ in of_one}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_flag_shows_the_mark_of_its_law(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        flag = missed(session.get_one(Case, county.case), duty=1)
        session.add(flag)
        session.flush()
        number = flag.id
    client = client_of(Role.OFFICER)
    assert "LCC 30, IM 34 (S)" in client.get("/flags/").text
    assert "LCC 30, IM 34 (S)" in client.get(f"/flags/{number}").text
