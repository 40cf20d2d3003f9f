"""A check-in from challenge to receipt, and everything that may come between."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from correction_service.casework.needs import Need
from correction_service.face.template import Template
from correction_service.face.verifier import Verifier
from correction_service.people import consents, photos
from correction_service.presence import checkins, faults, help_requests
from correction_service.presence.captures import Answers
from models.agency import Office
from models.case import Case, CaseState
from models.checkin import (
    CheckIn,
    CheckInDuty,
    DutyKind,
    DutyState,
    Liveness,
    Outcome,
    Way,
)
from models.errors import Invalid, NotFound, Refused
from models.face import StoredPhoto
from models.help_request import HelpKind
from models.outbox import Outbox
from models.person import Person
from models.review import ReviewDecision
from models.user import Role
from tests.county import NOW, make_case
from tests.enrolled import Bursts
from tests.service.checking_in import LATER, Desk, desk

__all__ = ["desk"]


def test_a_match_settles_the_duty_and_keeps_its_photo_for_a_while(
    desk: Desk, bursts: Bursts
) -> None:
    made = desk.send(bursts.person, bursts.match)
    assert (made.outcome, made.liveness) == (Outcome.MATCH, Liveness.NOT_JUDGED)
    assert re.fullmatch(r"[2-9A-Y]{4}-[2-9A-Y]{4}", made.receipt)
    assert (made.duty_id, desk.duty()) == (desk.duty_id, DutyState.DONE)
    with desk.writing() as session:
        photo = session.get_one(StoredPhoto, made.photo_id)
        assert photo.delete_after == NOW + timedelta(days=28)
        best = bursts.person.frames[bursts.match.best_frame or 0].data
        assert photos.view(session, desk.settings, photo) == best
        live = select(Outbox.payload).where(Outbox.topic == "live")
        assert {"kind": "checkin", "id": made.id} in session.scalars(live).all()


def test_pictures_shown_again_at_the_kiosk_wait_for_an_officer(
    desk: Desk, bursts: Bursts, verifier: Verifier, face_template: Template
) -> None:
    earlier = bursts.match.fingerprints
    again = verifier.judge(face_template, bursts.person.frames, (), earlier)
    made = desk.send(bursts.person, again)
    assert (made.outcome, made.liveness) == (Outcome.MATCH, Liveness.NOT_LIVE)
    assert (desk.waiting(), desk.duty()) == ([made.id], DutyState.DUE)


def test_a_no_match_waits_for_an_officer_and_costs_nothing(desk: Desk, bursts: Bursts) -> None:
    made = desk.send(bursts.stranger, bursts.no_match)
    assert made.outcome is Outcome.NO_MATCH
    assert desk.waiting() == [made.id]
    assert desk.lapse() == 0
    assert desk.duty() is DutyState.DUE


def test_what_an_officer_finds_to_be_someone_else_leaves_the_duty_to_lapse(
    desk: Desk, bursts: Bursts
) -> None:
    made = desk.send(bursts.stranger, bursts.no_match)
    desk.review(made, ReviewDecision.NO_MATCH)
    assert (desk.waiting(), desk.lapse(), desk.duty()) == ([], 0, DutyState.DUE)
    desk.review(made, ReviewDecision.NO_MATCH, role=Role.COUNTY_HEAD)
    assert desk.lapse() == 1
    assert desk.duty() is DutyState.MISSED


def test_a_concern_of_one_officer_never_ends_in_a_missed_duty(desk: Desk, bursts: Bursts) -> None:
    made = desk.send(bursts.stranger, bursts.no_match)
    desk.review(made, ReviewDecision.CONCERN)
    assert (desk.waiting(), desk.lapse(), desk.duty()) == ([], 0, DutyState.DUE)
    assert desk.needs(LATER) == {Need.CONCERNS: 1}
    days_later = LATER + timedelta(days=3)
    with desk.writing() as session:
        way, user = Way.OFFICER_VISIT, desk.user(session)
        checkins.attest(session, user, desk.county.case, way=way, note="spoke", now=days_later)
    assert (desk.lapse(days_later), desk.duty()) == (0, DutyState.VOID)
    assert desk.needs(days_later) == {}


def test_a_concern_that_two_find_to_be_somebody_else_ends_in_a_missed_duty(
    desk: Desk, bursts: Bursts
) -> None:
    desk.send(bursts.group, bursts.many_faces)
    made = desk.send(bursts.stranger, bursts.no_match)
    desk.review(made, ReviewDecision.CONCERN)
    desk.review(made, ReviewDecision.NO_MATCH)
    assert (desk.lapse(), desk.duty()) == (0, DutyState.DUE)
    desk.review(made, ReviewDecision.NO_MATCH, role=Role.COUNTY_HEAD)
    assert (desk.lapse(), desk.duty()) == (1, DutyState.MISSED)


def test_an_officers_match_settles_the_duty_as_of_the_capture(desk: Desk, bursts: Bursts) -> None:
    made = desk.send(bursts.stranger, bursts.no_match)
    desk.review(made, ReviewDecision.MATCH, note="")
    assert desk.duty() is DutyState.DONE
    with desk.database.reading() as session:
        photo = session.get_one(StoredPhoto, made.photo_id)
        assert photo.delete_after == LATER + timedelta(days=28)


def test_a_finding_against_the_person_says_what_was_seen(desk: Desk, bursts: Bursts) -> None:
    made = desk.send(bursts.stranger, bursts.no_match)
    with pytest.raises(Invalid) as refusal:
        desk.review(made, ReviewDecision.CONCERN, note=" ")
    assert refusal.value.field == "note"
    assert desk.waiting() == [made.id]


def test_several_faces_leave_the_duty_due_and_keep_no_picture(desk: Desk, bursts: Bursts) -> None:
    made = desk.send(bursts.group, bursts.many_faces)
    assert (made.outcome, made.photo_id, desk.duty()) == (Outcome.MANY_FACES, None, DutyState.DUE)
    assert desk.waiting() == []
    assert (desk.lapse(), desk.duty()) == (0, DutyState.VOID)


def test_after_several_faces_the_same_person_alone_has_checked_in(
    desk: Desk, bursts: Bursts
) -> None:
    desk.send(bursts.group, bursts.many_faces)
    desk.send(bursts.person, bursts.match)
    assert (desk.lapse(), desk.duty()) == (0, DutyState.DONE)


def test_what_shows_no_picture_cannot_be_reviewed(desk: Desk, bursts: Bursts) -> None:
    made = desk.send(bursts.group, bursts.many_faces)
    with pytest.raises(Refused, match="no picture"):
        desk.review(made, ReviewDecision.MATCH)


def test_a_fault_of_ours_is_never_a_missed_check_in(
    desk: Desk, bursts: Bursts, face_template: Template, tmp_path: Path
) -> None:
    with Verifier(weights_folder=tmp_path) as broken:
        verdict = broken.judge(face_template, bursts.person.frames)
    made = desk.send(bursts.person, verdict)
    assert (made.outcome, made.photo_id) == (Outcome.FAULT, None)
    assert desk.lapse() == 0
    assert desk.duty() is DutyState.VOID


def test_being_busy_is_recorded_once_a_challenge_and_is_never_a_missed_check_in(
    desk: Desk, bursts: Bursts
) -> None:
    token = desk.permit()
    for _ in range(2):
        with desk.writing() as session:
            attempt = checkins.begin(session, desk.person_id, token, bursts.person, NOW)
            faults.busy(session, attempt, now=NOW)
    with desk.database.reading() as session:
        made = session.scalars(select(CheckIn)).one()
        assert (made.outcome, made.reasons) == (Outcome.FAULT, ["system_fault"])
        assert made.duty_id == desk.duty_id
    assert desk.lapse() == 0
    assert desk.duty() is DutyState.VOID


def test_the_challenge_stays_good_while_the_service_is_busy(desk: Desk, bursts: Bursts) -> None:
    token = desk.permit()
    with desk.writing() as session:
        attempt = checkins.begin(session, desk.person_id, token, bursts.person, NOW)
        faults.busy(session, attempt, now=NOW)
    assert desk.send(bursts.person, bursts.match, token).outcome is Outcome.MATCH
    assert desk.duty() is DutyState.DONE


def test_a_fault_and_a_review_keep_every_open_duty_from_being_missed(
    desk: Desk, bursts: Bursts
) -> None:
    with desk.writing() as session:
        first = session.get_one(CheckInDuty, desk.duty_id)
        second = CheckInDuty(
            case=first.case,
            kind=DutyKind.SPOT,
            key="spot:2026-11-20",
            opens_at=first.opens_at,
            closes_at=NOW + timedelta(hours=2),
            missed_after=first.missed_after,
            state=DutyState.DUE,
        )
        session.add(second)
    made = desk.send(bursts.stranger, bursts.no_match)
    assert (desk.lapse(), desk.duty()) == (0, DutyState.DUE)
    desk.review(made, ReviewDecision.NO_MATCH)
    desk.review(made, ReviewDecision.NO_MATCH, role=Role.COUNTY_HEAD)
    with desk.writing() as session:
        attempt = checkins.begin(
            session, desk.person_id, desk.permit_in(session), bursts.person, NOW
        )
        faults.busy(session, attempt, now=NOW)
    assert desk.lapse() == 0
    with desk.database.reading() as session:
        states = set(session.scalars(select(CheckInDuty.state)))
    assert states == {DutyState.VOID}


def test_a_check_in_is_in_time_when_its_challenge_was(desk: Desk, bursts: Bursts) -> None:
    closes = NOW + timedelta(hours=1)
    token = desk.permit(closes)
    made = desk.send(bursts.person, bursts.match, token, now=closes + timedelta(seconds=90))
    assert made.at == closes + timedelta(seconds=90)
    assert desk.duty() is DutyState.DONE


def test_a_review_mends_a_late_check_in(desk: Desk, bursts: Bursts) -> None:
    closes = NOW + timedelta(hours=1)
    doubtful = desk.send(
        bursts.stranger, bursts.no_match, desk.permit(closes), now=closes + timedelta(seconds=9)
    )
    late = closes + timedelta(minutes=3)
    desk.send(bursts.person, bursts.match, desk.permit(late), now=late)
    assert desk.duty() is DutyState.LATE
    desk.review(doubtful, ReviewDecision.MATCH)
    assert desk.duty() is DutyState.DONE


def test_after_the_term_nothing_is_asked_or_attested(desk: Desk) -> None:
    with desk.writing() as session:
        session.get_one(Case, desk.county.case).term_end = date(2026, 11, 19)
    with pytest.raises(Refused) as refusal:
        desk.permit()
    assert refusal.value.code == "suspended"
    with desk.writing() as session, pytest.raises(Refused) as refusal:
        checkins.attest(
            session,
            desk.user(session),
            desk.county.case,
            way=Way.OFFICER_CALL,
            note="spoke",
            now=NOW,
        )
    assert refusal.value.field == "case"


def test_a_consent_withdrawn_meanwhile_leaves_nothing_behind(desk: Desk, bursts: Bursts) -> None:
    with desk.writing() as session:
        token = desk.permit_in(session)
        attempt = checkins.begin(session, desk.person_id, token, bursts.person, NOW)
        consents.withdraw(session, session.get_one(Person, desk.person_id), None, NOW)
    with pytest.raises(Refused) as refusal, desk.writing() as session:
        checkins.record(session, desk.settings, attempt, bursts.person, bursts.match, now=NOW)
    assert refusal.value.code == "no_consent"
    with desk.database.reading() as session:
        assert session.scalar(select(func.count(CheckIn.id))) == 0
    assert [path for path in desk.settings.data_dir.rglob("*") if path.is_file()] == []


def test_without_consent_the_face_check_is_off(desk: Desk) -> None:
    with desk.writing() as session:
        consents.withdraw(session, session.get_one(Person, desk.person_id), None, NOW)
    with pytest.raises(Refused) as refusal:
        desk.permit()
    assert refusal.value.code == "no_consent"


def test_a_detained_person_is_asked_nothing(desk: Desk) -> None:
    with desk.writing() as session:
        session.get_one(Case, desk.county.case).move(CaseState.DETAINED, NOW)
    with pytest.raises(Refused) as refusal:
        desk.permit()
    assert refusal.value.code == "suspended"


def test_every_way_of_an_officer_counts_as_a_match_does(desk: Desk) -> None:
    for way in checkins.ATTESTED:
        with desk.writing() as session:
            session.get_one(CheckInDuty, desk.duty_id).state = DutyState.DUE
            made = checkins.attest(
                session, desk.user(session), desk.county.case, way=way, note="spoke", now=NOW
            )
            assert (made.outcome, made.duty_id) == (Outcome.ATTESTED, desk.duty_id)
            assert made.recorded_by == desk.county.users[Role.OFFICER]
        assert desk.duty() is DutyState.DONE


def test_an_officer_does_not_attest_what_only_a_camera_can(desk: Desk) -> None:
    with desk.writing() as session, pytest.raises(Invalid) as refusal:
        checkins.attest(
            session, desk.user(session), desk.county.case, way=Way.PHONE, note="", now=NOW
        )
    assert refusal.value.field == "way"


def test_another_office_neither_sees_nor_decides(desk: Desk, bursts: Bursts) -> None:
    made = desk.send(bursts.stranger, bursts.no_match)
    with desk.writing() as session:
        desk.user(session).office_id = desk.county.other_office
    assert desk.waiting() == []
    with pytest.raises(NotFound):
        desk.review(made, ReviewDecision.MATCH)


def test_asking_for_help_reaches_the_officers_once(desk: Desk, bursts: Bursts) -> None:
    asking = replace(bursts.person, answers=Answers("unwell", help=True, call_back=True))
    desk.send(asking, bursts.match)
    desk.send(asking, bursts.match)
    with desk.writing() as session:
        officer = desk.user(session)
        case = session.get_one(Case, desk.county.case)
        asked = help_requests.open_of(session, case)
        assert [each.kind for each in asked] == [HelpKind.HELP, HelpKind.CALL_BACK]
        help_requests.handle(session, officer, asked[0].id, "called, all well", NOW)
        assert len(help_requests.open_of(session, case)) == 1
        with pytest.raises(Refused, match="already dealt with"):
            help_requests.handle(session, officer, asked[0].id, "again", NOW)


def test_own_pictures_are_known_again_however_many_others_check_in(
    desk: Desk, bursts: Bursts
) -> None:
    own = replace(bursts.match, fingerprints=(b"o" * checkins.BYTES,))
    desk.send(bursts.person, own)
    with desk.writing() as session:
        other = make_case(session, session.get_one(Office, desk.county.office), 2)
        session.flush()
        row = {
            "case_id": other.id,
            "at": NOW,
            "way": Way.PHONE,
            "outcome": Outcome.MATCH,
            "liveness": Liveness.LIVE,
            "reasons": [],
            "answers": {},
            "fingerprints": b"x" * checkins.BYTES,
        }
        rows = [row | {"receipt": f"R{i}"} for i in range(checkins.MOST_SEEN + 1)]
        session.execute(insert(CheckIn), rows)
        token = desk.permit_in(session)
        attempt = checkins.begin(session, desk.person_id, token, bursts.stranger, NOW)
    assert set(attempt.seen) == {b"o" * checkins.BYTES, b"x" * checkins.BYTES}


def test_own_pictures_of_an_earlier_case_are_known_again(desk: Desk, bursts: Bursts) -> None:
    month_ago = NOW - timedelta(days=30)
    own = replace(bursts.match, fingerprints=(b"o" * checkins.BYTES,))
    desk.send(bursts.person, own, desk.permit(month_ago), month_ago)
    with desk.writing() as session:
        earlier = session.get_one(Case, desk.county.case)
        case = make_case(session, session.get_one(Office, desk.county.office), 2)
        case.person, case.term_start = earlier.person, NOW.date()
        earlier.move(CaseState.TERMINATED, NOW)
        token = desk.permit_in(session)
        attempt = checkins.begin(session, desk.person_id, token, bursts.stranger, NOW)
    assert attempt.case_id == case.id
    assert attempt.seen == (b"o" * checkins.BYTES,)
