"""A measure from its preparation to its copy, in the pages of the console."""

from sqlalchemy import select

from correction_service.db import Database
from models.discipline import Measure, MeasureState
from models.user import Role
from tests.county import County
from tests.pages import SignedInClient

FORM = {
    "ground": "admonition.minor_breach",
    "happened_on": "2026-11-01",
    "documents": "PV-12",
    "found": "did not report twice",
}


def test_one_prepares_the_other_decides_and_the_file_shows_law_mark_and_facts(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer, head = client_of(Role.OFFICER), client_of(Role.COUNTY_HEAD)
    place = f"/measures/cases/{county.case}"
    assert "Points, a level or a score are never the ground." in officer.get(place).text
    wrong = officer.post(place, data=FORM | {"documents": ""})
    assert wrong.status_code == 422
    assert "did not report twice" in wrong.text  # what was typed stays
    page = officer.post(place, data=FORM, follow_redirects=True).text
    assert "IM 34 (S)" in page
    assert "Number of the document PV-12" in page
    with database.reading() as session:
        made = session.scalars(select(Measure.id)).one()
    url = f"/measures/{made}"
    officer.post(f"{url}/hear", data={"note": "says nothing"})
    decision = {"decision": "agreed", "number": "1", "note": "true"}
    assert officer.post(f"{url}/decide", data=decision).status_code == 403
    assert "to decide" in head.get("/measures/").text
    head.post(f"{url}/decide", data=decision)
    officer.post(f"{url}/serve", data={"note": "handed over"})
    officer.post(f"{url}/copy", data={"note": "L-7"})
    page = officer.get(url).text
    assert "handed over" in page
    assert "L-7" in page
    assert "Nothing waits." in head.get("/measures/").text
    with database.reading() as session:
        assert session.get_one(Measure, made).state is MeasureState.DECIDED


def test_a_procurator_reads_the_file_and_decides_nothing(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    client_of(Role.OFFICER).post(f"/measures/cases/{county.case}", data=FORM)
    with database.reading() as session:
        made = session.scalars(select(Measure.id)).one()
    procurator = client_of(Role.PROCURATOR)
    assert "did not report twice" in procurator.get(f"/measures/{made}").text
    assert procurator.post(f"/measures/{made}/hear", data={"note": "x"}).status_code == 403
