"""Study on the phone: pages, time really spent, one face check or an officer's word."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.learning import studies, tally
from correction_service.learning.studies import Draft
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from models.study import Study, StudyState, StudyUnit
from models.user import Role
from tests.county import DAY, NOW, County
from tests.pages import SignedInClient
from tests.service.test_learning import face, officer

MINUTE = timedelta(minutes=1)
UNIT = Draft(
    title="请假规定",
    text="外出要先请假。\n---\n销假要及时。\n---\n有困难找工作人员。",
    questions="外出要不要请假？\n不用\n*要\n\n回来之后？\n*销假\n什么也不做",
    minors=False,
    minutes=20,
)
RIGHT: list[int | None] = [1, 0]


def begun(session: Session, county: County, check_page: int = 1) -> Study:
    unit = studies.publish(session, officer(session, county), UNIT, NOW)
    study = studies.begin(session, session.get_one(Case, county.case), unit.id, NOW)
    study.check_page = check_page
    return study


def read(study: Study, minutes_a_page: int = 4) -> datetime:
    """Turn every page, answering the face check by another way."""
    now = study.seen_at
    for page in range(len(study.unit.pages)):
        now += minutes_a_page * MINUTE
        study.turn(page, now)
        if study.asks_face:
            study.prove(None, now)
    return now


def test_time_really_spent_counts_once_when_a_face_was_seen(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        study = begun(session, county)
        for page in (0, 1):
            study.turn(page, NOW + (page + 1) * 4 * MINUTE)
        assert study.asks_face
        study.turn(2, NOW + 60 * MINUTE)
        assert study.page == 2  # nothing goes on before the check
        assert not studies.prove(session, study.case, study.id, NOW + 10 * MINUTE)
        face(session, study.case, NOW + 12 * MINUTE)
        assert studies.prove(session, study.case, study.id, NOW + 13 * MINUTE)
        study.turn(2, NOW + 15 * MINUTE)
        assert studies.finish(session, study.case, study.id, RIGHT, NOW + 16 * MINUTE)
        assert (study.state, study.minutes) == (StudyState.COUNTED, 10)
        assert tally.of_month(session, county.case, DAY).education_minutes == 10
        assert studies.begin(session, study.case, study.unit_id, NOW + 20 * MINUTE) is study
        with pytest.raises(Refused, match="already"):
            studies.finish(session, study.case, study.id, RIGHT, NOW + 21 * MINUTE)


def test_a_phone_that_lies_aside_earns_nothing_and_no_unit_more_than_it_is_worth(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        study = begun(session, county)
        read(study, minutes_a_page=600)
        assert study.spent_s == 3 * 600
        assert study.worth_minutes() == UNIT.minutes


def test_choosing_another_way_than_the_face_check_costs_nothing(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        study = begun(session, county)
        end = read(study)
        assert studies.finish(session, study.case, study.id, RIGHT, end)
        assert study.state is StudyState.READ
        user = officer(session, county)
        assert [it.id for it in studies.waiting(session, user)] == [study.id]
        with pytest.raises(Invalid, match="no more"):
            studies.decide(session, user, study.id, 21, end)
        studies.decide(session, user, study.id, 12, end)
        assert tally.of_month(session, county.case, DAY).education_minutes == 12


def test_wrong_answers_may_be_tried_again_and_nothing_ends_before_the_last_page(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        study = begun(session, county)
        with pytest.raises(Refused, match="to the end"):
            studies.finish(session, study.case, study.id, RIGHT, NOW)
        end = read(study)
        assert not studies.finish(session, study.case, study.id, [0, None], end)
        assert study.state is StudyState.READING


def test_a_page_sent_twice_is_turned_once(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        study = begun(session, county)
        study.turn(0, NOW + MINUTE)
        study.turn(0, NOW + 2 * MINUTE)
        assert (study.page, study.spent_s) == (1, 60)


def test_a_unit_is_for_adults_or_for_minors(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        unit = studies.publish(session, officer(session, county), UNIT, NOW)
        case = session.get_one(Case, county.case)
        case.minor = True
        session.flush()
        assert studies.offered(session, case) == []
        with pytest.raises(NotFound):
            studies.begin(session, case, unit.id, NOW)


@pytest.mark.parametrize(
    "questions", ["只有问题", "问\n*甲", "问\n甲\n乙", "问\n*甲\n*乙"], ids=range(4)
)
def test_a_question_without_one_right_answer_is_refused(
    database: Database, county: County, questions: str
) -> None:
    draft = Draft(title="x", text="y", questions=questions, minors=False, minutes=5)
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Invalid) as refused:
            studies.publish(session, officer(session, county), draft, NOW)
        assert refused.value.field == "questions"


def test_the_phone_reads_a_unit_and_an_officer_credits_it(
    client_of: SignedInClient, opened_phone: FlaskClient, database: Database, county: County
) -> None:
    client = client_of(Role.OFFICER)
    form = {"title": UNIT.title, "text": UNIT.text, "questions": UNIT.questions, "minors": "0"}
    assert client.post("/learning/units/", data=form).status_code == 422
    made = client.post("/learning/units/", data={**form, "minutes": "20"}, follow_redirects=True)
    assert "Offered on the phone pages" in made.text
    assert UNIT.title in opened_phone.get("/m/study").text
    with database.reading() as session:
        unit = session.scalars(select(StudyUnit.id)).one()
    path = opened_phone.post(f"/m/study/units/{unit}").location
    assert "外出要先请假" in opened_phone.get(path).text
    for page in range(3):
        shown = opened_phone.post(
            path, data={"step": "turn", "page": page}, follow_redirects=True
        ).text
        if "is it you?" in shown:
            told = opened_phone.post(path, data={"step": "face"}, follow_redirects=True).text
            assert "No check-in since then" in told
            opened_phone.post(path, data={"step": "other"})
    wrong = opened_phone.post(
        path, data={"step": "finish", "q0": 0, "q1": 0}, follow_redirects=True
    )
    assert "Not every answer is right" in wrong.text
    done = opened_phone.post(path, data={"step": "finish", "q0": 1, "q1": 0}, follow_redirects=True)
    assert "Your officer talks with you" in done.text
    with database.reading() as session:
        number = session.scalars(select(Study.id)).one()
    listed = client.post(
        f"/learning/units/readings/{number}", data={"minutes": "15"}, follow_redirects=True
    )
    assert "Written down." in listed.text
    assert "15 min" in opened_phone.get("/m/study").text
    stranger = client_of(Role.PROCURATOR)
    assert stranger.post(f"/learning/units/{unit}/withdraw").status_code == 403
    assert (
        "Withdrawn." in client.post(f"/learning/units/{unit}/withdraw", follow_redirects=True).text
    )


def test_a_unit_is_not_read_for_another(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        study = begun(session, county)
        other = session.get_one(Case, county.case)
        assert studies.own(session, other, study.id) is study
        with pytest.raises(NotFound):
            studies.own(session, Case(id=other.id + 1), study.id)
        assert study.began_at == NOW.astimezone(UTC)
