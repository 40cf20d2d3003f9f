"""Education and public-benefit activity: who came, what counts, and what never costs."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import points, sweep
from correction_service.db import Database
from correction_service.learning import activities, attendances, tally
from correction_service.learning.activities import Plan, Spot
from correction_service.reports import periods, statistics
from correction_service.settings import Settings
from models.activity import (
    ActivityKind,
    Attendance,
    AttendanceState,
    AttendanceWay,
    Excuse,
)
from models.agency import Office
from models.case import Case, CaseState
from models.checkin import CheckIn, Liveness, Outcome, Way
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.leave import Leave, LeaveReason
from models.notice import Notice, NoticeState
from models.points import DraftState, PointsDraft
from models.user import Role, User
from tests.county import DAY, NOW, County, make_case
from tests.tracked import HUICHUAN

HOUR = timedelta(hours=1)
STARTS, ENDS = NOW + HOUR, NOW + 3 * HOUR
AFTER = ENDS + HOUR
LESSON = Plan(
    kind=ActivityKind.EDUCATION,
    title="社区矫正法",
    course="法治教育",
    minors=False,
    place="甲司法所会议室",
    starts_at=STARTS,
    ends_at=ENDS,
    capacity=2,
)
SERVICE = replace(
    LESSON,
    kind=ActivityKind.PUBLIC_BENEFIT,
    title="河岸清洁",
    tasks="捡拾垃圾，不需搬重物",
    spot=Spot(lat=HUICHUAN[0], lon=HUICHUAN[1], radius_m=200),
)


def officer(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def invited(session: Session, county: County, plan: Plan = LESSON) -> Attendance:
    """An invitation that has arrived."""
    points.install_default(session)
    user = officer(session, county)
    made = activities.arrange(session, user, plan, NOW)
    attendance = activities.invite(session, user, made.id, [county.case], NOW)[0]
    notice = session.get_one(Notice, attendance.notice_id)
    notice.state, notice.delivered_at = NoticeState.DELIVERED, NOW
    session.flush()
    return attendance


def face(session: Session, case: Case, at: datetime, away_deg: float | None = 0) -> None:
    """A check-in that counts, at the place or so many degrees north of it, or without position."""
    where = {} if away_deg is None else {"lat": HUICHUAN[0] + away_deg, "lon": HUICHUAN[1]}
    session.add(
        CheckIn(
            case=case,
            at=at,
            way=Way.PHONE,
            outcome=Outcome.MATCH,
            liveness=Liveness.LIVE,
            reasons=[],
            answers={},
            accuracy_m=20,
            receipt=f"R{at:%d%H%M%S}",
            **where,
        )
    )
    session.flush()


def closed(session: Session, county: County, attendance: Attendance) -> Attendance:
    attendances.close(session, officer(session, county), attendance.activity_id, AFTER)
    return attendance


def drafts(session: Session) -> list[tuple[str, int, str]]:
    rows = session.scalars(select(PointsDraft).order_by(PointsDraft.id))
    return [(it.item, it.points, it.state.value) for it in rows]


def swept(
    database: Database, settings: Settings, now: datetime = AFTER
) -> list[tuple[str, int, str]]:
    assert sweep.run(database, DAY, now, settings).errors == []
    with database.reading() as session:
        return drafts(session)


def test_adults_and_minors_are_kept_apart(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        young = make_case(session, session.get_one(Office, county.office), 7, minor=True)
        session.flush()
        lesson = activities.arrange(session, user, LESSON, NOW)
        with pytest.raises(Refused, match="kept apart"):
            activities.invite(session, user, lesson.id, [young.id], NOW)
        for_them = activities.arrange(session, user, replace(LESSON, minors=True), NOW)
        with pytest.raises(Refused, match="kept apart"):
            activities.invite(session, user, for_them.id, [county.case], NOW)
        assert [it.id for it in activities.candidates(session, user, for_them, NOW)] == [young.id]


def test_nobody_is_invited_twice_or_beyond_the_room(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        office = session.get_one(Office, county.office)
        other = make_case(session, office, 8)
        session.flush()
        made = activities.arrange(session, user, replace(LESSON, capacity=1), NOW)
        activities.invite(session, user, made.id, [county.case], NOW)
        with pytest.raises(Refused, match="already"):
            activities.invite(session, user, made.id, [county.case], NOW)
        with pytest.raises(Refused, match="room"):
            activities.invite(session, user, made.id, [other.id], NOW)


def test_another_offices_people_are_not_invited_and_its_activities_are_not_there(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        stranger = make_case(session, session.get_one(Office, county.other_office), 5)
        session.flush()
        made = activities.arrange(session, user, LESSON, NOW)
        with pytest.raises(Invalid, match="your offices"):
            activities.invite(session, user, made.id, [stranger.id], NOW)
        user.office_id = county.other_office
        session.flush()
        with pytest.raises(NotFound):
            activities.activity_for(session, user, made.id)
        with pytest.raises(Forbidden):
            activities.arrange(session, officer(session, county, Role.PROCURATOR), LESSON, NOW)


def test_a_face_check_at_the_place_proves_attendance(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        face(session, attendance.case, STARTS)
        attendances.begin(session, attendance.case, attendance.id, STARTS + HOUR / 6)
        closed(session, county, attendance)
        assert attendance.state is AttendanceState.ATTENDED
        assert (attendance.way, attendance.minutes) == (AttendanceWay.FACE, 120)
        credit = tally.of_month(session, county.case, DAY)
        assert (credit.education_minutes, credit.service_minutes) == (120, 0)


def test_an_officers_word_counts_the_same_as_a_face(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        attendances.begin(session, attendance.case, attendance.id, STARTS)
        with pytest.raises(Refused, match="need your word"):
            closed(session, county, attendance)
        user = officer(session, county)
        with pytest.raises(Invalid, match="taken as good"):
            attendances.attend(session, user, attendance.id, minutes=120, note=" ", now=AFTER)
        with pytest.raises(Invalid, match="no more"):
            attendances.attend(session, user, attendance.id, minutes=121, note="在场", now=AFTER)
        attendances.attend(session, user, attendance.id, minutes=120, note="在场", now=AFTER)
        closed(session, county, attendance)
        assert (attendance.way, attendance.minutes) == (AttendanceWay.OFFICER, 120)


def test_a_stale_check_in_proves_nothing_and_costs_nothing(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        face(session, attendance.case, STARTS)
        attendances.begin(session, attendance.case, attendance.id, STARTS + HOUR)
        assert (attendance.began_checkin_id, attendance.partly) == (None, True)


def test_education_missed_without_excuse_is_a_draft_that_an_officer_decides(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = closed(session, county, invited(session, county))
        assert attendance.state is AttendanceState.MISSED
        number = attendance.id
    assert swept(database, settings) == [("education_missed", -5, "draft")]
    assert swept(database, settings) == [("education_missed", -5, "draft")]
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        attendances.excuse(session, user, number, Excuse.ILLNESS, note="病历", now=AFTER)
    assert swept(database, settings) == [("education_missed", -5, DraftState.REFUSED.value)]


@pytest.mark.parametrize("reason", [Excuse.CUSTODY, Excuse.APPROVED_LEAVE, Excuse.NOT_TOLD])
def test_never_deduct_for_what_the_file_itself_excuses(
    database: Database, county: County, settings: Settings, reason: Excuse
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        if reason is Excuse.CUSTODY:
            attendance.case.move(CaseState.DETAINED, NOW)
        elif reason is Excuse.APPROVED_LEAVE:
            away = {"starts_at": NOW, "ends_at": ENDS, "note": "外出审批表"}
            kind = LeaveReason.MEDICAL
            session.add(Leave(case_id=county.case, reason=kind, divisions=["520100"], **away))
        else:
            session.get_one(Notice, attendance.notice_id).delivered_at = STARTS
        closed(session, county, attendance)
        assert (attendance.state, attendance.excuse) == (AttendanceState.EXCUSED, reason)
    assert swept(database, settings) == []


def test_never_deduct_for_being_unable_to_do_public_benefit_activity(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county, SERVICE)
        attendances.say_unable(session, attendance.case, attendance.id, "腰伤", NOW)
        closed(session, county, attendance)
        assert (attendance.state, attendance.note) == (AttendanceState.MISSED, "腰伤")
    assert swept(database, settings) == []


def test_service_counts_the_time_between_two_checks_and_proposes_two_points_for_two_hours(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county, SERVICE)
        face(session, attendance.case, STARTS - HOUR / 6)
        attendances.begin(session, attendance.case, attendance.id, STARTS - HOUR / 6)
        face(session, attendance.case, ENDS)
        attendances.end(session, attendance.case, attendance.id, ENDS)
        closed(session, county, attendance)
        assert (attendance.way, attendance.minutes) == (AttendanceWay.FACE, 120)
        assert drafts(session) == [("volunteering", 2, "draft")]


def test_less_than_two_hours_of_a_month_wait_for_the_rest(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        for minutes in (90, 29):
            attendance = invited(session, county, SERVICE)
            attendances.attend(session, user, attendance.id, minutes=minutes, note="", now=AFTER)
        assert drafts(session) == []
        more = invited(session, county, SERVICE)
        attendances.attend(session, user, more.id, minutes=1, note="", now=AFTER)
        assert drafts(session) == [("volunteering", 2, "draft")]


def test_statistics_count_minutes_and_missed_lessons_at_their_office(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        user = officer(session, county)
        for plan, minutes in ((LESSON, 90), (SERVICE, 60)):
            came = invited(session, county, plan)
            attendances.attend(session, user, came.id, minutes=minutes, note="", now=AFTER)
        closed(session, county, invited(session, county))
        head = officer(session, county, Role.COUNTY_HEAD)
        total = statistics.count(session, head, periods.read("2026-11")).total
        names = ("education_minutes", "service_minutes", "education_missed")
        assert [total[name] for name in names] == [90, 60, 1]


def test_outside_is_told_with_its_distance_and_an_officer_may_take_it_as_good(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county, SERVICE)
        face(session, attendance.case, STARTS, away_deg=0.01)
        attendances.begin(session, attendance.case, attendance.id, STARTS)
        assert attendance.began_spot == "outside"
        assert attendance.began_away_m == pytest.approx(1113, abs=3)
        assert not attendance.proved


@pytest.mark.parametrize(("away_deg", "spot"), [(0.0019, "inside"), (None, "unknown")])
def test_the_accuracy_of_a_position_speaks_for_the_person(
    database: Database, county: County, away_deg: float | None, spot: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:  # 211 m away, 20 m accuracy, 200 m radius
        attendance = invited(session, county, SERVICE)
        face(session, attendance.case, STARTS, away_deg)
        attendances.begin(session, attendance.case, attendance.id, STARTS)
        assert attendance.began_spot == spot


def test_what_is_called_off_was_missed_by_nobody(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance, user = invited(session, county), officer(session, county)
        activities.cancel(session, user, attendance.activity_id, "暴雨", NOW)
        with pytest.raises(Refused):
            attendances.begin(session, attendance.case, attendance.id, STARTS)
        with pytest.raises(Refused):
            closed(session, county, attendance)
    assert swept(database, settings) == []


def test_an_officer_of_one_office_ends_nothing_for_people_of_another(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
        head, user = officer(session, county, Role.COUNTY_HEAD), officer(session, county)
        made = activities.arrange(session, head, LESSON, NOW)
        stranger = make_case(session, session.get_one(Office, county.other_office), 5)
        session.flush()
        [theirs] = activities.invite(session, head, made.id, [stranger.id], NOW)
        [own] = activities.invite(session, user, made.id, [county.case], NOW)
        with pytest.raises(Forbidden, match="county"):
            activities.cancel(session, user, made.id, "暴雨", NOW)
        with pytest.raises(Forbidden, match="county"):
            attendances.close(session, user, made.id, AFTER)
        assert {own.state, theirs.state} == {AttendanceState.INVITED}
        attendances.close(session, head, made.id, AFTER)
        assert theirs.state is not AttendanceState.INVITED
