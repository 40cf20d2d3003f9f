"""The console's pages of objections, levels and the rulebook, and the command that closes."""

import json
from datetime import UTC, date, datetime, timedelta

from click.testing import CliRunner
from sqlalchemy import select

from correction_service import hours
from correction_service.assessment import months
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.commands.schedule import points as command
from correction_service.db import Database
from correction_service.settings import Settings
from models.assessment import LevelSuggestion, Objection, ObjectionState
from models.case import Case, Level
from models.points import PointsEntry, Rulebook
from models.user import Role
from tests.county import County, add_draft
from tests.pages import SignedInClient


def deducted(database: Database, county: County) -> int:
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        made = add_draft(session, county.case, "stand_in", "checkin:1", hours.local_day(now))
        return points.confirm(session, made, county.users[Role.OFFICER], now, "核实").id


def test_an_objection_is_taken_at_the_counter_and_upheld_by_the_county(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    entry = deducted(database, county)
    officer, head = client_of(Role.OFFICER), client_of(Role.COUNTY_HEAD)
    officer.post(f"/points/cases/{county.case}/entries/{entry}/object", data={"note": "it was me"})
    page = officer.get("/points/objections").text
    assert "it was me" in page
    assert "IM 32 (R)" in page
    assert "Uphold" not in page  # the county answers
    with database.reading() as session:
        made = session.scalars(select(Objection.id)).one()
    form = {"decision": "upheld", "note": "the photo shows them"}
    assert officer.post(f"/points/objections/{made}/answer", data=form).status_code == 403
    head.post(f"/points/objections/{made}/answer", data=form)
    with database.reading() as session:
        assert session.get_one(Objection, made).state is ObjectionState.UPHELD
        taken_back = select(PointsEntry.points).where(PointsEntry.reverses_id == entry)
        assert session.scalars(taken_back).all() == [20]
    assert "objection upheld" in officer.get(f"/cases/{county.case}/points").text


def test_the_rulebook_shows_the_mark_of_every_number_and_is_set_after_a_trial(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    now = datetime.now(UTC)
    month = months.month_before(hours.local_day(now))
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        session.get_one(Case, county.case).reported_on = month
        span = months.Span(month, hours.day_start(hours.local_day(now)))
        months.close_some(session, span, [county.case], now, months.Closed(month))
    page = client_of(Role.OFFICER).get("/points/rulebook").text
    assert "<td>IM 34</td><td>S</td>" in page
    assert "<td>IM 33</td><td>R</td>" in page
    assert "<td>published county rules, in excerpts</td><td>S</td>" in page
    assert "Working days within which an objection is answered" in page
    assert "pro rata of the days under correction" in page
    assert "Put into force" not in page
    head = client_of(Role.COUNTY_HEAD)
    assert 'name="terms.answer_working_days"' in head.get("/points/rulebook").text
    assert 'name="terms.close_day"' not in head.get("/points/rulebook").text
    form = {"items.stand_in": "-30", "terms.objection_working_days": "7", "act": "try"}
    assert (
        "1 person: 0 with more, 0 with fewer points."
        in head.post("/points/rulebook", data=form).text
    )
    begins = (hours.local_day(now).replace(day=28) + timedelta(days=5)).strftime("%Y-%m")
    put = form | {"act": "put", "effective_from": begins, "source": "a county paper"}
    assert head.post("/points/rulebook", data=put | {"items.stand_in": "x"}).status_code == 422
    assert "a county paper" in head.post("/points/rulebook", data=put, follow_redirects=True).text
    with database.reading() as session:
        own = session.scalars(select(Rulebook).where(Rulebook.agency_id == county.agency)).one()
        assert own.points_for("stand_in") == -30
        assert own.rules["objection_working_days"] == 7


def test_a_suggested_level_shows_its_means_and_waits_for_an_officer(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = LevelSuggestion(
            case_id=county.case,
            quarter=date(2026, 10, 1),
            rulebook=points.install_default(session),
            level=Level.STRICT,
            grounds={
                "means": {"2026-10": 55.0},
                "penalties": {"2026-10": ["warning"]},
                "months_in": 7,
            },
            made_at=datetime.now(UTC),
        )
        session.add(made)
        session.flush()
        suggestion = made.id
    officer = client_of(Role.OFFICER)
    page = officer.get("/points/objections").text
    assert "mean 55.0" in page
    assert "Warning in force" in page
    form = {"decision": "taken", "note": "talked it over"}
    officer.post(f"/points/suggestions/{suggestion}/decide", data=form)
    with database.reading() as session:
        assert session.get_one(Case, county.case).level is Level.STRICT


def test_the_command_closes_last_month_and_says_what_it_did(
    database: Database, settings: Settings, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        session.get_one(Case, county.case).reported_on = date(2026, 3, 5)
    answer = CliRunner().invoke(command, ["close", "--month", "2026-03", "--json"], obj=settings)
    assert json.loads(answer.output) == {
        "month": "2026-03",
        "first": 1,
        "corrected": 0,
        "unchanged": 0,
        "errors": [],
    }
    assert answer.exit_code == 0
