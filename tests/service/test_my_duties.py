"""My duties, what is owed to me, how points are gained again, and my consent: on the phone."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from correction_service.law import clock_rules, duties
from correction_service.law.duties import Bearer
from correction_service.law.limits import bounds
from correction_service.people import consents
from correction_service.rights import duties as owed
from models.case import Case, CaseState, Category
from tests.county import NOW, County


def of(database: Database, county: County) -> dict[Bearer, dict[str, owed.Owed]]:
    with database.reading() as session:
        found = owed.of(session, session.get_one(Case, county.case), NOW)
        return {bearer: {it.duty.name: it for it in some} for bearer, some in found.items()}


def change(database: Database, county: County, **fields: object) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        for name, value in fields.items():
            setattr(case, name, value)


def test_every_duty_leans_on_a_clock_and_a_limit_that_the_law_tables_have() -> None:
    for duty in duties.duties():
        assert duty.clock is None or duty.clock in clock_rules.rules()
        assert duty.limit is None or duty.limit in bounds()
        asks = duty.limit or duty.item
        assert all(("{value}" in words) == bool(asks) for words in duty.said.values()), duty.name


def test_a_duty_with_a_clock_stands_there_while_the_clock_runs(
    database: Database, county: County
) -> None:
    assert "report_in" not in of(database, county)[Bearer.PERSON]
    change(database, county, state=CaseState.AWAITING_REPORT, reported_on=None)
    reporting = of(database, county)[Bearer.PERSON]["report_in"]
    assert (str(reporting.until), reporting.over) == ("2026-11-11", True)


def test_a_health_report_is_asked_of_those_outside_prison_alone(
    database: Database, county: County
) -> None:
    assert "health_report" not in of(database, county)[Bearer.PERSON]
    change(database, county, category=Category.OUTSIDE_PRISON)
    assert str(of(database, county)[Bearer.PERSON]["health_report"].until) == "2026-12-03"


def test_the_numbers_are_those_of_the_limits_and_of_the_rulebook(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
    theirs = of(database, county)[Bearer.OFFICE]
    assert "within 30 days" in theirs["data_copy"].said["en"]
    assert "within 10 working days" in theirs["objections"].said["en"]


def test_the_page_says_duties_with_their_law_and_marks(
    opened_phone: FlaskClient, database: Database
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
    page = opened_phone.get("/m/duties").text
    assert "With a good reason it must be approved." in page
    assert "LCC 27" in page
    assert "to be checked" in page
    assert "{value}" not in page


def test_a_law_is_said_by_its_name_in_chinese(opened_phone: FlaskClient) -> None:
    page = opened_phone.get("/m/duties?lang=zh").text
    assert "《社区矫正法》第27条" in page
    assert "LCC" not in page


def test_points_say_how_to_gain_them_by_the_rulebook(
    opened_phone: FlaskClient, database: Database
) -> None:
    assert "How to gain points" not in opened_phone.get("/m/points").text
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
    page = opened_phone.get("/m/points").text
    assert "Volunteering, per verified two hours" in page
    assert "at most 6 a month" in page


def test_consent_is_given_and_withdrawn_on_the_phone_and_costs_nothing(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    assert "Separate consent" in opened_phone.get("/m/consent").text
    for choice, given in (("give", True), ("withdraw", False)):
        opened_phone.post("/m/consent", data={"choice": choice})
        with database.reading() as session:
            latest = consents.latest(session, session.get_one(Case, county.case).person)
            assert latest is not None
            assert (latest.given, latest.recorded_by) == (given, None)
    page = opened_phone.get("/m/consent").text
    assert "costs nothing" in page
    assert 'href="/m/help"' in page


@pytest.mark.parametrize("choice", ["", "perhaps"])
def test_a_consent_is_never_guessed(opened_phone: FlaskClient, choice: str) -> None:
    assert opened_phone.post("/m/consent", data={"choice": choice}).status_code == 422


def test_a_minor_withdraws_alone_but_does_not_consent_alone(
    opened_phone: FlaskClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).person.born_on = datetime.now(UTC).date()
    assert opened_phone.post("/m/consent", data={"choice": "give"}).status_code == 409
    assert opened_phone.post("/m/consent", data={"choice": "withdraw"}).status_code == 302
