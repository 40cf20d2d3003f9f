"""What counted check-ins show beside the face reaches an officer once, and costs nobody a thing."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.casework import checkin_signs, flags, sweep
from correction_service.db import Database
from correction_service.settings import Settings
from models.agency import Office
from models.audit import AuditRecord
from models.case import LEGAL_ZONE, Case, CaseState
from models.checkin import Challenge, CheckIn, Liveness, Outcome, Way
from models.job import JobRun, JobState
from models.points import PointsDraft
from models.review import CheckInReview, ReviewDecision
from models.risk import FlagKind, FlagState, RiskFlag
from models.user import Role
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient
from tests.tracked import HUICHUAN

RECEIPTS = count()
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
HERE: dict[str, Any] = {"lat": HUICHUAN[0] + 1e-6, "lon": HUICHUAN[1] + 1e-6, "accuracy_m": 20.0}
AWAY: dict[str, Any] = HERE | {"lat": HUICHUAN[0] + 5}


def local(day: date, hour: int, minute: int = 0) -> datetime:
    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=LEGAL_ZONE)
    return at.astimezone(UTC)


TODAY = NOW.astimezone(LEGAL_ZONE).date()
EARLY = local(TODAY, 4, 35)


def sent(database: Database, case_id: int, at: datetime, **fields: object) -> int:
    row: dict[str, Any] = {
        "case_id": case_id,
        "at": at,
        "began_at": at,
        "way": Way.PHONE,
        "outcome": Outcome.MATCH,
        "liveness": Liveness.LIVE,
        "reasons": [],
        "answers": {},
        "receipt": f"S{next(RECEIPTS):07d}",
    }
    with database.transaction(SYSTEM, "test") as session:
        made = CheckIn(**row | fields)
        session.add(made)
        session.flush()
        return made.id


def nightly(database: Database, case_id: int, days: int = 6) -> None:
    """A check-in just after midnight, day for day until yesterday."""
    for back in range(1, days + 1):
        sent(database, case_id, local(TODAY - back * DAY, 0, back))


def raised(database: Database) -> list[RiskFlag]:
    with database.reading() as session:
        ours = select(RiskFlag).where(RiskFlag.kind == FlagKind.CHECKIN_EVIDENCE)
        found = list(session.scalars(ours.order_by(RiskFlag.id)))
        session.expunge_all()
        return found


def facts(flag: RiskFlag) -> list[str]:
    return sorted(it["fact"] for it in flag.reasons)


def test_several_signs_of_many_check_ins_are_one_flag_a_person(
    database: Database, county: County
) -> None:
    nightly(database, county.case)
    sent(database, county.case, local(TODAY - DAY, 1), **AWAY)
    last = sent(database, county.case, local(TODAY - DAY, 2), **HERE)
    assert checkin_signs.run(database, EARLY) == 6
    assert checkin_signs.run(database, EARLY + timedelta(hours=1)) == 0
    (flag,) = raised(database)
    assert facts(flag) == ["sign_after_midnight", "sign_impossible_travel"]
    travel = flag.reasons[1]
    assert travel["facts"] == {"checkin": last}
    assert travel["innocent"] == ["cell_towers", "plane"]
    with database.reading() as session:
        looks = select(AuditRecord).where(AuditRecord.action.in_(["view_trail", "view_place"]))
        assert session.scalars(looks).all() == []


def test_what_an_officer_answered_is_not_asked_again_and_what_is_new_is(
    database: Database, county: County
) -> None:
    nightly(database, county.case)
    checkin_signs.run(database, EARLY)
    with database.transaction(SYSTEM, "test") as session:
        (flag,) = session.scalars(select(RiskFlag)).all()
        flags.handle(session, flag, county.users[Role.OFFICER], "works nights", EARLY)
    sent(database, county.case, local(TODAY, 0, 7))
    checkin_signs.run(database, EARLY + DAY)
    assert [it.state for it in raised(database)] == [FlagState.HANDLED]
    sent(database, county.case, local(TODAY + DAY, 0, 7), **AWAY)
    sent(database, county.case, local(TODAY + DAY, 1, 7), **HERE)
    checkin_signs.run(database, EARLY + 2 * DAY)
    assert [facts(it) for it in raised(database)] == [
        ["sign_after_midnight"],
        ["sign_impossible_travel"],
    ]


def test_pictures_that_come_late_reach_an_officer_though_they_counted(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    prompt = {"name": "prompt", "value": 0.0, "contribution": 0.0, "verdict": "neutral"}
    for back in range(1, 7):
        sent(database, county.case, local(TODAY - back * DAY, 6 + 2 * back), cues=[prompt])
    checkin_signs.run(database, EARLY)
    (flag,) = raised(database)
    assert facts(flag) == ["sign_late_pictures"]
    page = client_of(Role.OFFICER).get(f"/flags/{flag.id}").text
    assert "Pictures came later than taken at 6 of 6 check-ins." in page
    assert "A slow or broken connection where the person lives." in page


def test_tries_before_the_one_that_counted_are_told_of_each_such_check_in(
    database: Database, county: County
) -> None:
    def tried(day: date) -> int:
        at = local(day, 9)
        with database.transaction(SYSTEM, "test") as session:
            case = session.get_one(Case, county.case)
            for back in range(6, -1, -1):
                began = at - timedelta(minutes=15 * back)
                made = Challenge(person_id=case.person_id, case_id=case.id, issued_at=began)
                made.token_hash, made.expires_at = next(RECEIPTS).to_bytes(32), began + 2 * MINUTE
                made.actions = ["turn_left", "nod", "turn_left" if back % 2 else "come_closer"]
                session.add(made)
        return sent(database, county.case, at + MINUTE, began_at=at)

    first = tried(TODAY - DAY)
    checkin_signs.run(database, EARLY)
    (flag,) = raised(database)
    assert flag.reasons[0]["facts"] == {"tries": 6, "checkin": first}
    with database.transaction(SYSTEM, "test") as session:
        flags.handle(
            session, session.get_one(RiskFlag, flag.id), county.users[Role.OFFICER], "雾", EARLY
        )
    second = tried(TODAY)
    checkin_signs.run(database, EARLY + DAY)
    assert [it.reasons[0]["facts"]["checkin"] for it in raised(database)] == [first, second]


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": Outcome.NO_MATCH},  # an officer looks at it anyway
        {"way": Way.KIOSK},  # an officer was there
    ],
)
def test_only_what_counted_and_nobody_saw_is_gone_over(
    database: Database, county: County, fields: dict[str, object]
) -> None:
    for back in range(1, 7):
        sent(database, county.case, local(TODAY - back * DAY, 0, back), **fields)
    assert checkin_signs.run(database, EARLY) == 0
    assert raised(database) == []


def test_a_check_in_that_an_officer_reviewed_is_not_brought_again(
    database: Database, county: County
) -> None:
    nightly(database, county.case, days=5)
    with database.transaction(SYSTEM, "test") as session:
        for made in session.scalars(select(CheckIn)):
            by = county.users[Role.OFFICER]
            seen = {"decision": ReviewDecision.MATCH, "note": "", "by": by, "at": EARLY}
            session.add(CheckInReview(checkin_id=made.id, **seen))
    assert checkin_signs.run(database, EARLY) == 0


def test_days_that_nobody_went_over_are_made_up_for(database: Database, county: County) -> None:
    nightly(database, county.case)
    assert checkin_signs.run(database, EARLY + 5 * DAY) == 2
    (flag,) = raised(database)
    assert facts(flag) == ["sign_after_midnight"]


def test_the_sweep_neither_ends_such_a_flag_nor_makes_points_of_it(
    database: Database, county: County, settings: Settings
) -> None:
    nightly(database, county.case)
    checkin_signs.run(database, EARLY)
    sweep.run(database, TODAY, NOW, settings)
    assert [it.state for it in raised(database)] == [FlagState.OPEN]
    with database.reading() as session:
        assert session.scalars(select(PointsDraft)).all() == []


def test_when_a_case_has_ended_nobody_need_look_any_more(
    database: Database, county: County
) -> None:
    nightly(database, county.case)
    checkin_signs.run(database, EARLY)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).move(CaseState.TERMINATED, EARLY)
    checkin_signs.run(database, EARLY + timedelta(hours=1))
    assert [it.state for it in raised(database)] == [FlagState.PASSED]


def test_the_flag_says_what_was_seen_and_leads_to_cues_and_evidence(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    nightly(database, county.case)
    checkin_signs.run(database, EARLY)
    (flag,) = raised(database)
    officer = client_of(Role.OFFICER)
    page = officer.get(f"/flags/{flag.id}").text
    assert "Mostly in the first 30 minutes after midnight: 6 of 6 days." in page
    assert "Night shifts, or fear of forgetting it." in page
    checkin = flag.reasons[0]["facts"]["checkin"]
    assert f"/reviews/{checkin}" in page
    beside = officer.get(f"/reviews/{checkin}").text
    assert "Mostly in the first 30 minutes after midnight" in beside
    for path in (f"/cases/{county.case}/checkins", f"/cases/{county.case}"):
        assert f"/reviews/{checkin}" in officer.get(path).text


def test_one_who_cannot_be_read_stops_nobody_else(database: Database, county: County) -> None:
    nightly(database, county.case)
    with database.transaction(SYSTEM, "test") as session:
        other = make_case(session, session.get_one(Office, county.office), 3)
        session.flush()
        other_id = other.id
    nightly(database, other_id)
    sent(database, county.case, local(TODAY - DAY, 1), lat=float("inf"), lon=0.0, accuracy_m=1.0)
    sent(database, county.case, local(TODAY - DAY, 2), **HERE)
    checkin_signs.run(database, EARLY)
    assert other_id in {it.case_id for it in raised(database)}
    with database.reading() as session:
        last = select(JobRun).where(JobRun.name == checkin_signs.JOB, JobRun.day == TODAY - DAY)
        run = session.scalars(last).one()
        said = [{"case": county.case, "error": "ValueError"}]
        assert (run.state, run.result["errors"]) == (JobState.FAILED, said)
