"""Points: confirmed, objected to, taken back by a second line."""

import re
from datetime import UTC, datetime

from playwright.sync_api import Page, expect
from sqlalchemy import select

from correction_service import hours
from correction_service.casework import points
from models.points import PointsEntry
from models.user import Role
from tests.e2e.stations.penalty import missed
from tests.e2e.stations.seats import Seats, pictured, today


def confirm_points(seats: Seats) -> None:
    """Of what the machine proposed: the missed check-in that the admonition leaves, and that."""
    page = seats.desk(Role.OFFICER, "/points/")
    pictured(page, "points-drafts")
    alone = hours.local_day(missed(seats, "day:2"))
    for what, reason in ((f"happened on {alone}", "未签到"), ("Admonition", "受到训诫")):
        draft = page.get_by_role("article").filter(has_text=what)
        draft.get_by_text("Confirm", exact=True).click()
        draft.get_by_label("The reason, as the person will read it").fill(reason)
        draft.get_by_role("button", name=re.compile("^Enter")).click()
        expect(page.get_by_text("Entered, and the person is told.")).to_be_visible()
    assert [entry.points for entry in entries(seats)] == [-5, -10]


def entries(seats: Seats) -> list[PointsEntry]:
    """The ledger, as it was written; nothing in it ever changes."""
    with seats.database.reading() as session:
        found = list(session.scalars(select(PointsEntry).order_by(PointsEntry.id)))
        session.expunge_all()
        return found


def object_to_points(seats: Seats, phone: Page) -> None:
    """The person objects on the phone, the county head upholds, a second line takes it back."""
    phone.goto(f"{seats.address}/m/points")
    entry = phone.get_by_role("listitem").filter(has_text="未签到")
    entry.get_by_text("Object", exact=True).click()
    entry.get_by_label("What is wrong with it?").fill("当天住院，有病历")
    entry.get_by_role("button", name="Send the objection").click()
    expect(phone.get_by_text("Until then it does not count.")).to_be_visible()
    pictured(phone, "objection")
    page = seats.desk(Role.COUNTY_HEAD, "/points/objections")
    pictured(page, "objections")
    page.get_by_label("The answer, as the person will read it").fill("病历属实")
    page.get_by_role("button", name="Uphold").click()
    expect(page.get_by_text("Answered, and the person is told.")).to_be_visible()
    phone.reload()
    expect(phone.get_by_text("Your objection was right: 病历属实")).to_be_visible()
    ledger = entries(seats)
    assert [entry.points for entry in ledger] == [-5, -10, 5]
    assert ledger[2].reverses_id == ledger[0].id
    assert balances(seats)


def balances(seats: Seats) -> bool:
    """Whether the balance of the month is its base and the sum of its entries."""
    now = datetime.now(UTC)
    with seats.database.reading() as session:
        month = points.balance(session, seats.case, today(), now)
        return month.total == month.base + sum(entry.points for entry in month.entries)
