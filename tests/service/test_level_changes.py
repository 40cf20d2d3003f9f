"""An officer sets the supervision level with a reason; each change is kept, said and counted."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.assessment import level_changes, levels
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people import cases
from correction_service.reports import periods, statistics
from models.assessment import LevelSuggestion, SuggestionState
from models.case import Case, CaseState, Level
from models.errors import DomainError
from models.level_change import LevelBasis, LevelChange
from models.notice import Notice
from models.user import Role, User
from tests.county import DAY, NOW, PARDON, County, add_draft
from tests.pages import SignedInClient

NEXT_MONTH = NOW + timedelta(days=30)


def by(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def set_level(
    session: Session,
    county: County,
    level: Level = Level.STRICT,
    basis: LevelBasis = LevelBasis.INTAKE,
    *,
    reason: str = "有再犯风险，入矫评估",
) -> LevelChange:
    user = by(session, county)
    return level_changes.set_level(session, user, county.case, level, basis, reason=reason, now=NOW)


def suggested(session: Session, county: County, level: Level) -> LevelSuggestion:
    draft = add_draft(session, county.case, "checkin_missed", "duty:1")
    made = LevelSuggestion(
        case=session.get_one(Case, county.case),
        quarter=DAY.replace(month=7, day=1),
        rulebook_id=draft.rulebook_id,
        level=level,
        grounds={"means": {}, "penalties": {}, "months_in": 7},
        made_at=NOW,
    )
    session.add(made)
    session.flush()
    return made


def test_a_level_is_set_with_reason_and_basis_and_the_person_is_told(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = set_level(session, county)
        assert session.get_one(Case, county.case).level is Level.STRICT
        assert (made.before, made.level, made.since) == (Level.ORDINARY, Level.STRICT, DAY)
        assert (made.basis, made.made_by) == (LevelBasis.INTAKE, county.users[Role.OFFICER])
        assert session.scalars(select(Notice.kind)).all() == ["level"]


@pytest.mark.parametrize(
    ("said", "reason", "field"),
    [
        ((Level.STRICT, LevelBasis.INTAKE), " ", "note"),
        ((Level.STRICT, LevelBasis.INTAKE), "x" * 2001, "note"),
        ((Level.STRICT, LevelBasis.SUGGESTION), "积分", "basis"),
        ((Level.ORDINARY, LevelBasis.CONDUCT), "表现", "level"),
    ],
)
def test_a_level_that_cannot_be_set_is_refused_by_field(
    database: Database, county: County, said: tuple[Level, LevelBasis], reason: str, field: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(DomainError) as refusal:
            set_level(session, county, *said, reason=reason)
        assert refusal.value.field == field
        assert level_changes.of(session, county.case) == []


def test_an_ended_case_has_no_level_to_set(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = by(session, county)
        cases.move(session, user, county.case, CaseState.RELEASED, note="特赦", now=NOW, end=PARDON)
        with pytest.raises(DomainError) as refusal:
            set_level(session, county)
        assert refusal.value.code == "case_ended"


def test_a_suggestion_that_is_taken_is_a_change_and_one_that_is_overtaken_passes(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        lenient, user = suggested(session, county, Level.LENIENT), by(session, county)
        levels.decide(
            session, user, lenient.id, SuggestionState.TAKEN, note="两季度表现良好", now=NOW
        )
        (made,) = level_changes.of(session, county.case)
        assert (made.level, made.basis, made.suggestion_id) == (
            Level.LENIENT, LevelBasis.SUGGESTION, lenient.id,
        )  # fmt: skip
        lenient.state = SuggestionState.OPEN
        session.flush()
        set_level(session, county, Level.STRICT, LevelBasis.CONDUCT)
        session.refresh(lenient)
        assert lenient.state is SuggestionState.PASSED


def test_setting_a_level_and_deciding_a_suggestion_at_once_wait_for_each_other(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = suggested(session, county, Level.LENIENT).id

    def decide() -> str:
        try:
            with database.transaction(SYSTEM, "test") as session:
                taken, user = SuggestionState.TAKEN, by(session, county)
                return levels.decide(session, user, made, taken, note="表现良好", now=NOW).state
        except DomainError as refusal:
            return refusal.code

    with ThreadPoolExecutor(1) as other:
        with database.transaction(SYSTEM, "test") as session:
            level_changes.lock(session, session.get_one(Case, county.case))
            later = other.submit(decide)
            assert wait([later], timeout=1).not_done  # it stands at the case
            set_level(session, county)
        assert later.result(timeout=30) == "already_decided"
    with database.reading() as session:
        assert session.get_one(Case, county.case).level is Level.STRICT


def test_a_suggestion_that_is_refused_is_no_change(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made, user = suggested(session, county, Level.STRICT), by(session, county)
        levels.decide(session, user, made.id, SuggestionState.REFUSED, note="有病假", now=NOW)
        assert level_changes.of(session, county.case) == []
        assert session.get_one(Case, county.case).level is Level.ORDINARY


def test_statistics_of_a_past_period_count_the_level_of_then(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        head = by(session, county, Role.COUNTY_HEAD)
        user = by(session, county)
        for level, now in ((Level.STRICT, NOW), (Level.LENIENT, NEXT_MONTH)):
            level_changes.set_level(
                session, user, county.case, level, LevelBasis.CONDUCT, reason="表现", now=now
            )

        def counted(period: str) -> set[str]:
            total = statistics.count(session, head, periods.read(period)).total
            return {name for name, times in total.items() if name.startswith("level.") and times}

        session.get_one(Case, county.case).reported_on = DAY.replace(month=10)
        session.flush()
        assert counted("2026-10") == {"level.ordinary"}
        assert counted("2026-11") == {"level.strict"}
        assert counted("2026-12") == {"level.lenient"}


def test_an_officer_sets_the_level_on_the_page_and_the_person_reads_why(
    client_of: SignedInClient, opened_phone: FlaskClient, database: Database, county: County
) -> None:
    page, path = f"/life/cases/{county.case}", f"/life/cases/{county.case}/level"
    form = {"level": "lenient", "basis": "conduct", "note": "六个月表现稳定"}
    assert client_of(Role.PROCURATOR).post(path, data=form).status_code == 403
    assert "Set the level" not in client_of(Role.PROCURATOR).get(page).text
    officer = client_of(Role.OFFICER)
    officer.post(path, data={**form, "level": "none"})
    assert "as often as is usual" in opened_phone.get("/m/duties").text
    officer.post(path, data=form)
    assert "ordinary → lenient" in officer.get(page).text
    duties = opened_phone.get("/m/duties").text
    assert "less often" in duties
    assert "六个月表现稳定" in duties
    assert "Your level has changed" in opened_phone.get("/m/messages").text
    with database.reading() as session:
        assert session.get_one(Case, county.case).level is Level.LENIENT
