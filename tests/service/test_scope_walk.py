"""Every route for every role and unit: who may, of whose cases, as one table says it.

A case stands at one office. Whoever is asked sits at that office, at another of the same agency, or
in another agency; what a role may do reaches as far as its cell of the table.
"""

import io
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule

from correction_service import access
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.agency import Agency, AgencyLevel, Office
from models.audit import AuditRecord
from models.case import Case, TeamMember
from models.user import PERMISSIONS, Permission, Role, User
from tests.county import County
from tests.desk import grey_picture
from tests.named import Ids
from tests.pages import SignedInClient
from tests.tracked import HUICHUAN

# How far each role's permission reaches: its office's cases, its agency's and those below, the
# cases whose team it is on, or not at all.
TABLE = """
                 officer office_head county_head upper_agency procurator volunteer administrator
see_cases        office  office      agency      agency       agency     -         -
see_location     office  office      agency      -            agency     -         -
see_photos       office  office      agency      -            -          -         -
see_reviews      office  office      agency      -            agency     -         -
enrol            office  office      agency      -            -          -         -
supervise        office  office      agency      -            -          -         -
confirm_points   office  office      agency      -            -          -         -
approve_orders   -       -           agency      -            -          -         -
decide           -       -           agency      -            -          -         -
decide_leave     -       office      agency      agency       -          -         -
correct_sentences -      office      agency      -            -          -         -
propose_destruction - - agency - - - -
agree_destruction - - agency agency - - -
answer_petitions -       -           agency      agency       agency     -         -
see_audit        -       -           agency      agency       agency     -         agency
see_opinions     -       -           agency      agency       agency     -         -
oversee          -       -           -           -            agency     -         -
assign           -       office      agency      -            -          -         -
see_quality      office  office      agency      agency       agency     -         -
change_rules     -       -           agency      agency       -          -         -
administer       -       -           -           -            -          -         agency
accompany        -       -           -           -            -          team      -
"""
OF_THE_AGENCY = {"place_id", "unit_id", "user_id", "volunteer_id"}  # its offices share these
OF_NOBODY = {"watch", "register"}  # names of lists: whose rows they show is their own matter
# What else an answer may be where the walk sends not all that is asked for: no kiosk was opened,
# the form names no row of its own.
ALSO: dict[str, set[int]] = {
    "kiosk.counter": {401},
    "kiosk.challenge": {401},
    "kiosk.capture": {401},
    "kiosk.receipt": {302},
    "rules.progress": {404},
    "rules.cancel": {404},
    "rules.put_into_force": {404},
    "rules.withdraw": {403, 404},  # only what one's own agency put into force
    "shifts.change": {404},
    "shifts.remove": {404},
    "enrol_tracking.bracelet": {404},
    "services.replace": {404},
    "reviews.decide": {404},
}
# Where a use case asks for more than the permission of the route.
BEYOND: dict[str, set[Role]] = {
    "leave_requests.proof": {Role.PROCURATOR},  # a doctor's letter is for who decides on it
    "requests.page": {Role.PROCURATOR},  # this one is addressed to the county
    "requests.answer": {Role.PROCURATOR},
    "endings.export": {Role.OFFICER, Role.OFFICE_HEAD},  # the list is the whole county's
    "transfers.answer": {Role.COUNTY_HEAD},  # the other place answers
}
NO_LIST = {"live.events"}  # a stream
LEAST = 150  # routes; fewer would mean that the walk missed its way


SPAN = {"since": "2026-11-20T02:00:00Z", "until": "2026-11-20T08:00:00Z"}
JSON = {  # what any of the bodies needs
    "reported_on": "2026-11-03",
    "state": "detained",
    "note": "见通知书",
    "name": "某",
    "sex": "female",
    "part": "family",
    "given": True,
    "ground": "breach_penalised",
    "evidence": "处罚决定书",
    "facts": [{"kind": "penalty", "document": "公（汇）行罚 2026-17"}],
    "starts_on": "2026-11-20",
    "ends_on": "2026-12-20",
    "kind": "exclusion",
    "circle": {"lat": HUICHUAN[0], "lon": HUICHUAN[1], "radius_m": 300},
}
FORM = {"note": "见通知书", "state": "detained", "decision": "refused"}
FILES = {"persons.assess_photo": "photo", "persons.enrol_face": "photos"}


class Unit(StrEnum):
    """Where whoever is asked sits, seen from the case."""

    OWN = "its own office"
    OTHER_OFFICE = "another office of the agency"
    OTHER_AGENCY = "another agency"


REACHED = {
    "office": {Unit.OWN},
    "team": {Unit.OWN},  # the volunteer is on the team there and nowhere else
    "agency": {Unit.OWN, Unit.OTHER_OFFICE},
    "-": set[Unit](),
}


def table() -> dict[tuple[Permission, Role], str]:
    """The table by cell; a permission or role without a place in it is missing."""
    head, *lines = TABLE.strip().splitlines()
    roles = [Role(name) for name in head.split()]
    rows = (line.split() for line in lines)
    return {
        (Permission(name), role): reach
        for name, *reaches in rows
        for role, reach in zip(roles, reaches, strict=True)
    }


def test_every_permission_and_role_has_its_place_in_the_table() -> None:
    assert set(table()) == {(permission, role) for permission in Permission for role in Role}
    held = {cell for cell, reach in table().items() if reach != "-"}
    assert held == {(permission, role) for role in Role for permission in PERMISSIONS[role]}


def guarded(app: Flask) -> list[tuple[Rule, Permission]]:
    """Every route of a permission."""
    guards = (
        (rule, access.guard_of(rule.endpoint, app.view_functions[rule.endpoint]))
        for rule in app.url_map.iter_rules()
    )
    return [(rule, guard) for rule, guard in guards if isinstance(guard, Permission)]


def test_every_parameter_of_a_route_has_something_to_name(app: Flask, ids: Ids) -> None:
    rules = [rule for rule, _ in guarded(app)]
    assert len(rules) >= LEAST
    assert {f"{it.rule}: {name}" for it in rules for name in it.arguments - set(ids)} == set()


@pytest.fixture
def seated(database: Database, county: County, ids: Ids, unit: Unit) -> set[str]:
    """Whom everybody of the unit looks at: the number and the name of the case."""
    sit(database, county, unit)
    with database.reading() as session:
        case = session.get_one(Case, county.case)
        return {case.number, case.person.name}


def asked(app: Flask, rule: Rule, ids: Ids, method: str) -> dict[str, Any]:
    """A whole request, so that nothing but who asks can refuse it."""
    adapter = app.url_map.bind("localhost")
    path = adapter.build(rule.endpoint, {name: ids[name] for name in rule.arguments}, method=method)
    if method == "GET":
        return {"path": path, "method": method, "query_string": SPAN}
    if field := FILES.get(rule.endpoint):
        return {"path": path, "method": method, "data": {field: (photo(), "a.jpg")}}
    if path.startswith("/api/"):
        return {"path": path, "method": method, "json": JSON}
    return {"path": path, "method": method, "data": FORM}


def photo() -> io.BytesIO:
    """A picture as a form sends it."""
    return io.BytesIO(grey_picture())


def sit(database: Database, county: County, unit: Unit) -> None:
    """Let every account sit in a unit; the volunteer is on the team in the case's own."""
    with database.transaction(SYSTEM, "test") as session:
        agency_id = county.agency
        office_id = county.office if unit is Unit.OWN else county.other_office
        if unit is Unit.OTHER_AGENCY:
            elsewhere = Agency(name="别处", level=AgencyLevel.COUNTY, division="520302")
            office = Office(name="丙司法所", agency=elsewhere)
            session.add(office)
            session.flush()
            agency_id, office_id = elsewhere.id, office.id
        for number in county.users.values():
            user = session.get_one(User, number)
            user.agency_id = agency_id
            user.office_id = office_id if user.office_id is not None else None
        member = session.scalars(
            select(TeamMember).where(TeamMember.case_id == county.case)
        ).first()
        assert member is not None
        member.user_id = county.users[Role.VOLUNTEER] if unit is Unit.OWN else None


def wrong(rule: Rule, status: int, role: Role, reach: str, unit: Unit) -> bool:
    """Whether an answer is not what the table says."""
    if reach == "-":
        return status != 403
    if role in BEYOND.get(rule.endpoint, ()):
        return status not in {403, 404}
    if status in ALSO.get(rule.endpoint, ()):
        return False
    bound = rule.arguments - OF_NOBODY
    reached = REACHED["agency" if bound and bound <= OF_THE_AGENCY else reach]
    if bound and unit not in reached:
        return status != 404
    return status in {401, 403, 404} or status >= 500


def walk(app: Flask, client: FlaskClient, ids: Ids, role: Role, unit: Unit) -> Iterator[str]:
    """What is wrong, as one line each."""
    cells = table()
    for rule, permission in guarded(app):
        reach = cells[permission, role]
        if unit is not Unit.OWN and (reach == "-" or not rule.arguments - OF_NOBODY):
            continue  # neither is a matter of where they sit; lists are the next test's
        if not rule.arguments <= set(ids):
            continue  # another test says so
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            answer = client.open(**asked(app, rule, ids, method))
            if wrong(rule, answer.status_code, role, reach, unit):
                yield f"{role} at {unit}: {method} {rule.endpoint} answers {answer.status_code}"
            answer.close()


Walked = tuple[Flask, SignedInClient, Ids]


@pytest.fixture
def walked(app: Flask, client_of: SignedInClient, ids: Ids, seated: set[str]) -> Walked:
    """The application with everybody in their seats, how they sign in, and what they ask for."""
    return app, client_of, ids


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("unit", Unit)
def test_every_route_answers_every_role_of_every_unit_as_the_table_says(
    walked: Walked, unit: Unit, undone: None
) -> None:
    app, client_of, ids = walked
    found = [line for role in Role for line in walk(app, client_of(role), ids, role, unit)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("unit", [Unit.OTHER_OFFICE, Unit.OTHER_AGENCY])
def test_no_list_names_a_person_whom_the_table_puts_out_of_reach(
    app: Flask, client_of: SignedInClient, ids: Ids, unit: Unit, seated: set[str]
) -> None:
    cells, told = table(), []
    for role in Role:
        client = client_of(role)
        for rule, permission in guarded(app):
            lists = "GET" in (rule.methods or ()) and not rule.arguments - OF_NOBODY
            if rule.endpoint in NO_LIST or not lists or unit in REACHED[cells[permission, role]]:
                continue
            page = client.open(**asked(app, rule, ids, "GET")).get_data()
            told += [f"{role}: {rule.rule}" for name in seated if name.encode() in page]
    assert not told, "\n".join(told)


def test_nothing_is_written_for_whoever_is_of_another_office(
    app: Flask, client_of: SignedInClient, database: Database, county: County, ids: Ids
) -> None:
    sit(database, county, Unit.OTHER_OFFICE)
    with database.reading() as session:
        last = session.scalars(select(func.max(AuditRecord.id))).one()
    client = client_of(Role.OFFICE_HEAD)
    bound = [it for it, _ in guarded(app) if it.arguments - OF_NOBODY - OF_THE_AGENCY]
    for rule in bound:
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert client.open(**asked(app, rule, ids, method)).status_code in {403, 404}
    with database.reading() as session:
        written = session.scalars(select(AuditRecord.action).where(AuditRecord.id > last))
        assert written.all() == []
