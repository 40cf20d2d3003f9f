"""An enrolled face that cannot be used is our fault: a receipt, another way, an officer's task."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service.casework import sweep
from correction_service.face.template import Template
from correction_service.face.verdict import Outcome as Said
from correction_service.face.verdict import Verdict
from correction_service.face.verifier import Verifier
from correction_service.face.words import Reason
from correction_service.people import templates
from correction_service.presence import attempts, checkins, faults
from correction_service.presence.captures import Capture
from correction_service.presence.judging import Judge
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, CheckInFrame, DutyState, Outcome, Way
from models.errors import Refused
from models.face import FaceTemplate
from models.risk import FlagKind, FlagState, RiskFlag
from models.user import Role
from tests.county import NOW
from tests.enrolled import Bursts
from tests.pages import SignedInClient
from tests.service.checking_in import LATER, Desk, desk
from tests.service.phone_client import code, phone

__all__ = ["code", "desk", "phone"]

SECOND = timedelta(seconds=1)


def scramble(desk: Desk) -> None:
    """As after a lost key: the bytes are there and do not open."""
    with desk.writing() as session:
        template = session.scalars(select(FaceTemplate)).one()
        template.sealed = bytes(reversed(template.sealed or b""))


def cut_short(desk: Desk) -> None:
    """It opens, and what is inside is no template."""
    with desk.writing() as session:
        case = session.get_one(Case, desk.county.case)
        by = desk.user(session)
        templates.replace(
            session, case.person, by, NOW, vectors=b"cut", model_version="x/1", photos=3
        )


DAMAGES = [scramble, cut_short]


def made(desk: Desk) -> list[CheckIn]:
    with desk.database.reading() as session:
        found = list(session.scalars(select(CheckIn).order_by(CheckIn.id)))
        session.expunge_all()
        return found


def flags(desk: Desk, at: datetime) -> list[FlagState]:
    sweep.run(desk.database, at.date(), at, desk.settings)
    with desk.database.reading() as session:
        anew = select(RiskFlag).where(RiskFlag.kind == FlagKind.ENROL_ANEW).order_by(RiskFlag.id)
        return [it.state for it in session.scalars(anew)]


@pytest.mark.parametrize("damage", DAMAGES)
def test_who_begins_with_such_a_face_has_a_receipt_and_nothing_missed(
    desk: Desk, damage: Callable[[Desk], None]
) -> None:
    damage(desk)
    with pytest.raises(Refused, match="check in another way") as refusal:
        desk.permit()
    assert refusal.value.code == "template_unreadable"
    for _ in range(2):
        with desk.writing() as session:
            faults.unbegun(session, desk.person_id, Reason.TEMPLATE_UNREADABLE, now=NOW)
    (fault,) = made(desk)
    assert (fault.outcome, fault.reasons) == (Outcome.FAULT, ["template_unreadable"])
    assert fault.receipt
    assert (desk.lapse(), desk.duty()) == (0, DutyState.VOID)


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_attempt_on_its_way_when_the_face_is_damaged_ends_as_a_fault_with_its_own_receipt(
    desk: Desk, bursts: Bursts, verifier: Verifier, damage: Callable[[Desk], None]
) -> None:
    with desk.writing() as session:
        receipt = checkins.permit(session, desk.person_id, NOW, desk.settings).receipt
        frame = replace(bursts.person.frames[0], at_ms=200)
        who, now, settings = desk.person_id, NOW + SECOND, desk.settings
        attempts.put(session, who, receipt, 0, frame, now=now, settings=settings)
        waits = attempts.finish(session, who, receipt, Capture(()), now=now, settings=settings)
    damage(desk)
    judged = Judge(desk.database, verifier, desk.settings).judge(waits.id, NOW + 2 * SECOND)
    assert judged is not None
    assert (judged.outcome, judged.receipt, judged.at) == (Outcome.FAULT, receipt, NOW + SECOND)
    with desk.database.reading() as session:
        assert session.scalars(select(CheckInFrame)).all() == []
    assert (desk.lapse(), desk.duty()) == (0, DutyState.VOID)
    assert Judge(desk.database, verifier, desk.settings).judge(waits.id, LATER) is None


@pytest.mark.parametrize("why", [Reason.TEMPLATE_UNREADABLE, Reason.TEMPLATE_OUTDATED])
def test_an_officer_has_one_task_until_the_face_is_enrolled_anew(
    desk: Desk, bursts: Bursts, face_template: Template, why: Reason
) -> None:
    assert flags(desk, NOW) == []
    for minutes in (1, 2):
        at = NOW + timedelta(minutes=minutes)
        desk.send(bursts.person, Verdict(Said.FAULT, "x/2", reasons=(why,)), desk.permit(at), at)
    assert flags(desk, LATER) == [FlagState.OPEN]
    with desk.writing() as session:
        person, by = session.get_one(Case, desk.county.case).person, desk.user(session)
        vectors = face_template.to_bytes()
        templates.replace(
            session, person, by, LATER, vectors=vectors, model_version="x/2", photos=3
        )
    assert flags(desk, LATER + SECOND) == [FlagState.PASSED]


def due_now(desk: Desk) -> None:
    now = datetime.now(UTC)
    with desk.writing() as session:
        duty = session.get_one(CheckInDuty, desk.duty_id)
        duty.opens_at, duty.closes_at = now - timedelta(hours=1), now + timedelta(hours=1)
        duty.missed_after = now + timedelta(hours=2)


def test_the_phone_shows_the_receipt_and_the_other_ways_and_asks_for_no_other_try(
    desk: Desk, phone: FlaskClient
) -> None:
    due_now(desk)
    scramble(desk)
    answer = phone.get("/m/checkin")
    (fault,) = made(desk)
    assert answer.location == f"/m/receipt/{fault.receipt}"
    page = phone.get(answer.location).text
    assert fault.receipt in page
    assert "does not count against you. Check in another way; an officer enrols" in page
    assert "Check in by video call" in page
    assert "Try again" not in page
    assert phone.post("/api/v1/checkins/challenge").status_code == 409
    assert fault.duty_id == desk.duty_id
    assert len(made(desk)) == 1


def renamed(desk: Desk, table: str, name: str) -> None:
    """As after half of a change to the tables: what is asked of one of them fails."""
    with desk.database.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}")


@pytest.mark.parametrize(
    ("method", "page", "table"),
    [
        ("post", "/api/v1/checkins/challenge", "checkin_challenge"),
        ("get", "/m/checkin", "face_template"),
    ],
)
def test_our_own_failure_before_an_attempt_is_on_record_is_no_missed_check_in(
    desk: Desk, phone: FlaskClient, method: str, page: str, table: str
) -> None:
    due_now(desk)
    renamed(desk, table, "elsewhere")
    for _ in range(2):
        assert phone.open(page, method=method.upper()).status_code == 500
    renamed(desk, "elsewhere", table)
    (fault,) = made(desk)
    assert (fault.outcome, fault.reasons) == (Outcome.FAULT, ["system_fault"])
    assert fault.duty_id == desk.duty_id
    over = datetime.now(UTC) + timedelta(hours=3)
    assert (desk.lapse(over), desk.duty()) == (0, DutyState.VOID)


def test_at_the_kiosk_the_officer_beside_it_is_asked(desk: Desk, client_of: SignedInClient) -> None:
    due_now(desk)
    scramble(desk)
    with desk.database.reading() as session:
        number = session.get_one(Case, desk.county.case).number
    kiosk = client_of(Role.OFFICER)
    kiosk.post("/kiosk/open")
    answer = kiosk.post("/kiosk/counter", data={"number": number})
    assert "Your enrolled face cannot be opened" in answer.text
    (fault,) = made(desk)
    assert (fault.way, fault.recorded_by) == (Way.KIOSK, desk.county.users[Role.OFFICER])
    page = kiosk.get(f"/kiosk/receipt/{fault.receipt}").text
    assert "Show the officer this page" in page
    assert "Try again" not in page
