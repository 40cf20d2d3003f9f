"""The routes that ask for no permission: who comes in by which door, and whom they name.

A phone opens the pages of its own person, an account those of staff, a token those of machines; a
stranger finds the doors alone. Staff are asked by role and by where they sit, people by whose
phone it is.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from correction_service import access
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people.phones import offer
from models.agency import Agency, AgencyLevel, Office
from models.case import Case
from models.user import Permission, Role
from tests.county import County, make_case
from tests.named import Ids
from tests.pages import PIN, SignedInClient
from tests.service.test_scope_walk import REACHED, Unit, Walked, asked, photo, sit, table

Enter = Callable[[], FlaskClient]
# Which roles a page for staff is for, where it is not for all of them.
TENDING = {Role.COUNTY_HEAD, Role.ADMINISTRATOR}
ONLY: dict[str, set[Role]] = {
    "devices.index": set(Role) - {Role.UPPER_AGENCY, Role.VOLUNTEER},
    "ingest.index": TENDING,
    "ingest.now": TENDING,
    "ingest.export": TENDING,
    "ingest.again": TENDING,
    "ingest.drop": TENDING,
    "runs.index": TENDING,
}
DOORS = {access.SIGNED_IN: "/sign-in", access.PERSON: "/m/pin"}
ASKING = {"auth.sign_in", "phone.pin"}  # a door says no to who gives it no word
OF_NOBODY = {"unit_id", "kind", "form", "word", "place", "filename"}  # not of one person
LEAST = {access.ANYONE: 14, access.SIGNED_IN: 10, access.PERSON: 40, access.BEARER: 2}


def guarded(app: Flask, guard: str) -> list[Rule]:
    """Every route of a guard that is no permission."""
    return [
        rule
        for rule in app.url_map.iter_rules()
        if access.guard_of(rule.endpoint, app.view_functions[rule.endpoint]) == guard
    ]


def answers(
    app: Flask, enter: Enter, ids: Ids, guard: str
) -> Iterator[tuple[Rule, str, TestResponse]]:
    """What a visitor who has just come in gets of every route of a guard, by every method."""
    mine = ids["person_request_id"]
    named = ids | {"kind": "copy", "form": "pdf", "word": "go", "place": 0, "mine_id": mine}
    named["filename"] = "console.css"
    for rule in guarded(app, guard):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            request = asked(app, rule, named, method)
            if rule.endpoint == "checkins.frame":
                request = {
                    **request,
                    "json": None,
                    "data": {"frame": (photo(), "0.jpg"), "at_ms": 9},
                }
            answer = enter().open(**request)
            yield rule, method, answer
            answer.close()


def shut(guard: str, answer: TestResponse) -> bool:
    """Whether a visitor was sent to the guard's door, or told to come in by it."""
    if answer.status_code == 302:
        return (answer.location or "").startswith(DOORS[guard])
    return answer.status_code == 401


@pytest.fixture
def seated(database: Database, county: County, ids: Ids, unit: Unit) -> set[str]:
    """Whom everybody of the unit looks at: the number and the name of the case."""
    sit(database, county, unit)
    with database.reading() as session:
        case = session.get_one(Case, county.case)
        return {case.number, case.person.name}


@pytest.fixture
def other_phone(app: Flask, database: Database, county: County, unit: Unit) -> FlaskClient:
    """The phone of another person, whose case is in the unit."""
    with database.transaction(SYSTEM, "test") as session:
        number = county.office if unit is Unit.OWN else county.other_office
        office = session.get_one(Office, number)
        if unit is Unit.OTHER_AGENCY:
            elsewhere = Agency(name="远处", level=AgencyLevel.COUNTY, division="520302")
            office = Office(name="丁司法所", agency=elsewhere)
            session.add(office)
            session.flush()
        case = make_case(session, office, 31)
        session.flush()
        code = offer(session, case.person, datetime.now(UTC))
    client = app.test_client()
    client.get("/m/pin?lang=en")
    form = {"code": code, "pin": PIN, "again": PIN}
    assert client.post("/m/activate", data=form).location == "/m/"
    return client


@pytest.mark.parametrize("guard", LEAST)
def test_the_walk_finds_the_routes_of_every_guard(app: Flask, guard: str) -> None:
    assert len(guarded(app, guard)) >= LEAST[guard]


def test_every_route_has_a_guard_that_is_walked(app: Flask) -> None:
    found = {
        access.guard_of(rule.endpoint, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
    }
    assert {guard for guard in found if not isinstance(guard, Permission)} == set(LEAST)


def right(rule: Rule, role: Role, answer: TestResponse) -> bool:
    """Whether a page for staff answers a role as it should."""
    if role not in ONLY.get(rule.endpoint, set(Role)):
        return answer.status_code == 403
    if rule.endpoint == "auth.sign_out":
        return answer.status_code == 302
    refused = answer.status_code >= 500 or answer.status_code == 403
    return not refused and not shut(access.SIGNED_IN, answer)


@pytest.fixture
def walked(app: Flask, client_of: SignedInClient, ids: Ids, seated: set[str]) -> Walked:
    """The application with everybody in their seats, how they sign in, and what they ask for."""
    return app, client_of, ids


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("unit", Unit)
def test_staff_come_in_where_their_role_may_and_never_by_a_persons_door(
    walked: Walked, unit: Unit, undone: None
) -> None:
    (app, client_of, ids), wrong = walked, []
    for role in Role:
        for rule, method, answer in answers(app, partial(client_of, role), ids, access.SIGNED_IN):
            status = answer.status_code
            if not right(rule, role, answer):
                wrong.append(f"{role} at {unit}: {method} {rule.endpoint} answers {status}")
        for rule, method, answer in answers(app, partial(client_of, role), ids, access.PERSON):
            if not shut(access.PERSON, answer):
                wrong.append(f"{role} at {unit}: {method} {rule.endpoint} lets in")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("unit", [Unit.OTHER_OFFICE, Unit.OTHER_AGENCY])
def test_no_page_for_all_staff_names_a_person_out_of_reach(
    walked: Walked, unit: Unit, seated: set[str]
) -> None:
    (app, client_of, ids), cells, told = walked, table(), []
    for role in Role:
        if unit in REACHED[cells[Permission.SEE_CASES, role]]:
            continue
        client = client_of(role)
        for rule in guarded(app, access.SIGNED_IN):
            if "GET" in (rule.methods or ()):
                answer = client.open(**asked(app, rule, ids, "GET"), follow_redirects=True)
                page = answer.get_data()
                told += [f"{role}: {rule.rule}" for name in seated if name.encode() in page]
    assert told == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_stranger_finds_the_doors_and_nothing_behind_them(
    app: Flask, county: County, ids: Ids, undone: None
) -> None:
    wrong = []
    for guard in (access.SIGNED_IN, access.PERSON):
        for rule, method, answer in answers(app, app.test_client, ids, guard):
            if not shut(guard, answer):
                wrong.append(f"{method} {rule.endpoint} answers {answer.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_person_comes_in_to_their_own_pages_and_to_no_page_of_staff(
    app: Flask, ids: Ids, opened_phone: FlaskClient, undone: None
) -> None:
    wrong = []
    for rule, method, answer in answers(app, lambda: opened_phone, ids, access.PERSON):
        status = answer.status_code
        if status >= 500 or status in {401, 403} or shut(access.PERSON, answer):
            wrong.append(f"{method} {rule.endpoint} answers {status}")
    for rule, method, answer in answers(app, lambda: opened_phone, ids, access.SIGNED_IN):
        if not shut(access.SIGNED_IN, answer):
            wrong.append(f"{method} {rule.endpoint} lets a phone in")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("unit", Unit)
def test_a_phone_opens_nothing_of_another_person(
    walked: Walked, other_phone: FlaskClient, seated: set[str], unit: Unit, undone: None
) -> None:
    (app, _, ids), wrong = walked, []
    for rule, method, answer in answers(app, lambda: other_phone, ids, access.PERSON):
        theirs = rule.arguments - OF_NOBODY
        if theirs and answer.status_code != 404:
            wrong.append(f"{method} {rule.endpoint} answers {answer.status_code}")
        if any(name.encode() in answer.get_data() for name in seated):
            wrong.append(f"{method} {rule.endpoint} names somebody else")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_for_machines_opens_to_no_account_and_to_no_phone(
    app: Flask, client_of: SignedInClient, ids: Ids, opened_phone: FlaskClient, undone: None
) -> None:
    everybody: list[Enter] = [lambda: opened_phone, app.test_client]
    everybody += [partial(client_of, role) for role in Role]
    for enter in everybody:
        for rule, _, answer in answers(app, enter, ids, access.BEARER):
            assert answer.status_code in {401, 403}, rule.rule


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("unit", [Unit.OWN])
def test_what_is_open_to_anyone_is_open_to_all_and_names_nobody(
    walked: Walked, unit: Unit, seated: set[str], undone: None
) -> None:
    (app, client_of, ids), wrong = walked, []
    everybody: list[Enter] = [app.test_client, *(partial(client_of, role) for role in Role)]
    for enter in everybody:
        for rule, method, answer in answers(app, enter, ids, access.ANYONE):
            named = any(name.encode() in answer.get_data() for name in seated)
            barred = answer.status_code in {401, 403} and rule.endpoint not in ASKING
            if barred or answer.status_code == 500 or named:
                wrong.append(f"{method} {rule.endpoint} answers {answer.status_code}")
    assert not wrong, "\n".join(wrong)
