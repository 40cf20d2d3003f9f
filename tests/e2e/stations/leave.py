"""A leave: asked on the phone, granted at the right desk, come back from too late."""

from datetime import UTC, datetime

from playwright.sync_api import Page, expect
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import overdue
from models.case import Case, CaseState
from models.leave import Leave, LeaveState
from models.leave_request import LeaveLevel, LeaveRequest
from models.user import Role
from tests.e2e.stations.seats import DAY, HOUR, NAME, Seats, local, pictured


def ask_for_leave(seats: Seats, phone: Page) -> None:
    """Two days away is the office's to decide."""
    phone.get_by_role("link", name="Ask for leave").click()
    now = datetime.now(UTC)
    phone.get_by_label("What for").select_option("medical")
    phone.get_by_label("Where to").fill("贵阳市")
    phone.get_by_label("From").fill(local(now - HOUR))
    phone.get_by_label("Back by").fill(local(now + 2 * DAY))
    phone.get_by_label("In your own words").fill("复查")
    phone.get_by_role("button", name="Send the request").click()
    expect(phone.get_by_text("Your judicial office decides.")).to_be_visible()
    pictured(phone, "leave-asked")
    with seats.database.reading() as session:
        assert session.scalars(select(LeaveRequest.level)).one() is LeaveLevel.OFFICE


def grant_the_leave(seats: Seats, phone: Page) -> None:
    """The officer may not, the head of the office may; the case is on leave by itself."""
    page = seats.desk(Role.OFFICER, "/cases/{case}/decisions")
    asked = page.locator("#requests")
    expect(asked).to_contain_text("贵阳市")
    expect(asked.get_by_role("button", name="Approve")).to_have_count(0)
    page = seats.desk(Role.OFFICE_HEAD, "/")
    page.get_by_role("link", name=NAME).click()
    asked = page.locator("#requests")
    asked.get_by_label("Approved on which paper").fill("外出审批表 17")
    asked.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("on leave now")).to_be_visible()
    pictured(page, "leave-granted")
    phone.goto(f"{seats.address}/m/")
    expect(phone.get_by_text("You are on leave.")).to_be_visible()
    with seats.database.reading() as session:
        assert session.get_one(Case, seats.case).state is CaseState.ON_LEAVE


def come_back_late(seats: Seats, phone: Page) -> None:
    """A day too late: the clock asks where the person is, who then says so; signed off."""
    seats.days_pass(3)
    with seats.database.transaction(SYSTEM, "test") as session:
        overdue.watch(session, datetime.now(UTC))
    phone.goto(f"{seats.address}/m/")
    expect(phone.get_by_text("Your leave ended")).to_be_visible()
    phone.get_by_role("link", name="Ask for leave").click()
    phone.get_by_role("button", name="I am back").click()
    expect(phone.get_by_text("Your officer has been told that you are back")).to_be_visible()
    page = seats.desk(Role.OFFICER, "/")
    pictured(page, "leave-overdue")
    row = page.get_by_role("listitem").filter(has_text="Says that they are back from leave")
    row.get_by_role("link", name=NAME).click()
    page.get_by_role("button", name="Sign off as back").click()
    expect(page.get_by_text("Signed off as back.")).to_be_visible()
    with seats.database.reading() as session:
        leave = session.scalars(select(Leave)).one()
        assert leave.state is LeaveState.RETURNED
        assert leave.returned_at is not None
        assert leave.returned_at > leave.ends_at
