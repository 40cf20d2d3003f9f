"""Somebody slips away: what machines saw, the flag, the search, an officer's finding."""

import re
from datetime import UTC, datetime

from playwright.sync_api import expect
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.schedule import Chores
from correction_service.storage import packing
from models.case import Case, CaseState
from models.checkin import CheckInDuty, DutyKind, DutyState
from models.risk import FlagKind, RiskFlag
from models.search import SearchRecord, SearchState
from models.user import Role
from tests.e2e.stations.seats import DAY, HOUR, NAME, Seats, local, pictured, today
from tests.tracked import HUICHUAN, event, heard, minutes, take


def slip_away(seats: Seats) -> None:
    """Two days ago the strap was opened among fixes at home; since then nobody checked in."""
    now = datetime.now(UTC)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0) - 2 * DAY
    for kind, said in (
        ("fix", minutes(noon - HOUR, [HUICHUAN] * 60)),
        ("event", event(noon, "strap_open")),
    ):
        word = heard(said, kind=kind, received=noon)
        take(seats.database, word, now=noon)
    packing.run(seats.database, seats.settings, now + DAY)  # that day is closed, at any hour
    with seats.database.transaction(SYSTEM, "test") as session:
        for days in range(3):
            closed = now - days * DAY - 6 * HOUR
            session.add(
                CheckInDuty(
                    case_id=seats.case,
                    kind=DutyKind.SCHEDULED,
                    key=f"day:{days}",
                    opens_at=closed - 2 * HOUR,
                    closes_at=closed,
                    missed_after=closed + 2 * HOUR,
                    state=DutyState.MISSED,
                )
            )
    Chores(seats.database, seats.settings).sweep(now)


def see_the_flag(seats: Seats) -> None:
    """It is on the officer's list, says each fact, and leads on to the search."""
    page = seats.desk(Role.OFFICER, "/")
    pictured(page, "needs-me-now")
    row = page.get_by_role("listitem").filter(has_text="slipping away")
    row.get_by_role("link", name=NAME).click()
    seen = page.get_by_role("main")
    expect(seen).to_contain_text("red")
    expect(seen).to_contain_text("A flag asks you to look; it is not a finding.")
    facts = 5  # three missed check-ins, the strap, the late return
    expect(seen.get_by_role("listitem")).to_have_count(facts)
    pictured(page, "flag")
    page.get_by_role("link", name="Search for a person").click()
    with seats.database.reading() as session:
        kind = RiskFlag.kind == FlagKind.SLIPPING_AWAY
        flag = session.scalars(select(RiskFlag).where(kind)).one()
        record = session.scalars(select(SearchRecord)).one()
        assert (record.flag_id, record.state) == (flag.id, SearchState.DRAFT)


def search(seats: Seats) -> None:
    """Declared since a day, tried, told to the police, found."""
    page = seats.desk(Role.OFFICER, "/searches/cases/{case}")
    page.get_by_label("Out of reach since").fill(str(today() - 2 * DAY))
    page.get_by_role("button", name="Declare the search").click()
    expect(page.get_by_text("The search is open.")).to_be_visible()
    page.get_by_role("link", name=str(today() - 2 * DAY)).click()
    page.get_by_label("What was tried").select_option("visit")
    page.get_by_label("When").fill(local(datetime.now(UTC) - HOUR))
    page.get_by_label("What came of it").fill("家中无人，邻居两日未见")
    page.get_by_role("button", name="Write down").click()
    letter = page.locator("form").filter(has_text="Number of the document")
    letter.locator("[name=kind]").select_option("police")
    letter.get_by_label("Number of the document").fill("（汇）协查〔2026〕3号")
    letter.get_by_role("button", name="Sent").click()
    expect(page.get_by_role("main")).to_contain_text("（汇）协查〔2026〕3号")
    pictured(page, "search")
    page.get_by_label("How the person was found").select_option("back")
    page.get_by_label("What was found").fill("本人到所报告，称手机损坏")
    page.get_by_role("button", name="End the search").click()
    expect(page.get_by_text("The search has ended.")).to_be_visible()
    with seats.database.reading() as session:
        assert session.scalars(select(SearchRecord.state)).one() is SearchState.FOUND
        assert session.get_one(Case, seats.case).state is CaseState.UNDER_CORRECTION


def find_the_strap_opened(seats: Seats) -> None:
    """What the bracelet said becomes a fact by an officer's finding."""
    page = seats.desk(Role.OFFICER, "/")
    row = page.get_by_role("listitem").filter(has_text=re.compile("strap", re.IGNORECASE))
    row.get_by_role("link", name=NAME).first.click()  # what is urgent comes first
    page.get_by_label("Note").fill("腕带锁扣被剪断，本人承认")
    page.get_by_label("Cause", exact=True).select_option("tampered")
    page.get_by_role("button", name="Close the incident").click()
    expect(page.locator("#state")).to_contain_text("closed")
    pictured(page, "incident")
