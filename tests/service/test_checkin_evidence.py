"""What stands beside the face on a review's page: read with few queries, and every look logged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.face.actions import Action
from correction_service.face.liveness import CueName, CueVerdict
from correction_service.presence import checkin_evidence
from correction_service.presence.checkin_evidence import PRINT_BYTES, bases, limits
from correction_service.web.console import evidence_words
from models.agency import Office
from models.audit import AuditRecord
from models.case import LEGAL_ZONE, Case
from models.checkin import Challenge, CheckIn, Liveness, Outcome, Way
from models.checkin_evidence import Finding, Innocent, Sign
from models.order import PositioningOrder
from models.risk import INNOCENT
from models.user import Role
from tests.county import NOW, County, make_case
from tests.desk import Desk
from tests.pages import SignedInClient
from tests.tracked import BEYOND, HUICHUAN, Tracked, heard, minutes, take

RECEIPTS = count()
MORNING = datetime(2026, 11, 20, 8, 1, tzinfo=LEGAL_ZONE).astimezone(UTC)


class Past:
    """Check-ins of the county's case, and of others."""

    def __init__(self, session: Session, county: County) -> None:
        self.session, self.county = session, county
        self.case = session.get_one(Case, county.case)

    def another(self, number: int) -> Case:
        made = make_case(self.session, self.session.get_one(Office, self.county.office), number)
        self.session.flush()
        return made

    def sent(self, at: datetime, case: Case | None = None, **fields: Any) -> CheckIn:  # noqa: ANN401 - columns
        made = CheckIn(
            case=case or self.case,
            at=at,
            began_at=at - timedelta(seconds=20),
            way=Way.PHONE,
            outcome=Outcome.MATCH,
            liveness=Liveness.LIVE,
            reasons=[],
            answers={},
            receipt=f"E{next(RECEIPTS):07d}",
        )
        for name, value in fields.items():
            setattr(made, name, value)
        self.session.add(made)
        self.session.flush()
        return made

    def beside(self, checkin: CheckIn) -> dict[Sign, Finding]:
        return {it.sign: it for it in checkin_evidence.beside(self.session, checkin)}

    def positions(self, checkin: CheckIn) -> dict[Sign, Finding]:
        return {it.sign: it for it in checkin_evidence.viewed_positions(self.session, checkin)}


@pytest.fixture
def past(database: Database, county: County) -> Iterator[Past]:
    with database.transaction(SYSTEM, "test") as session:
        yield Past(session, county)


def test_every_figure_says_why_it_is_so_in_both_languages() -> None:
    of_the_face_check = {"same_picture_bits", "prompt_share"}
    assert set(bases()) | of_the_face_check == set(limits()._fields)
    assert all(it.zh and it.en for it in bases().values())
    used = {name for names in checkin_evidence.RESTS_ON.values() for name in names}
    assert used <= set(bases())


def test_every_cue_sign_and_innocent_explanation_has_its_words() -> None:
    assert set(evidence_words.CUES) == set(CueName)
    assert set(evidence_words.SAYS) == set(CueVerdict)
    assert set(evidence_words.SIGNS) == set(Sign)
    assert {it.value for it in Innocent} <= set(INNOCENT)


def test_a_pattern_is_of_days_so_that_several_tries_of_one_morning_make_none(past: Past) -> None:
    for days in range(1, 8):
        past.sent(MORNING - timedelta(days=days))
    last = past.sent(MORNING)
    assert past.beside(last)[Sign.SAME_MINUTE].facts["of"] == 8
    tried = [past.sent(MORNING + timedelta(days=40, seconds=it)) for it in range(9)]
    assert past.beside(tried[-1]) == {}


def test_a_picture_of_before_is_known_again_and_whose_it_was(past: Past) -> None:
    print_, other = bytes(PRINT_BYTES), bytes([255] * PRINT_BYTES)
    nearly = bytes([7]) + bytes(PRINT_BYTES - 1)
    past.sent(MORNING - timedelta(days=80), fingerprints=nearly)
    again = past.sent(MORNING, fingerprints=other + print_)
    found = past.beside(again)
    assert set(found) == {Sign.SEEN_BEFORE}
    assert found[Sign.SEEN_BEFORE].facts["bits"] == 3
    past.sent(MORNING, past.another(3), fingerprints=other)
    stolen = past.sent(MORNING + timedelta(minutes=1), fingerprints=other)
    assert past.beside(stolen)[Sign.SEEN_OF_ANOTHER].facts == {"bits": 0}


def test_one_phone_is_counted_by_its_people(past: Past) -> None:
    mine = past.sent(MORNING, phone_mark="m1")
    assert past.beside(mine) == {}
    past.sent(MORNING, past.another(3), phone_mark="m1")
    past.sent(MORNING, past.another(5), phone_mark="m2")
    again = past.sent(MORNING + timedelta(hours=1), phone_mark="m1")
    assert past.beside(again)[Sign.ONE_PHONE].facts == {"people": 2}


def prompt(share: float | None) -> list[dict[str, object]]:
    return [{"name": "prompt", "value": share, "contribution": 0.0, "verdict": "neutral"}]


def test_pictures_that_come_late_all_month_are_told_where_they_counted(past: Past) -> None:
    for days in range(1, 5):
        past.sent(MORNING - timedelta(days=days, hours=days), cues=prompt(0.4))
    doubted: dict[str, Any] = {"cues": prompt(0.4), "outcome": Outcome.UNCERTAIN}
    past.sent(MORNING - timedelta(hours=2), **doubted)
    past.sent(MORNING - timedelta(hours=3), cues=prompt(None))
    past.sent(MORNING - timedelta(hours=4), cues=prompt(1.0))
    last = past.sent(MORNING, cues=prompt(0.8))
    found = past.beside(last)[Sign.LATE_PICTURES]
    assert (found.facts, found.innocent) == ({"times": 5, "of": 6}, (Innocent.SLOW_LINK,))
    assert past.beside(past.sent(MORNING + timedelta(hours=1), **doubted)) == {}


def test_tries_before_are_those_of_the_day_since_one_counted(past: Past) -> None:
    def asked(at: datetime, *actions: Action) -> None:
        row = {"person_id": past.case.person_id, "case_id": past.case.id, "issued_at": at}
        row |= {"actions": [*actions], "token_hash": next(RECEIPTS).to_bytes(32)}
        past.session.add(Challenge(expires_at=at + timedelta(minutes=2), **row))
        past.session.flush()

    def drawn(until: datetime, times: int) -> None:
        for back in range(times, -1, -1):  # the last one is what the check-in answers
            for again in range(2):
                at = until - timedelta(minutes=5 * back, seconds=30 + again)
                asked(
                    at, Action.NOD, Action.TURN_LEFT, Action.NOD if back % 2 else Action.TURN_RIGHT
                )

    drawn(MORNING - timedelta(days=1), 7)
    drawn(MORNING, 6)
    counted = past.sent(MORNING)
    assert past.beside(counted)[Sign.MANY_TRIES].facts == {"tries": 6}
    drawn(MORNING + timedelta(hours=1), 4)
    assert past.beside(past.sent(MORNING + timedelta(hours=1))) == {}


def test_a_long_past_costs_no_more_queries_than_a_short_one(past: Past) -> None:
    def asked(checkin: CheckIn) -> int:
        engine, statements = past.session.get_bind(), []
        listen = (engine, "before_cursor_execute", lambda *of: statements.append(of))
        event.listen(*listen)
        past.beside(checkin)
        event.remove(*listen)
        return len(statements)

    few = asked(past.sent(MORNING, fingerprints=bytes(PRINT_BYTES), phone_mark="m1"))
    for days in range(1, 25):
        past.sent(MORNING - timedelta(days=days), fingerprints=bytes(PRINT_BYTES), phone_mark="m1")
    assert asked(past.sent(MORNING, fingerprints=bytes(PRINT_BYTES), phone_mark="m1")) == few


def test_positions_are_compared_on_demand_and_the_look_is_logged(past: Past) -> None:
    place: dict[str, Any] = {
        "lat": HUICHUAN[0] + 1e-6,
        "lon": HUICHUAN[1] + 1e-6,
        "accuracy_m": 20.0,
    }
    away: dict[str, Any] = {"lat": HUICHUAN[0] + 5, "lon": HUICHUAN[1] + 0.1, "accuracy_m": 20.0}
    for days in (2, 3):
        past.sent(MORNING - timedelta(days=days), **place)
    before = past.sent(MORNING - timedelta(minutes=30), **away)
    last = past.sent(MORNING, **place)
    found = past.positions(last)
    assert found[Sign.POSITION_REPEATED].facts == {"times": 3, "of": 4}
    assert found[Sign.IMPOSSIBLE_TRAVEL].facts["within_s"] == 1800
    looks = select(AuditRecord.subject_id).where(AuditRecord.action == "view_place")
    assert set(past.session.scalars(looks)) == {str(last.id), str(before.id)}
    assert past.positions(past.sent(MORNING + timedelta(hours=1))) == {}


def test_the_bracelet_is_compared_only_under_an_order(
    database: Database, county: County, tracked: Tracked
) -> None:
    take(database, heard(minutes(NOW - timedelta(minutes=4), [BEYOND] * 5)))
    with database.transaction(SYSTEM, "test") as session:
        past = Past(session, county)
        here: dict[str, Any] = {"lat": HUICHUAN[0], "lon": HUICHUAN[1], "accuracy_m": 20.0}
        checkin = past.sent(NOW, **here)
        found = past.positions(checkin)[Sign.BRACELET_ELSEWHERE]
        assert (found.facts["age_s"], found.facts["source"]) == (0, "gnss")
        trails = select(AuditRecord.subject_id).where(AuditRecord.action == "view_trail")
        assert set(session.scalars(trails)) == {str(county.case)}
        session.get_one(PositioningOrder, tracked.order).lifted_at = NOW - timedelta(minutes=1)
        session.flush()
        assert past.positions(checkin) == {}


def by_phone(case: Case, at: datetime, receipt: str) -> CheckIn:
    """A check-in that counted, of the same picture as every other."""
    return CheckIn(
        case=case,
        at=at,
        way=Way.PHONE,
        outcome=Outcome.MATCH,
        liveness=Liveness.LIVE,
        reasons=[],
        answers={},
        fingerprints=bytes(PRINT_BYTES),
        receipt=receipt,
    )


def test_the_page_shows_cues_as_bars_and_evidence_with_its_innocent_explanation(
    client_of: SignedInClient, database: Database, desk: Desk
) -> None:
    cues = [
        {"name": "parallax", "value": 0.4, "contribution": 1.5, "verdict": "for"},
        {"name": "unseen", "value": 0.2, "contribution": -5.0, "verdict": "against"},
        {"name": "passive", "value": None, "contribution": 0.0, "verdict": "neutral"},
    ]
    with database.transaction(SYSTEM, "test") as session:
        case, old = session.get_one(Case, desk.case), session.get_one(CheckIn, desk.checkin)
        session.add(by_phone(case, NOW - timedelta(days=1), "R0000006"))
        made = by_phone(case, NOW, "R0000007")
        made.liveness, made.cues, made.photo_id = Liveness.NOT_LIVE, cues, old.photo_id
        made.lat, made.lon = HUICHUAN
        session.flush()
        session.add(made)
        session.flush()
        checkin_id = made.id
    page = client_of(Role.OFFICER).get(f"/reviews/{checkin_id}").text
    for said in (
        "speaks for a living face",
        "speaks against it",
        "could not be measured",
        "A picture that this person sent before",
        "The same wall, light and posture.",
        "Compare positions",
    ):
        assert said in page
    assert str(HUICHUAN[0]) not in page
    assert (
        "this look is logged"
        in client_of(Role.OFFICER).post(f"/reviews/{checkin_id}/positions").text
    )


def test_a_procurator_reads_what_was_found_without_pictures(
    client_of: SignedInClient, desk: Desk
) -> None:
    client_of(Role.OFFICER).post(
        f"/reviews/{desk.checkin}", data={"decision": "no_match", "note": "眼距不同"}
    )
    procurator = client_of(Role.PROCURATOR)
    page = procurator.get(f"/reviews/{desk.checkin}").text
    assert "眼距不同" in page
    assert "provisional until a second person agrees" in page
    assert "<img" not in page
    assert (
        procurator.post(f"/reviews/{desk.checkin}", data={"decision": "match"}).status_code == 403
    )
    assert procurator.get(f"/reviews/photos/{desk.photo}").status_code == 403
