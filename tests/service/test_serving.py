"""While our own pages are down nobody can check in: nobody pays, and a restart excuses nobody."""

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.casework import points, sweep
from correction_service.db import Database
from correction_service.presence import checkins, serving
from correction_service.presence.beacon import Beacon
from correction_service.presence.serving import Gap
from correction_service.settings import Settings
from models.checkin import CheckInDuty, DutyState, Way
from models.points import PointsDraft
from models.risk import FlagKind, RiskFlag
from models.serving import ServingSpan
from models.user import Role
from tests.broker import free_port
from tests.county import NOW
from tests.pages import SignedInClient
from tests.processes import running
from tests.service.checking_in import LATER, Desk, desk

__all__ = ["desk"]

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
OPENS, CLOSES, MISSED_AFTER = NOW - HOUR, NOW + HOUR, NOW + 3 * HOUR


def served(desk: Desk, *spans: tuple[datetime, datetime], server: str = "web:1") -> None:
    """Let a web process answer in these times and in no other."""
    for since, until in spans:
        at = since
        while at <= until:
            with desk.writing() as session:
                serving.beat(session, server, at)
            at += min(MINUTE, max(until - at, MINUTE / 60))


def gaps(desk: Desk, since: datetime, now: datetime) -> Sequence[Gap]:
    with desk.database.reading() as session:
        return serving.gaps(session, since, now)


def down(desk: Desk, since: datetime, until: datetime) -> None:
    """Let it answer all the time but for this."""
    spans = ((OPENS - 9 * HOUR, since), (until, LATER))
    with desk.writing() as session:
        session.add_all(ServingSpan(server="web:1", since=a, until=b) for a, b in spans)


def test_beats_make_spans_and_what_lies_between_them_is_a_gap(desk: Desk) -> None:
    served(desk, (NOW, NOW + 5 * MINUTE), (NOW + 9 * MINUTE, NOW + 12 * MINUTE))
    assert gaps(desk, NOW, NOW + 12 * MINUTE) == [Gap(NOW + 5 * MINUTE, NOW + 9 * MINUTE)]
    assert gaps(desk, NOW + 10 * MINUTE, NOW + 12 * MINUTE) == []
    with desk.database.reading() as session:
        assert len(session.scalars(select(ServingSpan)).all()) == 2


def test_a_gap_that_lasts_ends_now_and_one_that_began_before_is_told_whole(desk: Desk) -> None:
    served(desk, (NOW - 2 * MINUTE, NOW))
    later = NOW + 30 * MINUTE
    assert gaps(desk, NOW + 20 * MINUTE, later) == [Gap(NOW, later)]


def test_before_the_first_beat_there_is_no_record_and_so_no_gap(desk: Desk) -> None:
    assert gaps(desk, NOW - HOUR, NOW) == []
    served(desk, (NOW, NOW + MINUTE))
    assert gaps(desk, NOW - HOUR, NOW + MINUTE) == []


def test_while_one_of_two_processes_answers_there_is_no_gap(desk: Desk) -> None:
    served(desk, (NOW, NOW + 4 * MINUTE), (NOW + 20 * MINUTE, NOW + 22 * MINUTE))
    served(desk, (NOW + 2 * MINUTE, NOW + 21 * MINUTE), server="web:2")
    assert gaps(desk, NOW, NOW + 22 * MINUTE) == []


@pytest.mark.parametrize(
    ("since", "until", "state"),
    [
        (CLOSES - 5 * MINUTE, CLOSES - MINUTE, DutyState.VOID),  # over the end of the window
        (CLOSES - MINUTE, CLOSES + 10 * MINUTE, DutyState.VOID),
        (MISSED_AFTER - MINUTE, LATER, DutyState.VOID),  # over the end of coming late
        (NOW - 30 * MINUTE, NOW, DutyState.VOID),  # a quarter of the window
        (NOW - 30 * MINUTE, NOW - 10 * MINUTE, DutyState.MISSED),  # a sixth, long before its end
        (CLOSES - 2 * MINUTE, CLOSES - 10 * MINUTE / 60, DutyState.MISSED),  # a restart
        (CLOSES + 20 * MINUTE, CLOSES + 30 * MINUTE, DutyState.MISSED),  # of the late time little
        (OPENS - 3 * HOUR, OPENS, DutyState.MISSED),  # before it opened
    ],
)
def test_a_missed_check_in_is_ours_where_our_pages_were_down_at_its_end_or_for_long(
    desk: Desk, since: datetime, until: datetime, state: DutyState
) -> None:
    down(desk, since, until)
    assert (desk.lapse(LATER), desk.duty()) == (int(state is DutyState.MISSED), state)
    with desk.database.reading() as session:
        reason = session.get_one(CheckInDuty, desk.duty_id).void_reason
    assert reason == ("service_down" if state is DutyState.VOID else None)


def test_while_nobody_knows_yet_whether_the_pages_are_down_nothing_lapses(desk: Desk) -> None:
    served(desk, (OPENS, MISSED_AFTER - MINUTE))
    for seconds, state in ((61, DutyState.DUE), (119, DutyState.DUE), (121, DutyState.VOID)):
        assert desk.lapse(MISSED_AFTER + timedelta(seconds=seconds)) == 0
        assert desk.duty() is state


def test_who_comes_late_because_the_page_was_down_is_in_time(desk: Desk) -> None:
    down(desk, CLOSES - 20 * MINUTE, CLOSES + 20 * MINUTE)
    with desk.writing() as session:
        way, user = Way.OFFICER_CALL, desk.user(session)
        case, at = desk.county.case, CLOSES + 40 * MINUTE
        checkins.attest(session, user, case, way=way, note="spoke", now=at)
    assert desk.duty() is DutyState.DONE


@pytest.mark.parametrize(("minutes", "drafted"), [(30, 0), (2, 1)])
def test_the_sweep_neither_flags_nor_drafts_what_our_pages_kept_from(
    desk: Desk, minutes: int, drafted: int
) -> None:
    down(desk, MISSED_AFTER - minutes * MINUTE, MISSED_AFTER)
    with desk.writing() as session:
        points.install_default(session)
    desk.lapse(LATER)
    sweep.run(desk.database, LATER.date(), LATER, desk.settings)
    with desk.database.reading() as session:
        drafts = session.scalars(select(PointsDraft.id)).all()
        flags = session.scalars(select(RiskFlag.id).where(RiskFlag.kind == FlagKind.CHECKIN_MISSED))
        assert (len(drafts), len(flags.all())) == (drafted, drafted)


def test_an_officer_sees_when_the_pages_were_down_and_whom_that_excused(
    desk: Desk, client_of: SignedInClient
) -> None:
    began = datetime.now(UTC) - 5 * HOUR
    with desk.writing() as session:
        duty = session.get_one(CheckInDuty, desk.duty_id)
        duty.opens_at, duty.closes_at = began, began + HOUR
        duty.missed_after = began + 2 * HOUR
        spans = ((began - HOUR, began + HOUR / 2), (began + 3 * HOUR, datetime.now(UTC)))
        session.add_all(ServingSpan(server="web:1", since=a, until=b) for a, b in spans)
    desk.lapse(datetime.now(UTC))
    client = client_of(Role.OFFICER)
    tab = client.get(f"/cases/{desk.county.case}/checkins").text
    assert "our own pages were down" in tab
    assert re.search(r"down \d\d-\d\d \d\d:\d\d – \d\d-\d\d \d\d:\d\d", tab)
    assert "Check-in not held against the person" in client.get(f"/cases/{desk.county.case}").text
    figures = client_of(Role.COUNTY_HEAD).get("/quality/checkins/").text
    assert "1 check-in could not be made for that" in figures
    table = client_of(Role.COUNTY_HEAD).get("/quality/checkins/export.csv").text
    assert "void duties,all,service_down,1" in table


def test_a_process_that_does_not_answer_writes_nothing(database: Database) -> None:
    assert not Beacon(database, "127.0.0.1", free_port()).beat()
    with database.reading() as session:
        assert session.scalars(select(ServingSpan)).all() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_killed_web_leaves_a_gap_from_its_last_answer_on(
    database: Database, settings: Settings
) -> None:
    def last() -> datetime | None:
        with database.reading() as session:
            return session.scalar(select(ServingSpan.until))

    began = datetime.now(UTC)
    with running(settings, "web", "--port", str(free_port())) as web:
        deadline = time.monotonic() + 60
        while last() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        web.kill()
    answered = last()
    assert answered is not None
    assert began < answered < datetime.now(UTC)
    later = answered + HOUR
    with database.reading() as session:
        assert serving.gaps(session, began, later) == [Gap(answered, later)]
