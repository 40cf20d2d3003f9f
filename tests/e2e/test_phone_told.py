"""On a small phone: read an order for a bracelet, tell of a change, see that it was read."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import change_reports
from correction_service.db import Database
from correction_service.people import phones
from models.case import Case
from models.change_report import ChangeKind, ChangeReport
from models.order import Ground, PositioningOrder
from models.user import Role, User
from tests.county import County
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desks import fits
from tests.e2e.phones import activate, base_url, phone, picture

__all__ = ["base_url"]

pytestmark = pytest.mark.browser
SMALL = "all => all.filter(it => it.offsetParent && it.getBoundingClientRect().height < 44).length"


@pytest.fixture
def person(base_url: str, database: Database, county: County, browser: OpenBrowser) -> Page:
    """The phone page of somebody under an order, in Chinese; no face is enrolled."""
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "test") as session:
        order = PositioningOrder(
            case_id=county.case,
            ground=Ground.LEFT_WITHOUT_APPROVAL,
            evidence="2026年11月1日未经批准离开遵义市",
            starts_at=now - timedelta(days=1),
            ends_at=now + timedelta(days=30),
            approved_by=county.users[Role.COUNTY_HEAD],
            approved_at=now - timedelta(days=1),
        )
        session.add(order)
        code = phones.offer(session, session.get_one(Case, county.case).person, now)
    page = phone(browser(), "zh-CN").new_page()
    activate(page, base_url, code)
    page.get_by_role("button", name="继续").click()
    return page


def checked(page: Page, name: str) -> None:
    """It fits the screen, what is touched is big enough, and a picture is left."""
    picture(page, name)
    assert fits(page)
    assert (
        page.eval_on_selector_all("main button, main .button, main select, main .more", SMALL) == 0
    )


def test_an_order_is_read_from_the_first_page_to_the_way_to_object(person: Page) -> None:
    person.get_by_role("link", name="查看决定").click()
    expect(person.get_by_role("heading", name="正在执行")).to_be_visible()
    expect(person.get_by_text("未经批准离开市、县").first).to_be_visible()
    expect(person.get_by_text("2026年11月1日")).to_have_count(0)
    checked(person, "orders-zh")
    person.get_by_role("link", name="申诉、控告、检举").click()
    expect(person.get_by_role("heading", level=1)).to_contain_text("申诉")


def test_a_change_is_told_with_a_receipt_and_the_answer_is_read(
    person: Page, database: Database, county: County
) -> None:
    person.get_by_role("link", name=re.compile("报告情况变化")).click()
    person.get_by_label("什么有变化").select_option("job")
    person.get_by_label("用自己的话说明").fill("下个月换到新蒲的工地。")
    checked(person, "change-zh")
    person.get_by_role("button", name="提交").click()
    expect(person.get_by_role("status")).to_contain_text("已经收到，回执号")
    expect(person.get_by_text("等待工作人员查看")).to_be_visible()
    with database.transaction(SYSTEM, "test") as session:
        report = session.scalars(select(ChangeReport)).one()
        assert report.kind is ChangeKind.JOB
        officer, now = session.get_one(User, county.users[Role.OFFICER]), datetime.now(UTC)
        change_reports.read(session, officer, report.id, note="", answer="请带上合同。", now=now)
    person.reload()
    expect(person.get_by_text("请带上合同。")).to_be_visible()
    checked(person, "change-read-zh")
