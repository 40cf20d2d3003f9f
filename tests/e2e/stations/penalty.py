"""An admonition: prepared on facts, the person heard, decided by another, served, printed."""

from datetime import datetime

from playwright.sync_api import Page, expect
from sqlalchemy import select

from models.checkin import CheckInDuty
from models.discipline import Measure, MeasureState
from models.printed_form import PrintedForm
from models.user import Role
from tests.e2e.stations.seats import DAY, Seats, clock, pictured, today


def missed(seats: Seats, key: str) -> datetime:
    """When the window of a missed check-in closed."""
    with seats.database.reading() as session:
        closed = select(CheckInDuty.closes_at).where(CheckInDuty.key == key)
        at = session.scalars(closed).one()
        assert at is not None
        return at


def prepare_an_admonition(seats: Seats) -> None:
    """On two missed check-ins and the strap; points are no fact; the person is heard."""
    page = seats.desk(Role.OFFICER, "/measures/cases/{case}")
    pictured(page, "admonition-form")
    page.locator("[name=ground]").select_option("admonition.late_or_out")
    page.get_by_label("Day on which it began").fill(str(today() - 2 * DAY))
    page.get_by_label("Days, where the ground asks").fill("2")
    facts = page.get_by_role("group", name="Facts that it rests on")
    facts.get_by_role("checkbox", name="Strap opened").check()
    for key in ("day:0", "day:1"):
        facts.get_by_role("checkbox", name=clock(missed(seats, key))).check()
    page.get_by_label("What was found").fill("剪断腕带，两日未签到，脱离监管二日")
    page.get_by_role("button", name="Prepare").click()
    expect(page.get_by_text("Prepared. The person is heard")).to_be_visible()
    expect(page.get_by_role("button", name="Decide")).to_have_count(0)
    page.get_by_label("In the person’s words").fill("承认，以后不再犯")
    page.get_by_role("button", name="Write down").click()
    expect(page.get_by_role("main")).to_contain_text("承认，以后不再犯")


def decide_and_serve_it(seats: Seats, phone: Page) -> None:
    """A second person decides; served, copied, printed; the person reads it on the phone."""
    page = seats.desk(Role.COUNTY_HEAD, "/measures/")
    page.get_by_role("link", name="Admonition").click()
    page.get_by_label("Number of the document").fill("（汇）矫训〔2026〕5号")
    page.get_by_label("Reason").fill("事实清楚，情节轻微")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("Decided.")).to_be_visible()
    page = seats.desk(Role.OFFICER, "/measures/cases/{case}")
    page.get_by_role("link", name="Admonition").click()
    page.get_by_label("How it was handed over").fill("当面宣读，本人签收")
    page.get_by_role("button", name="Served").click()
    page.get_by_label("Number of the letter").fill("（汇）函〔2026〕9号")
    page.get_by_role("button", name="Copied").click()
    expect(page.get_by_role("main")).to_contain_text("（汇）函〔2026〕9号")
    pictured(page, "admonition")
    printed(seats, "社区矫正训诫决定书")
    phone.goto(f"{seats.address}/m/points")
    expect(phone.get_by_text("（汇）矫训〔2026〕5号")).to_be_visible()
    with seats.database.reading() as session:
        measure = session.scalars(select(Measure)).one()
        assert measure.state is MeasureState.DECIDED
        assert measure.decided_by != measure.prepared_by


def printed(seats: Seats, title: str) -> None:
    """Print a form under a number; what is kept is a PDF."""
    page = seats.desk(Role.OFFICER, "/cases/{case}/forms")
    form = page.get_by_role("listitem").filter(has_text=title)
    form.get_by_role("button", name="Print under a number").click()
    expect(page.get_by_text("Printed under")).to_be_visible()
    pictured(page, f"forms-{title}")
    with seats.database.reading() as session:
        newest = select(PrintedForm).order_by(PrintedForm.at.desc()).limit(1)
        number = session.scalars(newest).one().number
    opened = page.context.expect_event("response", lambda it: "/cases/forms/" in it.url)
    with opened as answered:
        page.get_by_role("button", name=f"Open {number}").click()
    assert answered.value.headers["content-type"] == "application/pdf"
