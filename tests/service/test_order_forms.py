"""The forms of a positioning order: of its use, its extension or its end, as it stood then."""

from datetime import date, timedelta

from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.forms import prints, wordings
from correction_service.forms.catalogue import BLANK, Subject
from models.order import Ground, PositioningOrder
from models.order_paper import OrderAssessment
from models.printed_form import FormKind, PrintedForm
from models.user import Role
from tests.county import NOW, County
from tests.pages import SignedInClient
from tests.service.test_forms import every_form, officer_of

NINE = {  # the forms of an order: what it is about, and which paper
    act: tuple(f"{act}电子定位装置{paper}" for paper in ("审批表", "决定书", "告知书"))
    for act in ("使用", "延长使用", "解除")
}
KINDS = (FormKind.POSITIONING_APPROVAL, FormKind.POSITIONING_DECISION, FormKind.POSITIONING_NOTICE)
ENDING = (FormKind.POSITIONING_APPROVAL, FormKind.POSITIONING_END, FormKind.POSITIONING_NOTICE)


def ordered(session: Session, county: County, before: PositioningOrder | None = None) -> int:
    """An order of thirty days, of its own or going on from another."""
    starts_at = before.ends_at if before else NOW
    order = PositioningOrder(
        case_id=county.case,
        ground=Ground.PROHIBITION_BREACHED,
        evidence="某事",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(days=30),
        approved_by=county.users[Role.COUNTY_HEAD],
        approved_at=NOW,
        extends_id=before.id if before else None,
    )
    session.add(order)
    session.flush()
    return order.id


def assessed(session: Session, county: County, order_id: int, found: str, *, needed: bool) -> None:
    by = county.users[Role.OFFICER]
    said = OrderAssessment(order_id=order_id, needed=needed, found=found, made_by=by, made_at=NOW)
    session.add(said)
    session.flush()


def set_for(session: Session, county: County, kind: FormKind, order_id: int) -> tuple[str, str]:
    """The title of an order's form, and the whole text that is set."""
    officer = officer_of(session, county)
    filled = prints.prepare(session, officer, county.case, kind, order_id, now=NOW).filled
    assert prints.paper(filled, NOW).startswith(b"%PDF")
    return filled["title"], repr(filled)


def test_a_first_order_prints_the_forms_of_its_use(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = ordered(session, county)
        papers = [set_for(session, county, kind, order) for kind in KINDS]
    assert tuple(title for title, _ in papers) == NINE["使用"]
    assert "某事" in papers[1][1]


def test_an_extension_prints_the_forms_of_an_extension(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        first = ordered(session, county)
        assessed(session, county, first, "仍有接触禁止人员的情形", needed=True)
        order = ordered(session, county, session.get_one(PositioningOrder, first))
        papers = [set_for(session, county, kind, order) for kind in KINDS]
        assert set_for(session, county, KINDS[0], first)[0] == NINE["使用"][0]
    assert tuple(title for title, _ in papers) == NINE["延长使用"]
    assert "仍有接触禁止人员的情形" in papers[0][1]
    assert "2026年11月20日起至2026年12月20日" in papers[1][1]  # what it goes on from
    assert BLANK not in "".join(text for _, text in papers)


def test_an_order_that_ends_prints_the_forms_of_lifting(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = ordered(session, county)
        assessed(session, county, order, "已无必要", needed=False)
        assert set_for(session, county, ENDING[0], order)[0] == NINE["解除"][0]  # before it is
        session.get_one(PositioningOrder, order).lifted_at = NOW
        session.flush()
        papers = [set_for(session, county, kind, order) for kind in ENDING]
    assert tuple(title for title, _ in papers) == NINE["解除"]
    assert "已无必要" in papers[0][1]
    assert "自2026年11月20日起生效" in papers[2][1]


def test_the_decision_of_an_extension_stays_one_when_the_order_ends(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = ordered(
            session, county, session.get_one(PositioningOrder, ordered(session, county))
        )
        assessed(session, county, order, "已无必要", needed=False)
        row = PrintedForm(kind=FormKind.POSITIONING_DECISION, subject_id=order, at=NOW)
        assert set_for(session, county, row.kind, order)[0] == NINE["延长使用"][1]
        assert wordings.title(session, row) == NINE["延长使用"][1]
        session.get_one(PositioningOrder, order).lifted_at = NOW
        session.flush()
        assert set_for(session, county, row.kind, order)[0] == NINE["延长使用"][1]
        assert wordings.title(session, row) == NINE["延长使用"][1]
        ended = tuple(set_for(session, county, kind, order)[0] for kind in ENDING)
    assert ended == NINE["解除"]


def test_an_order_ends_on_paper_with_its_last_day(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = session.get_one(PositioningOrder, ordered(session, county))
        order.ends_at = hours.day_end(date(2026, 12, 19))
        session.flush()
        after = ordered(session, county, order)
        assert "至2026年12月19日止" in set_for(session, county, KINDS[1], order.id)[1]
        assert "至2026年12月19日止" in set_for(session, county, KINDS[1], after)[1]


def test_the_forms_of_positioning_are_nine() -> None:
    titles = {form.title for form in every_form() if form.subject is Subject.ORDER}
    assert titles == {title for titles in NINE.values() for title in titles}


def test_a_printed_form_of_an_order_keeps_its_title_when_the_order_is_lifted(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = ordered(session, county)
        row = PrintedForm(kind=FormKind.POSITIONING_NOTICE, subject_id=order, at=NOW)
        session.get_one(PositioningOrder, order).lifted_at = NOW + timedelta(days=3)
        session.flush()
        assert wordings.title(session, row) == NINE["使用"][2]
        row.at = NOW + timedelta(days=3)
        assert wordings.title(session, row) == NINE["解除"][2]


def test_the_forms_of_an_order_are_printed_from_its_page(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        order = ordered(session, county)
    client = client_of(Role.OFFICER)
    page = client.get(f"/cases/{county.case}/orders").text
    assert all(title in page for title in NINE["使用"])
    made = f"/cases/{county.case}/forms/positioning_decision"
    assert made in page
    assert client.post(made, data={"subject": order}).status_code == 302
    shown = client.get(f"/cases/{county.case}/forms").text
    assert "定字第1号" in shown
    assert "使用电子定位装置决定书</td>" in shown
