"""Education that was missed without a reason is a fact an admonition may rest on (IM 34)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import points, sweep
from correction_service.db import Database
from correction_service.discipline import facts, measures
from correction_service.learning import attendances, offline
from correction_service.settings import Settings
from models.activity import ActivityKind, Attendance, AttendanceState, Excuse
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from models.notice import Notice, NoticeState
from models.offline_list import OfflineList
from models.points import PointsDraft
from models.serving import ServingSpan
from models.user import Role, User
from tests.county import NOW, County, add_draft
from tests.named import invited
from tests.service.test_discipline import ADMONITION, decided, officer, refused

CLOSED = NOW + timedelta(hours=3)


def told(session: Session, county: County) -> Attendance:
    """An invitation to a lesson that arrived before it began."""
    case = session.get_one(Case, county.case)
    made = invited(case.id, county)
    notice = Notice(
        person_id=case.person_id,
        kind="activity",
        text_zh="通知",
        text_en="told",
        state=NoticeState.DELIVERED,
        created_at=NOW - timedelta(days=1),
        delivered_at=NOW - timedelta(days=1),
    )
    session.add_all([made, notice])
    session.flush()
    made.notice_id = notice.id
    return made


def closed(session: Session, county: County, made: Attendance) -> str:
    attendances.close(session, officer(session, county), made.activity_id, CLOSED)
    return f"attendance:{made.id}"


def offered(session: Session, county: County) -> list[str]:
    case = session.get_one(Case, county.case)
    return [name for name, _ in facts.candidates(session, case)]


def test_a_lesson_that_was_missed_is_offered_linked_and_not_charged_twice(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        fact = closed(session, county, told(session, county))
        assert offered(session, county) == [fact]
        made = decided(session, county, replace(ADMONITION, limb="education_skipped", facts=[fact]))
        assert [it.key for it in made.facts] == [fact]
        penalty = session.scalars(
            select(PointsDraft).where(PointsDraft.fact == f"measure:{made.id}")
        ).one()
        points.confirm(session, penalty, county.users[Role.OFFICER], CLOSED, "训诫")
    assert sweep.run(database, CLOSED.date(), CLOSED + timedelta(hours=1), settings).drafts == 0


def absent_from_service(_session: Session, made: Attendance) -> None:
    made.activity.kind = ActivityKind.PUBLIC_BENEFIT


def not_told(session: Session, made: Attendance) -> None:
    session.get_one(Notice, made.notice_id).delivered_at = None


def pages_down(session: Session, made: Attendance) -> None:
    began, ended = made.activity.opens_at, made.activity.ends_at
    day = timedelta(days=1)
    session.add(ServingSpan(server="web:1", since=began - day, until=began))
    session.add(ServingSpan(server="web:1", since=ended, until=CLOSED))


def list_out(session: Session, made: Attendance) -> None:
    by = made.invited_by
    session.add(OfflineList(activity_id=made.activity_id, key=b"k", made_by=by, made_at=NOW))


@pytest.mark.parametrize("why", [absent_from_service, not_told, pages_down, list_out])
def test_an_absence_that_is_no_fault_is_no_ground(
    database: Database, county: County, why: Callable[[Session, Attendance], None]
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = told(session, county)
        why(session, made)
        session.flush()
        fact = closed(session, county, made)
        assert offered(session, county) == []
        assert refused(session, county, replace(ADMONITION, facts=[fact])).field == "facts"


def test_our_own_outage_excuses_and_says_so(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = told(session, county)
        pages_down(session, made)
        closed(session, county, made)
        assert (made.state, made.excuse) == (AttendanceState.EXCUSED, Excuse.OUTAGE)


def test_a_list_that_came_back_without_them_makes_it_a_ground(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = told(session, county)
        list_out(session, made)
        fact = closed(session, county, made)
        session.scalars(select(OfflineList)).one().loaded_at = CLOSED
        assert offered(session, county) == [fact]


def test_nobody_is_charged_while_one_of_two_lists_is_out_and_not_given_up(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made, user = told(session, county), officer(session, county)
        list_out(session, made)
        list_out(session, made)
        fact = closed(session, county, made)
        back, lost = session.scalars(select(OfflineList).order_by(OfflineList.id))
        back.loaded_at = CLOSED
        assert offered(session, county) == []
        for reason in (" ", "遗" * 401):
            with pytest.raises(Invalid, match="reason"):
                offline.give_up(session, user, lost.id, reason, CLOSED)
        offline.give_up(session, user, lost.id, "U盘遗失", CLOSED)
        assert (lost.lost_by, lost.lost_at, lost.lost_why) == (user.id, CLOSED, "U盘遗失")
        assert offered(session, county) == [fact]
        for known in (back, lost):
            with pytest.raises(Refused, match="already"):
                offline.give_up(session, user, known.id, "U盘遗失", CLOSED)
        with pytest.raises(NotFound):
            offline.give_up(session, user, 99, "U盘遗失", CLOSED)


def test_illness_told_afterwards_and_what_an_officer_protected_take_the_ground_away(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made = told(session, county)
        fact = closed(session, county, made)
        draft = add_draft(session, county.case, "education_missed", fact)
        by = session.get_one(User, county.users[Role.OFFICER])
        points.refuse(session, draft, by.id, CLOSED, "住院", excuse="illness")
        assert offered(session, county) == []
        attendances.excuse(session, by, made.id, Excuse.ILLNESS, note="住院", now=CLOSED)
        assert offered(session, county) == []
        assert measures.of(session, county.case) == []
