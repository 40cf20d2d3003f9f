"""The timeline: everything of a case, newest first, filtered and paged; and the state bands."""

from datetime import timedelta
from itertools import pairwise

from correction_service.audit import SYSTEM
from correction_service.casework import timeline
from correction_service.casework.timeline import Kind
from correction_service.db import Database
from correction_service.zones import bands
from models.case import Case
from models.risk import RiskFlag
from models.zone import Zone, ZoneChange, ZoneKind, ZoneState
from tests.county import NOW, County
from tests.desk import Desk, missed
from tests.tracked import Tracked

LATER = NOW + timedelta(days=1)


def test_everything_of_a_case_stands_in_one_list_newest_first(
    database: Database, desk: Desk
) -> None:
    with database.reading() as session:
        case = session.get_one(Case, desk.case)
        found = timeline.entries(session, case, list(Kind), LATER, 100)
        moments = [entry.at for entry in found]
        assert moments == sorted(moments, reverse=True)
        assert {entry.what for entry in found} >= {
            "checkin",
            "incident",
            "risk_flag",
            "points_draft",
            "notice",
            "help_request",
            "binding",
            "zone_change",
            "positioning_order",
        }


def test_only_the_chosen_kinds_up_to_a_moment_are_given(database: Database, desk: Desk) -> None:
    with database.reading() as session:
        case = session.get_one(Case, desk.case)
        flags = timeline.entries(session, case, [Kind.FLAGS], LATER, 100)
        assert [entry.what for entry in flags] == ["risk_flag"]
        before = timeline.entries(session, case, [Kind.FLAGS], NOW - timedelta(seconds=1), 100)
        assert before == []


def test_the_newest_are_given_when_there_are_too_many(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        for number in range(5):
            flag: RiskFlag = missed(case, number)
            flag.raised_at = NOW - timedelta(hours=number)
            session.add(flag)
        session.flush()
        found = timeline.entries(session, case, list(Kind), LATER, 3)
        assert [entry.at for entry in found] == [NOW - timedelta(hours=n) for n in range(3)]


def test_a_band_has_no_hole_and_says_unknown_before_the_first_decision(
    database: Database, tracked: Tracked
) -> None:
    since, until = NOW - timedelta(hours=6), NOW
    decided = [(ZoneState.INSIDE, 5), (ZoneState.OUTSIDE, 2), (ZoneState.INSIDE, 2)]
    with database.transaction(SYSTEM, "test") as session:
        session.add_all(
            ZoneChange(
                zone_id=tracked.zone,
                device_id=tracked.device,
                state=state,
                since=NOW - timedelta(hours=hours),
                decided_at=NOW,
                evidence={},
                recorded_at=NOW,
            )
            for state, hours in decided
        )
        session.flush()
        (band,) = bands.of_case(session, tracked.case, since, until)
    states = [stretch.state for stretch in band.stretches]
    assert states == [ZoneState.UNKNOWN, ZoneState.INSIDE, ZoneState.INSIDE]
    edges = [(stretch.since, stretch.until) for stretch in band.stretches]
    assert edges[0][0] == since
    assert edges[-1][1] == until
    assert all(before[1] == after[0] for before, after in pairwise(edges))


def test_inside_an_exclusion_zone_is_the_wrong_side() -> None:
    home = bands.Band(Zone(kind=ZoneKind.HOME), ())
    exclusion = bands.Band(Zone(kind=ZoneKind.EXCLUSION), ())
    sides = [band.side(state) for band in (home, exclusion) for state in ZoneState]
    assert sides == ["right", "wrong", "unknown", "wrong", "right", "unknown"]
