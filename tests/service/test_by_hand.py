"""Points for what no sweep can see: one officer proposes on a fact, another confirms."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import by_hand, points
from correction_service.casework.by_hand import Proposal
from correction_service.db import Database
from models.case import Case, CaseState
from models.errors import DomainError, Forbidden, Refused
from models.points import DraftState, PointsDraft, PointsEntry
from models.user import Role, User
from tests.county import DAY, NOW, County, add_draft
from tests.pages import SignedInClient
from tests.service.test_discipline import missed

PROVED = Proposal(item="stand_in", happened_on=DAY, fact="汇矫〔2026〕12号")


def proposed(
    session: Session, county: County, proposal: Proposal = PROVED, role: Role = Role.OFFICER
) -> PointsDraft:
    points.install_default(session)
    user = session.get_one(User, county.users[role])
    return by_hand.propose(session, user, county.case, proposal, NOW)


@pytest.mark.parametrize("item", by_hand.ITEMS)
def test_what_no_sweep_drafts_is_proposed_by_one_and_confirmed_by_another(
    database: Database, county: County, item: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = proposed(session, county, replace(PROVED, item=item))
        assert made.fact == "document:汇矫〔2026〕12号"
        with pytest.raises(Refused) as refusal:
            points.confirm(session, made, county.users[Role.OFFICER], NOW, "查实")
        assert refusal.value.code == "own_draft"
        entry = points.confirm(session, made, county.users[Role.COUNTY_HEAD], NOW, "查实")
        assert entry.points == made.rulebook.points_for(item)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (replace(PROVED, item="checkin_missed"), "item"),
        (replace(PROVED, item="whistling"), "item"),
        (replace(PROVED, happened_on=DAY + timedelta(days=1)), "happened_on"),
        (replace(PROVED, happened_on=date(2026, 11, 2)), "happened_on"),
        (replace(PROVED, fact=" "), "facts"),
        (replace(PROVED, fact="checkin:17"), "facts"),
        (replace(PROVED, fact="points:3"), "facts"),
        (replace(PROVED, fact="号" * 56), "facts"),
    ],
)
def test_a_proposal_that_cannot_be_is_refused_at_its_field(
    database: Database, county: County, wrong: Proposal, field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(DomainError) as refusal:
            proposed(session, county, wrong)
        assert refusal.value.field == field


def test_an_item_is_proposed_once_for_a_fact(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        proposed(session, county)
        with pytest.raises(Refused, match="before"):
            proposed(session, county)


def test_nothing_is_proposed_on_a_fact_that_is_protected(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        named = f"duty:{missed(session, county)}"
        draft = add_draft(session, county.case, "checkin_missed", named)
        points.refuse(session, draft, county.users[Role.OFFICER], NOW, "住院", excuse="illness")
        with pytest.raises(DomainError) as refusal:
            proposed(session, county, replace(PROVED, fact=named))
        assert refusal.value.field == "facts"


def test_a_protected_reason_covers_the_document_of_a_proposal(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = proposed(session, county)
        other = proposed(session, county, replace(PROVED, item="false_material"))
        head = county.users[Role.COUNTY_HEAD]
        points.refuse(session, made, head, NOW, "依法申诉", excuse="lawful_complaint")
        with pytest.raises(Refused) as refusal:
            points.confirm(session, other, head, NOW, "虚假材料")
        assert refusal.value.code == "protected"


def test_nothing_is_proposed_by_who_only_reads_or_for_a_case_that_ended(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Forbidden):
            proposed(session, county, role=Role.PROCURATOR)
        case = session.get_one(Case, county.case)
        assert len(by_hand.choices(session, case, DAY)) == len(by_hand.ITEMS)
        case.move(CaseState.RELEASED, NOW)
        assert by_hand.choices(session, case, DAY) == []
        with pytest.raises(Refused, match="ended"):
            proposed(session, county)


def test_the_page_offers_it_and_the_county_confirms_what_an_office_of_one_proposed(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        began = session.get_one(Case, county.case).reported_on
    assert began is not None
    officer, head = client_of(Role.OFFICER), client_of(Role.COUNTY_HEAD)
    url = f"/cases/{county.case}/points"
    assert "+5 Certificate gained" in officer.get(url).text
    form = {"item": "certificate_gained", "happened_on": began.isoformat(), "facts": "电工证1号"}
    page = officer.post(
        f"/points/cases/{county.case}/drafts", data=form, follow_redirects=True
    ).text
    assert "电工证1号" in page
    assert "Yours: somebody else confirms it." in page
    with database.reading() as session:
        made = session.scalars(select(PointsDraft)).one().id
    for client in (officer, head):
        client.post(f"/points/drafts/{made}/confirm", data={"note": "证书属实"})
        with database.reading() as session:
            confirmed = session.get_one(PointsDraft, made).state is DraftState.CONFIRMED
            assert confirmed is (client is head)
    with database.reading() as session:
        assert session.scalars(select(PointsEntry.points)).all() == [5]
