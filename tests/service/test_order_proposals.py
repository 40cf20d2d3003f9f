"""Orders that an officer prepares: they wait for the head, who decides from them or sends back."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import order_proposals, orders, worklist
from correction_service.casework.needs import Need
from correction_service.casework.order_facts import Fact
from correction_service.casework.orders import Wanted
from correction_service.db import Database
from models.case import Case
from models.errors import DomainError, Forbidden, Invalid, NotFound, Refused
from models.order import Ground, PositioningOrder
from models.order_proposal import OrderProposal, ProposalState
from models.user import Permission, Role, User
from tests.county import DAY, NOW, County
from tests.pages import SignedInClient

WANTED = Wanted(
    ground=Ground.LEFT_WITHOUT_APPROVAL,
    evidence="2026年11月1日未经批准离开遵义市",
    facts=[Fact("document", None, "询问笔录 3")],
    starts_on=DAY,
    ends_on=DAY + timedelta(days=30),
)


def user(session: Session, county: County, role: Role) -> User:
    return session.get_one(User, county.users[role])


def prepare(session: Session, county: County, wanted: Wanted = WANTED) -> OrderProposal:
    return order_proposals.prepare(
        session, user(session, county, Role.OFFICER), county.case, wanted, NOW
    )


def needs(session: Session, county: County, role: Role) -> list[Need]:
    found = worklist.items(session, user(session, county, role), NOW)
    return [it.need for it in found if it.need in {Need.ORDER, Need.ORDER_BACK}]


def test_what_an_officer_prepares_orders_nothing_and_waits_for_the_head(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        proposal = prepare(session, county)
        assert proposal.state is ProposalState.WAITING
        assert session.scalars(select(PositioningOrder)).all() == []
        assert needs(session, county, Role.COUNTY_HEAD) == [Need.ORDER]
        assert needs(session, county, Role.OFFICER) == []
        assert needs(session, county, Role.PROCURATOR) == []


def test_the_heads_order_answers_what_was_prepared(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        proposal = prepare(session, county)
        head = user(session, county, Role.COUNTY_HEAD)
        shorter = Wanted(**{**vars(WANTED), "ends_on": DAY + timedelta(days=7)})
        order = orders.decide(session, head, county.case, shorter, NOW)
        assert (proposal.state, proposal.order_id) == (ProposalState.ORDERED, order.id)
        assert (proposal.answered_by, order.approved_by) == (head.id, head.id)
        assert needs(session, county, Role.COUNTY_HEAD) == []


@pytest.mark.parametrize(
    ("changed", "refusal", "field"),
    [
        ({"facts": []}, Invalid, "facts"),
        ({"evidence": " "}, Invalid, "evidence"),
        ({"ends_on": DAY + timedelta(days=100)}, Invalid, "ends_at"),
        ({"starts_on": DAY - timedelta(days=1)}, Invalid, "starts_on"),
    ],
)
def test_what_the_head_could_not_decide_is_not_prepared(
    database: Database,
    county: County,
    changed: dict[str, object],
    refusal: type[DomainError],
    field: str,
) -> None:
    with database.transaction(SYSTEM, "test") as session, pytest.raises(refusal) as refused:
        prepare(session, county, Wanted(**{**vars(WANTED), **changed}))
    assert refused.value.field == field


def test_one_of_a_case_waits_at_a_time_until_it_is_taken_back(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = prepare(session, county)
        with pytest.raises(Refused, match="take it back first"):
            prepare(session, county)
        officer = user(session, county, Role.OFFICER)
        order_proposals.take_back(session, officer, first.id, NOW)
        assert prepare(session, county).id != first.id
        with pytest.raises(Refused, match="already decided"):
            order_proposals.take_back(session, officer, first.id, NOW)


def test_the_head_sends_back_with_a_reason_and_the_officer_finds_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        proposal = prepare(session, county)
        officer, head = (user(session, county, it) for it in (Role.OFFICER, Role.COUNTY_HEAD))
        with pytest.raises(Forbidden):
            order_proposals.send_back(session, officer, proposal.id, "x", NOW)
        with pytest.raises(Invalid, match="what is missing"):
            order_proposals.send_back(session, head, proposal.id, " ", NOW)
        order_proposals.send_back(session, head, proposal.id, "缺少笔录", NOW)
        assert needs(session, county, Role.OFFICER) == [Need.ORDER_BACK]
        again = prepare(session, county)
        assert needs(session, county, Role.OFFICER) == []
        order_proposals.send_back(session, head, again.id, "仍缺少", NOW)
        order_proposals.take_back(session, officer, again.id, NOW)
        assert needs(session, county, Role.OFFICER) == []


def test_a_proposal_of_another_office_does_not_exist(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        proposal = prepare(session, county)
        elsewhere = user(session, county, Role.OFFICE_HEAD)
        elsewhere.office_id = county.other_office
        with pytest.raises(NotFound):
            order_proposals.proposal_for(session, elsewhere, proposal.id, Permission.SUPERVISE)


def test_an_officer_prepares_on_the_page_and_the_head_decides_from_it(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    path = f"/cases/{county.case}/orders"
    with database.reading() as session:
        today = session.get_one(Case, county.case).term_end - timedelta(days=40)
    form = {
        "ground": "left_without_approval",
        "document_kind": "document",
        "document": "询问笔录 3",
        "evidence": "未经批准离开遵义市",
        "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=20)).isoformat(),
    }
    officer, head = client_of(Role.OFFICER), client_of(Role.COUNTY_HEAD)
    assert "Prepare for the head" in officer.get(path).text
    refused = officer.post(f"{path}/prepare", data={**form, "evidence": ""})
    assert refused.status_code == 422
    assert "询问笔录 3" in refused.text, "what was typed stays"
    made = officer.post(f"{path}/prepare", data=form, follow_redirects=True)
    assert "It waits for the head" in made.text
    assert "Take it back to prepare another" in made.text
    assert "An order to position is prepared" in head.get("/").text
    shown = head.get(path).text
    assert "The form below starts from it" in shown
    for said in ("未经批准离开遵义市", 'value="询问笔录 3"', form["starts_on"], form["ends_on"]):
        assert said in shown
    number = 1
    back = head.post(
        f"{path}/prepared/{number}/send-back", data={"note": "缺少笔录原件"}, follow_redirects=True
    )
    assert "Sent back by the head" in back.text
    assert "缺少笔录原件" in officer.get("/").text
    assert "缺少笔录原件" in officer.get(path).text
    officer.post(f"{path}/prepare", data=form)
    assert "The order is decided" in head.post(path, data=form, follow_redirects=True).text
    assert "Prepared for the head" not in officer.get(path).text


def test_a_heads_order_finds_what_an_officer_prepares_at_the_same_moment(
    database: Database, county: County
) -> None:
    def decide() -> None:
        with database.transaction(SYSTEM, "test") as session:
            orders.decide(
                session, user(session, county, Role.COUNTY_HEAD), county.case, WANTED, NOW
            )

    with ThreadPoolExecutor() as other:
        with database.transaction(SYSTEM, "test") as session:
            proposal = prepare(session, county).id
            decided = other.submit(decide)
            wait([decided], timeout=0.5)
            assert not decided.done(), "it waits for the officer's word"
        decided.result(timeout=20)
    with database.reading() as session:
        assert session.get_one(OrderProposal, proposal).state is ProposalState.ORDERED


def test_a_decision_sent_twice_is_one_order(database: Database, county: County) -> None:
    def decide(session: Session) -> None:
        head = user(session, county, Role.COUNTY_HEAD)
        orders.decide(session, head, county.case, WANTED, NOW)

    def again() -> None:
        with database.transaction(SYSTEM, "test") as session:
            decide(session)

    with ThreadPoolExecutor() as other:
        with database.transaction(SYSTEM, "test") as session:
            decide(session)
            second = other.submit(again)
            wait([second], timeout=0.5)
        with pytest.raises(Refused):
            second.result(timeout=20)
    with database.reading() as session:
        assert len(session.scalars(select(PositioningOrder)).all()) == 1
