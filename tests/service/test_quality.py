"""How each rule does: what is counted, of whom, and who may see it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import incidents, quality
from correction_service.incidents.quality import Line, Quality, Spread
from correction_service.tracking import wearer_days
from models.case import Case
from models.device import Binding
from models.incident import Cause, Incident, IncidentKind, IncidentState, Passing, Severity
from models.order import PositioningOrder
from models.user import PERMISSIONS, Permission, Role, User
from tests.county import NOW, County
from tests.pages import SignedInClient
from tests.tracked import FITTED, Tracked

LEFT, OPENED = IncidentKind.LEFT_HOME_AREA, IncidentKind.STRAP_OPENED
DRIFT, GONE = Cause.POSITION_DRIFT, Cause.LEFT_WITHOUT_APPROVAL
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def add(database: Database, case_id: int, opened_at: datetime, **fields: object) -> int:
    """An incident as the service opens it; its id."""
    said: dict[str, Any] = {
        "kind": LEFT,
        "rule": "home-exit@1",
        "facts": {"rule": "evidence-and-motion@3"},
    }
    with database.transaction(SYSTEM, "test") as session:
        made = Incident(
            case_id=case_id,
            severity=Severity.URGENT,
            since=opened_at,
            opened_at=opened_at,
            last_seen_at=opened_at,
            **{**said, **fields},
        )
        session.add(made)
        session.flush()
        return made.id


def close(
    database: Database, incident_id: int, by: int, after: Sequence[timedelta], cause: Cause
) -> None:
    """Acknowledge, where two times are given, and close, so long after it was opened."""
    for time in after:
        with database.transaction(SYSTEM, "test") as session:
            incident = session.get_one(Incident, incident_id)
            at = incident.opened_at + time
            if time is after[-1]:
                incidents.close(session, incident, by, at, cause=cause, note="")
            else:
                incidents.acknowledge(session, incident, by, at)


def measured(
    database: Database, county: County, role: Role = Role.COUNTY_HEAD, days: int = 30
) -> Quality:
    with database.reading() as session:
        return quality.measure(session, session.get_one(User, county.users[role]), days, NOW)


def line_of(found: Quality, kind: IncidentKind, engine: str | None) -> Line:
    (line,) = (it for it in found.lines if (it.key.kind, it.key.engine) == (kind, engine))
    return line


def test_each_version_of_a_rule_is_counted_by_itself_with_its_causes(
    database: Database, county: County
) -> None:
    officer, later = county.users[Role.OFFICER], {"facts": {"rule": "evidence-and-motion@3.1"}}
    for number, cause in enumerate([DRIFT, DRIFT, Cause.RULE_WRONG, GONE]):
        made = add(database, county.case, NOW - (number + 1) * DAY)
        close(database, made, officer, [MINUTE], cause)
    add(database, county.case, NOW - DAY)
    add(database, county.case, NOW - DAY, **later)
    add(database, county.case, NOW - DAY, kind=OPENED, rule="strap-open@1", facts={})
    found = measured(database, county)
    assert [line.incidents for line in found.lines] == [5, 1, 1]
    first = line_of(found, LEFT, "evidence-and-motion@3")
    assert first.causes == {DRIFT: 2, Cause.RULE_WRONG: 1, GONE: 1}
    assert (first.open, first.closed, first.false, first.false_share) == (1, 4, 3, 0.75)
    unanswered = line_of(found, LEFT, "evidence-and-motion@3.1")
    assert (unanswered.false_share, unanswered.acknowledged) == (None, Spread())
    assert line_of(found, OPENED, None).key.rule == "strap-open@1"


def test_times_run_from_the_opening_to_what_a_person_did(
    database: Database, county: County
) -> None:
    officer = county.users[Role.OFFICER]
    for number in range(1, 11):
        made = add(database, county.case, NOW - DAY + number * MINUTE)
        with database.transaction(SYSTEM, "test") as session:
            incident = session.get_one(Incident, made)
            incident.pass_to(officer, Passing.ASSIGNED, None, incident.opened_at)
        close(database, made, officer, [number * MINUTE, number * 10 * MINUTE], DRIFT)
    by_itself = add(database, county.case, NOW - DAY)
    with database.transaction(SYSTEM, "test") as session:
        incident = session.get_one(Incident, by_itself)
        incident.move(IncidentState.CLOSED, None, NOW, cause=Cause.SERVICED)
    (line,) = measured(database, county).lines
    assert line.closed == 11
    for spread, unit in ((line.acknowledged, 1), (line.closed_after, 10)):
        assert spread.p50 is not None
        assert spread.p90 is not None
        assert spread.p50.total_seconds() == pytest.approx(5 * 60 * unit, abs=0.01)
        assert spread.p90.total_seconds() == pytest.approx(9 * 60 * unit, abs=0.01)


def test_the_closing_that_stands_counts_and_the_first_answer(
    database: Database, county: County
) -> None:
    officer, made = county.users[Role.OFFICER], add(database, county.case, NOW - DAY)
    close(database, made, officer, [MINUTE, 2 * MINUTE], DRIFT)
    with database.transaction(SYSTEM, "test") as session:
        incidents.reopen(
            session, session.get_one(Incident, made), officer, NOW - DAY + 3 * MINUTE, ""
        )
    (line,) = measured(database, county).lines
    assert (line.open, line.closed, line.closed_after) == (1, 0, Spread())
    close(database, made, officer, [60 * MINUTE], GONE)
    (line,) = measured(database, county).lines
    assert (line.false, line.causes) == (0, {GONE: 1})
    assert line.acknowledged.p50 == pytest.approx(MINUTE, abs=timedelta(milliseconds=1))
    assert line.closed_after.p50 == pytest.approx(60 * MINUTE, abs=timedelta(milliseconds=1))


def test_what_another_office_or_an_earlier_time_had_is_not_counted(
    database: Database, county: County
) -> None:
    add(database, county.case, NOW - DAY)
    add(database, county.case, NOW - 40 * DAY)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).office_id = county.other_office
    assert len(measured(database, county).lines) == 1
    assert measured(database, county).lines[0].incidents == 1
    assert measured(database, county, days=90).lines[0].incidents == 2
    assert measured(database, county, Role.OFFICER).lines == []


def test_wearer_days_are_those_with_a_bracelet_on_and_an_order_in_force(
    database: Database, county: County, tracked: Tracked
) -> None:
    assert NOW - FITTED == 7 * DAY
    assert measured(database, county).wearer_days == pytest.approx(7)
    assert measured(database, county, days=7).wearer_days == pytest.approx(7)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(PositioningOrder, tracked.order).lifted_at = NOW - 2 * DAY
    assert measured(database, county).wearer_days == pytest.approx(5)
    with database.transaction(SYSTEM, "test") as session:
        binding = session.query(Binding).one()
        binding.unbound_at = FITTED + DAY
        session.add(Binding(device_id=tracked.device, case_id=tracked.case, bound_at=NOW - 3 * DAY))
    assert measured(database, county).wearer_days == pytest.approx(2)
    with database.reading() as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        before = wearer_days.total(session, head, FITTED - DAY, FITTED + 0.5 * DAY)
    assert before == pytest.approx(0.5)


def test_incidents_a_wearer_day_are_unknown_where_nobody_wore_anything(
    database: Database, county: County
) -> None:
    add(database, county.case, NOW - DAY)
    found = measured(database, county)
    assert found.wearer_days == 0
    assert found.a_wearer_day(found.lines[0]) is None


def test_the_number_of_statements_does_not_grow_with_the_incidents(
    database: Database, county: County, tracked: Tracked
) -> None:
    def statements() -> int:
        seen: list[str] = []

        def note(*args: object) -> None:
            seen.append(str(args[2]))

        event.listen(database.engine, "before_cursor_execute", note)
        measured(database, county)
        event.remove(database.engine, "before_cursor_execute", note)
        return len(seen)

    add(database, county.case, NOW - DAY)
    few = statements()
    for number in range(20):
        made = add(database, county.case, NOW - DAY, rule=f"home-exit@{number}")
        close(database, made, county.users[Role.OFFICER], [MINUTE], DRIFT)
    assert statements() == few


@pytest.fixture
def lately(database: Database, county: County, tracked: Tracked) -> int:
    """An incident of an hour ago by the real clock, which the page reads; its id."""
    return add(database, county.case, datetime.now(UTC) - timedelta(hours=1))


def test_the_page_says_shares_with_what_they_are_of(
    database: Database, county: County, lately: int, client_of: SignedInClient
) -> None:
    head = client_of(Role.COUNTY_HEAD)
    assert "none closed yet" in head.get("/quality/").text
    close(database, lately, county.users[Role.OFFICER], [3 * MINUTE, 10 * MINUTE], DRIFT)
    page = head.get("/quality/?days=7").text
    for words in ("100 %: 1 of 1", "position drift <strong>1</strong>", "3 minutes", "10 minutes"):
        assert words in page
    assert "evidence-and-motion@3" in page
    chinese = head.get("/quality/?days=7&lang=zh").text
    assert "质量" in chinese
    assert "定位漂移" in chinese


def test_the_page_says_so_when_nothing_was_raised(
    database: Database, client_of: SignedInClient, county: County
) -> None:
    page = client_of(Role.OFFICE_HEAD).get("/quality/?days=nonsense").text
    assert "No rule raised anything in this time." in page
    assert "Nobody wore a bracelet" in page


def test_programs_get_the_same_numbers(
    database: Database, county: County, lately: int, client_of: SignedInClient
) -> None:
    close(database, lately, county.users[Role.OFFICER], [3 * MINUTE, 10 * MINUTE], DRIFT)
    said = client_of(Role.PROCURATOR).get("/api/v1/quality?days=7").get_json()
    (rule,) = said["rules"]
    assert rule["causes"] == {"position_drift": 1}
    assert (rule["kind"], rule["false"], rule["false_share"]) == ("left_home_area", 1, 1.0)
    assert rule["acknowledged"]["p50_s"] == pytest.approx(180, abs=0.01)
    assert rule["a_wearer_day"] == pytest.approx(1 / said["wearer_days"])
    refused = client_of(Role.PROCURATOR).get("/api/v1/quality?days=8")
    assert (refused.status_code, refused.get_json()["field"]) == (422, "days")


def test_only_who_may_see_quality_finds_the_way_there(client_of: SignedInClient) -> None:
    for role in Role:
        page = client_of(role).get("/quality/")
        allowed = Permission.SEE_QUALITY in PERMISSIONS[role]
        assert page.status_code == (200 if allowed else 403), role
        assert ('href="/quality/"' in page.text) == allowed, role
