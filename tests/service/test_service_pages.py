"""A bracelet in an officer's hands: begin, see that it runs, end, replace."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.audit import AuditRecord
from models.device import Binding, Device
from models.incident import Cause
from models.order import PositioningOrder
from models.service import ServiceSession
from models.user import Role
from tests.pages import SignedInClient
from tests.tracked import Tracked, event, incidents_of, live_at


@pytest.fixture
def path(database: Database, tracked: Tracked) -> str:
    """The page, with an order in force by today's clock, which the pages go by."""
    with database.transaction(SYSTEM, "test") as session:
        order = session.get_one(PositioningOrder, tracked.order)
        order.ends_at = datetime.now(UTC) + timedelta(days=30)
    return f"/cases/{tracked.case}/bracelet"


@pytest.fixture
def officer(client_of: SignedInClient) -> FlaskClient:
    return client_of(Role.OFFICER)


def test_an_officer_begins_a_session_sees_it_run_and_ends_it(
    officer: FlaskClient, database: Database, path: str
) -> None:
    form = {"kind": "battery_swap", "minutes": "15"}
    begun = officer.post(f"{path}/service", data=form, follow_redirects=True)
    assert "service session 1 runs until" in begun.text
    now = datetime.now(UTC)
    live_at(database, event(now, "case_open"), now)
    (incident,) = incidents_of(database)
    assert incident.cause is Cause.SERVICED
    seen = officer.get(f"/incidents/{incident.id}").text
    assert "within a service session: battery swap" in seen
    again = officer.post(f"{path}/service", data=form, follow_redirects=True)
    assert "running for this person already" in again.text
    ended = officer.post(f"{path}/service/end", data={"note": "done"}, follow_redirects=True)
    assert "runs until" not in ended.text
    assert "1 · battery swap · done" in ended.text
    twice = officer.post(f"{path}/service/end", follow_redirects=True)
    assert "over already" in twice.text
    with database.reading() as session:
        service = session.scalars(select(ServiceSession)).one()
        written = select(AuditRecord).where(AuditRecord.subject_kind == "service_session")
        assert service.closed_at is not None
        assert len(session.scalars(written).all()) >= 2


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({"kind": "polish", "minutes": "15"}, "Choose one of the list."),
        ({"kind": "fit", "minutes": "600"}, "lasts 1 to 60 minutes"),
        ({"kind": "fit", "minutes": "soon"}, "lasts 1 to 60 minutes"),
    ],
)
def test_what_makes_no_sense_begins_no_session(
    officer: FlaskClient, path: str, form: dict[str, str], refusal: str
) -> None:
    assert refusal in officer.post(f"{path}/service", data=form, follow_redirects=True).text


def test_a_bracelet_is_replaced_by_another_of_the_agency(
    officer: FlaskClient, database: Database, tracked: Tracked, path: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        gateway = session.get_one(Device, tracked.device).gateway
        session.add(Device(name="B0002", gateway=gateway))
    missing = officer.post(f"{path}/replace", data={"device": "B9"}, follow_redirects=True)
    assert missing.status_code == 404
    replaced = officer.post(f"{path}/replace", data={"device": "B0002"}, follow_redirects=True)
    assert "The bracelet is replaced." in replaced.text
    with database.reading() as session:
        worn = select(Device.name).join(Binding).where(Binding.unbound_at.is_(None))
        assert session.scalars(worn).all() == ["B0002"]


def test_a_procurator_sees_a_session_and_begins_none(client_of: SignedInClient, path: str) -> None:
    procurator = client_of(Role.PROCURATOR)
    assert "No service session is running." in procurator.get(path).text
    for act in ("service", "service/end", "replace"):
        assert procurator.post(f"{path}/{act}").status_code == 403
