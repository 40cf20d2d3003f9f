"""The phone's and the console's pages of a leave that somebody asks for."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import orders
from correction_service.casework.order_facts import Fact
from correction_service.db import Database
from correction_service.settings import Settings
from models.leave_request import LeaveProof
from models.order import Ground
from models.user import Role
from tests.county import County
from tests.leave import PDF, WISH, ask, user
from tests.pages import SignedInClient

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def local(moment: datetime) -> str:
    return (moment + 8 * HOUR).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_from_the_phone_to_the_head_and_back(
    database: Database, county: County, opened_phone: FlaskClient, client_of: SignedInClient
) -> None:
    now = datetime.now(UTC)
    form = {
        "reason": "medical", "destination": "贵阳市", "starts_at": local(now - HOUR),
        "ends_at": local(now + 2 * DAY), "why": "到贵阳复查",
    }  # fmt: skip
    wrong = opened_phone.post("/m/leave", data={**form, "destination": "贵阳"})
    assert (wrong.status_code, 'id="destination-error"' in wrong.text) == (422, True)
    assert "到贵阳复查" in wrong.text, "what was typed stays"
    proof = {"proof": (io.BytesIO(PDF), "slip.pdf")}
    assert opened_phone.post("/m/leave", data={**form, **proof}).status_code == 302
    page = opened_phone.get("/m/leave").text
    assert "Your judicial office decides." in page
    head = client_of(Role.OFFICE_HEAD)
    assert "Asks for leave" in head.get("/").text
    decisions = head.get(f"/cases/{county.case}/decisions").text
    assert all(said in decisions for said in ("到贵阳复查", "Proof 1", "IM 27 (R)"))
    with database.reading() as session:
        stored = session.scalars(select(LeaveProof.photo_id)).one()
    slip = head.get(f"/cases/leave-proofs/{stored}")
    assert (slip.data, slip.headers["Content-Disposition"][:10]) == (PDF, "attachment")
    head.post(f"/cases/{county.case}/leave-requests/1/approve", data={"note": "审批表 9"})
    assert "approved" in opened_phone.get("/m/leave").text
    assert opened_phone.post("/m/leave/1/back").status_code == 302
    assert "Your officer confirms it." in opened_phone.get("/m/leave").text
    assert "says that they are back" in head.get(f"/cases/{county.case}/decisions").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_order_that_is_decided_stands_on_the_phone(
    database: Database, county: County, opened_phone: FlaskClient
) -> None:
    assert "A bracelet is ordered" not in opened_phone.get("/m/").text
    now = datetime.now(UTC)
    wanted = orders.Wanted(
        ground=Ground.LEFT_WITHOUT_APPROVAL,
        evidence="离开遵义市三日",
        facts=[Fact("document", None, "询问笔录 3")],
        starts_on=hours.local_day(now),
        ends_on=hours.local_day(now) + 30 * DAY,
    )
    with database.transaction(SYSTEM, "test") as session:
        orders.decide(session, user(session, county, Role.COUNTY_HEAD), county.case, wanted, now)
    page = opened_phone.get("/m/").text
    assert "A bracelet is ordered for you until" in page
    assert "There is a new decision for you" in page


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_refusal_is_read_on_the_phone_and_a_request_is_taken_back(
    database: Database,
    county: County,
    opened_phone: FlaskClient,
    client_of: SignedInClient,
    settings: Settings,
) -> None:
    soon = datetime.now(UTC) + DAY
    wish = replace(WISH, starts_at=soon, ends_at=soon + 2 * DAY)
    for _ in range(2):
        ask(database, settings, county, wish)
    refusal = {"note": "当日须到庭"}
    client_of(Role.COUNTY_HEAD).post(f"/cases/{county.case}/leave-requests/1/refuse", data=refusal)
    assert opened_phone.post("/m/leave/2/withdraw").status_code == 302
    page = opened_phone.get("/m/leave").text
    assert all(said in page for said in ("当日须到庭", "You may object", "taken back"))
