"""Taking in: enrolled, a team, reported in, and the person's own phone."""

from playwright.sync_api import Page, expect

from models.user import Role
from tests.county import VALID_ID
from tests.e2e.stations.seats import DAY, NAME, Seats, pictured, today, write


def take_in(seats: Seats) -> None:
    """Enrol, set up the team, record reporting in, which is refused without a team."""
    page = seats.desk(Role.OFFICER, "/enrol/")
    write(
        page,
        name=NAME,
        id_number=VALID_ID,
        deciding_authority="汇川区人民法院",
        effective_on=str(today() - 20 * DAY),
        term_start=str(today() - 20 * DAY),
        term_end=str(today() + 60 * DAY),
    )
    page.get_by_role("button", name="Enrol and go on").click()
    expect(page.get_by_role("heading", name="Set-up")).to_be_visible()
    seats.case = int(page.url.rpartition("/")[2])
    reporting = page.locator("#step-report_in")
    write(reporting, reported_on=str(today() - 12 * DAY))
    reporting.get_by_role("button", name="Record").click()
    expect(page.get_by_role("alert")).to_contain_text("A correction team is set up first")
    team = page.locator("#step-team")
    write(team, name="王某")
    team.get_by_label("Sex").select_option("female")
    team.get_by_label("Part").select_option("officer")
    team.get_by_role("button", name="Add").click()
    write(reporting, reported_on=str(today() - 12 * DAY))
    reporting.get_by_role("button", name="Record").click()
    expect(reporting).to_contain_text(f"Reported in on {today() - 12 * DAY}")
    pictured(page, "intake")


TO_TICK = {
    "Papers of the judgment complete": {"number": "(2026)黔0303刑初17号"},
    "Identity verified": {},
    "File opened": {"number": "汇矫档 2026-17"},
    "Announced to the person": {"party": "矫正小组成员王某"},
    "Exit ban reported": {"number": "汇矫备 2026-17", "party": "汇川区公安分局"},
}


def complete_the_checklist(seats: Seats) -> None:
    """Every step of the intake written down, and a plan; only then is the case open."""
    page = seats.desk(Role.OFFICER, "/life/cases/{case}")
    expect(page.get_by_text("The case opens when every step is done.")).to_be_visible()
    for said, texts in TO_TICK.items():
        step = page.get_by_role("listitem").filter(has_text=said)
        write(step, **texts)
        step.get_by_role("button", name="Done").click()
        expect(page.get_by_text("Written down.")).to_be_visible()
    page.get_by_label("What is aimed at").fill("按时报告，稳定就业")
    page.get_by_label("What is done for it").fill("每周一次谈话，每月一次走访")
    page.get_by_label("Looked at again on").fill(str(today() + 30 * DAY))
    page.get_by_role("button", name="Keep this version").click()
    expect(page.get_by_text("The case is open since")).to_be_visible()
    pictured(page, "checklist")


def give_the_phone(seats: Seats) -> Page:
    """A home area, then a code that the person trades for a PIN on a phone of their own."""
    page = seats.desk(Role.OFFICER, "/enrol/{case}")
    home = page.locator("#step-home")
    home.get_by_text("Choose the districts").click()
    home.get_by_role("button", name="Make this the home area").click()
    expect(home.locator("p", has_text="红花岗区、汇川区、播州区")).to_be_visible()
    page.get_by_role("button", name="Give an activation code").click()
    phone = seats.phone(page.locator("[data-code]").inner_text())
    expect(phone.get_by_role("heading", name="My area and leave")).to_be_visible()
    return phone
