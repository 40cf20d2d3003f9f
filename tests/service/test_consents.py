"""Consent to the face check: worded in two languages, latest act in force, free to refuse."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.people import consents, photos
from correction_service.presence import reviews
from correction_service.settings import Settings
from models.case import Case
from models.consent import Consent
from models.errors import Invalid, Refused
from models.face import StoredPhoto
from models.review import ReviewDecision
from models.user import Role, User
from tests.county import NOW, County
from tests.desk import unclear


def test_the_wording_is_there_in_both_languages_and_says_that_refusing_costs_nothing() -> None:
    chinese, english = (consents.wording(consents.VERSION, each) for each in ("zh", "en"))
    assert len(chinese) == len(english) > 3
    assert "不扣分" in "".join(chinese)
    assert "costs no points" in "".join(english)
    assert "#" not in chinese[0] + english[0]


@pytest.mark.parametrize("version", ["face_check.v0", "../secret", "face_check.v1/../x", ""])
def test_an_unknown_wording_is_refused(version: str) -> None:
    with pytest.raises(Invalid) as refusal:
        consents.wording(version, "zh")
    assert refusal.value.field == "text_version"


def test_the_latest_act_is_in_force_and_every_act_stays(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        person = session.get_one(Case, county.case).person
        officer = session.get_one(User, county.users[Role.OFFICER])
        assert not consents.in_force(session, person)
        with pytest.raises(Refused, match="costs nothing"):
            consents.require(session, person)
        consents.give(session, person, officer, NOW)
        assert consents.in_force(session, person)
        consents.withdraw(session, person, None, NOW)
        assert not consents.in_force(session, person)
        acts = session.scalars(select(Consent).order_by(Consent.id)).all()
        assert [(act.given, act.recorded_by) for act in acts] == [
            (True, officer.id),
            (False, None),
        ]


@pytest.fixture
def seen(database: Database, settings: Settings, county: County) -> tuple[UUID, UUID, int]:
    """Photos of a check-in that counted and of one to be judged, and the latter's id."""
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        matched, doubtful = (
            photos.put(
                session, settings, case.person, b"x", purpose=photos.Purpose.CHECKIN, now=NOW,
                delete_after=until,
            )
            for until in (NOW + timedelta(days=28), None)
        )  # fmt: skip
        checkin = unclear(case, doubtful, "R0000001")
        session.add(checkin)
        session.flush()
        return matched.id, doubtful.id, checkin.id


def test_withdrawal_takes_the_photos_save_one_that_is_still_to_be_judged(
    database: Database, county: County, seen: tuple[UUID, UUID, int]
) -> None:
    matched, doubtful, _ = seen
    with database.transaction(SYSTEM, "test") as session:
        consents.withdraw(session, session.get_one(Case, county.case).person, None, NOW)
        assert session.get_one(StoredPhoto, matched).delete_after == NOW
        assert session.get_one(StoredPhoto, doubtful).delete_after is None


@pytest.mark.parametrize("decision", [ReviewDecision.MATCH, ReviewDecision.CONCERN])
def test_a_match_ends_the_time_of_its_photo_and_a_concern_keeps_it_even_from_a_withdrawal(
    database: Database,
    settings: Settings,
    county: County,
    seen: tuple[UUID, UUID, int],
    decision: ReviewDecision,
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        reviews.review(session, settings, officer, seen[2], decision=decision, note="看过", now=NOW)
        photo = session.get_one(StoredPhoto, seen[1])
        kept = decision is ReviewDecision.CONCERN
        decided = NOW + timedelta(days=settings.match_photo_days)
        assert photo.delete_after == (None if kept else decided)
        consents.withdraw(session, session.get_one(Case, county.case).person, None, NOW)
        assert photo.delete_after == (None if kept else NOW)
