"""An order to position on a fact, never on a score; the bracelet under it, and its end."""

from datetime import UTC, datetime

from playwright.sync_api import expect
from sqlalchemy import func, select

from models.case import Case, CaseState
from models.device import Binding
from models.fix import Fix
from models.leave import Leave
from models.order import PositioningOrder
from models.user import Role
from tests.e2e.stations.seats import DAY, NAME, Seats, pictured, today
from tests.tracked import HUICHUAN, fix, heard, take


def refuse_a_score_as_ground(seats: Seats) -> None:
    """What the officer prepares is refused without a fact, and with a score as one."""
    page = seats.desk(Role.OFFICER, "/cases/{case}/orders")
    expect(page.get_by_role("button", name="Decide")).to_have_count(0)
    page.get_by_label("Ground", exact=True).select_option("left_without_approval")
    page.get_by_label("Facts and evidence").fill("逾期未归一日，无正当理由，见外出审批表 17")
    page.get_by_label("Until the end of").fill(str(today() + 50 * DAY))
    prepare = page.get_by_role("button", name="Prepare for the head")
    prepare.click()
    alert = page.get_by_role("alert")
    expect(alert).to_have_text("Link the incident, leave or document that shows it.")
    score = page.get_by_role("checkbox", name="late return from leave")
    score.evaluate("box => (box.value = 'score:7')")  # no page offers one
    score.check()
    prepare.click()
    expect(alert).to_contain_text("A score, a level or points is no ground")
    page.get_by_role("checkbox", name="late return from leave").check()
    prepare.click()
    expect(page.get_by_text("Nothing is ordered before the head decides.")).to_be_visible()


def order_positioning(seats: Seats) -> None:
    """The head decides from it, on the late return; longer than the term is refused first."""
    page = seats.desk(Role.COUNTY_HEAD, "/")
    row = page.get_by_role("listitem").filter(has_text="An order to position is prepared")
    row.get_by_role("link", name=NAME).click()
    expect(page.get_by_role("checkbox", name="late return from leave")).to_be_checked()
    page.get_by_label("Until the end of").fill(str(today() + 61 * DAY))
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
