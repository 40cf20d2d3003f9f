"""An order to position on a fact, never on a score; the bracelet under it, and its end."""

from datetime import UTC, date, datetime

from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from models.case import Case, CaseState
from models.device import Binding
from models.fix import Fix
from models.leave import Leave
from models.order import PositioningOrder
from models.user import Role
from tests.e2e.stations.seats import DAY, Seats, pictured, today
from tests.tracked import HUICHUAN, fix, heard, take


def ordering(seats: Seats, ends_on: date) -> Page:
    """The county head's page of orders, with everything typed but the facts."""
    page = seats.desk(Role.COUNTY_HEAD, "/cases/{case}/orders")
    page.get_by_label("Ground", exact=True).select_option("left_without_approval")
    page.get_by_label("Facts and evidence").fill("逾期未归一日，无正当理由，见外出审批表 17")
    page.get_by_label("Until the end of").fill(str(ends_on))
    return page


def refuse_a_score_as_ground(seats: Seats) -> None:
    """The officer finds no form; the head's is refused without a fact, and with a score as one."""
    page = seats.desk(Role.OFFICER, "/cases/{case}/orders")
    expect(page.get_by_text("The head of the county agency decides.")).to_be_visible()
    expect(page.get_by_role("button", name="Decide")).to_have_count(0)
    page = ordering(seats, today() + 50 * DAY)
    page.get_by_role("button", name="Decide").click()
    alert = page.get_by_role("alert")
    expect(alert).to_have_text("Link the incident, leave or document that shows it.")
    score = page.get_by_role("checkbox", name="late return from leave")
    score.evaluate("box => (box.value = 'score:7')")  # no page offers one
    score.check()
    page.get_by_role("button", name="Decide").click()
    expect(alert).to_contain_text("A score, a level or points is no ground")


def order_positioning(seats: Seats) -> None:
    """On the late return, which is on the file; longer than the term is refused first."""
    page = ordering(seats, today() + 61 * DAY)
    page.get_by_role("checkbox", name="late return from leave").check()
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("alert")).to_contain_text("An order ends with the term at the latest")
    page.get_by_label("Until the end of").fill(str(today() + 50 * DAY))
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("The order is decided. The person is told")).to_be_visible()
    pictured(page, "order")
    with seats.database.reading() as session:
        order = session.scalars(select(PositioningOrder)).one()
        assert [fact.subject_id for fact in order.facts] == [session.scalar(select(Leave.id))]


def fit_the_bracelet(seats: Seats) -> None:
    """Only now is there a bracelet to fit."""
    page = seats.desk(Role.OFFICER, "/enrol/{case}")
    page.get_by_role("combobox", name="Bracelet").fill("B0001")
    page.get_by_role("button", name="Fitted").click()
    expect(page.locator("#step-bracelet")).to_contain_text("B0001")
    seats.days_pass(5)


def stop_tracking(seats: Seats) -> None:
    """The order is lifted, the bracelet off: what it says now is not stored."""
    now = datetime.now(UTC)  # what was heard of the time before is the case's all the same
    with seats.database.reading() as session:
        assert session.get_one(Case, seats.case).state is CaseState.RELEASED
        assert session.scalars(select(PositioningOrder.lifted_at)).one() is not None
        assert session.scalars(select(Binding.unbound_at)).one() is not None
    take(seats.database, heard(fix(now, HUICHUAN), received=now), now=now)
    with seats.database.reading() as session:
        since = select(func.count()).select_from(Fix).where(Fix.time >= now)
        assert session.scalar(since) == 0
