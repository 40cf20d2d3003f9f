"""Opinions of the procurator: a day to answer by, one answer of the head, both as letters."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import worklist
from correction_service.db import Database
from correction_service.forms import letters, prints
from correction_service.oversight import opinions
from correction_service.oversight.opinions import Writing
from correction_service.people import looks
from models.case import Case
from models.errors import AppendOnlyError, Forbidden, Invalid, NotFound, Refused
from models.opinion import Opinion, OpinionAnswer, OpinionKind
from models.user import Role, User
from tests.county import NOW, County
from tests.pages import SignedInClient
from tests.service.test_oversight import user

WRITING = Writing(kind=OpinionKind.CORRECTION, text="请依法纠正", number="汇检纠〔2026〕3号")


@pytest.mark.parametrize(
    ("kind", "due_on"),
    [(OpinionKind.CORRECTION, date(2026, 12, 7)), (OpinionKind.SUGGESTION, date(2027, 1, 20))],
)
def test_an_opinion_has_a_day_to_be_answered_by(
    database: Database, county: County, kind: OpinionKind, due_on: date
) -> None:
    """Fifteen days end on Saturday 5 December, so on Monday; two months on 20 January."""
    with database.transaction(SYSTEM, "test") as session:
        writing = Writing(kind=kind, text="请依法办理", number="1")
        made = opinions.enter(session, user(session, county, Role.PROCURATOR), writing, NOW)
        assert (made.due_on, made.basis) == (due_on, "LCC 62 (R)")
        head = user(session, county, Role.COUNTY_HEAD)
        (item,) = [it for it in worklist.items(session, head, NOW) if it.subject is made]
        assert item.due == hours.day_end(due_on)


def entered(session: Session, county: County) -> Opinion:
    return opinions.enter(session, user(session, county, Role.PROCURATOR), WRITING, NOW)


Answer = Callable[..., object]


def test_the_head_answers_once_in_writing_and_neither_is_changed(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        opinion = entered(session, county)
        head = user(session, county, Role.COUNTY_HEAD)

        def answer(by: User, text: str = "已纠正", number: str = "复 1") -> object:
            return opinions.answer(
                session, by, opinion.id, taken_up=True, text=text, number=number, now=NOW
            )

        with pytest.raises(Forbidden):
            answer(user(session, county, Role.PROCURATOR))
        with pytest.raises(Invalid, match="number"):
            answer(head, number=" ")
        with pytest.raises(Invalid, match="Write it out"):
            answer(head, text=" ")
        answer(head)
        with pytest.raises(Refused, match="answered already"):
            answer(head)
        assert session.scalars(opinions.to_answer(head)).all() == []
    with database.reading() as session:
        for row in (
            session.scalars(select(Opinion)).one(),
            session.scalars(select(OpinionAnswer)).one(),
        ):
            row.text = "x"
            with pytest.raises(AppendOnlyError):
                session.flush()
            session.rollback()


def test_only_the_procurator_enters_an_opinion_and_each_number_once(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        entered(session, county)
        with pytest.raises(Refused, match="entered already"):
            entered(session, county)
        with pytest.raises(Forbidden):
            opinions.enter(session, user(session, county, Role.COUNTY_HEAD), WRITING, NOW)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_opinion_goes_from_the_seat_to_the_head_and_back(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    procurator, head = client_of(Role.PROCURATOR), client_of(Role.COUNTY_HEAD)
    form = {"kind": "correction", "number": "3", "text": "请纠正", "case_id": county.case}
    wrong = procurator.post("/opinions/", data={**form, "number": ""})
    assert wrong.status_code == 422
    assert "请纠正" in wrong.text
    opinion = procurator.post("/opinions/", data=form).location
    assert opinion in head.get("/").text
    reply = {"taken_up": "1", "text": "已纠正", "number": "复 1"}
    assert procurator.post(f"{opinion}/answer", data=reply).status_code == 403
    head.post(f"{opinion}/answer", data=reply)
    assert "已纠正" in procurator.get(opinion).text
    assert client_of(Role.OFFICER).get(opinion).status_code == 403


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        (OpinionKind.SUGGESTION, ("检察建议书", "关于检察建议办理情况的回复")),
        (OpinionKind.CORRECTION, ("纠正意见书", "关于纠正意见办理情况的回复")),
    ],
)
def test_an_opinion_and_its_answer_are_set_as_letters(
    database: Database, county: County, kind: OpinionKind, titles: tuple[str, str]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        procurator = user(session, county, Role.PROCURATOR)
        writing = Writing(kind=kind, text="一、请核实\n二、请补正", number="3", case_id=county.case)
        made = opinions.enter(session, procurator, writing, NOW)
        head = user(session, county, Role.COUNTY_HEAD)
        with pytest.raises(NotFound):
            letters.answer(session, head, made.id)
        given: dict[str, Any] = {
            "taken_up": False,
            "text": "理由充分",
            "number": "复 1",
            "now": NOW,
        }
        opinions.answer(session, head, made.id, **given)
        session.expire(made)
        opinion, _ = letters.opinion(session, procurator, made.id)
        answer, _ = letters.answer(session, procurator, made.id)
        name = session.get_one(Case, county.case).person.name
        assert (opinion["title"], answer["title"]) == titles
        assert (opinion["number"], answer["number"]) == ("3", "复 1")
        assert opinion["body"][1:3] == ["一、请核实", "二、请补正"]
        assert name in opinion["body"][0]
        assert "未予采纳" in answer["body"][1]
        assert "理由充分" in answer["body"][2]
        assert all(prints.paper(it, NOW).startswith(b"%PDF") for it in (opinion, answer))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_letter_is_printed_from_the_opinions_page_and_the_look_is_on_record(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        procurator = user(session, county, Role.PROCURATOR)
        kind = OpinionKind.SUGGESTION
        writing = Writing(kind=kind, text="请核实", number="3", case_id=county.case)
        made = opinions.enter(session, procurator, writing, NOW)
        number = made.id
    head = client_of(Role.COUNTY_HEAD)
    assert f"/opinions/{number}/paper" in head.get(f"/opinions/{number}").text
    paper = head.post(f"/opinions/{number}/paper", data={"of": "opinion"})
    assert (paper.mimetype, paper.headers["Cache-Control"]) == ("application/pdf", "no-store")
    assert head.post(f"/opinions/{number}/paper", data={"of": "answer"}).status_code == 404
    with database.reading() as session:
        person_id = session.get_one(Case, county.case).person_id
        (look,) = looks.of(session, person_id, datetime.now(UTC))
    assert (look.seat, look.what) == (Role.COUNTY_HEAD, "a printed paper about you")
