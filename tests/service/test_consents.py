"""Consent to the face check: worded in two languages, latest act in force, free to refuse."""

import pytest
from sqlalchemy import select

from correction_service import consents
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.case import Case
from models.consent import Consent
from models.errors import Invalid, Refused
from models.user import Role, User
from tests.county import NOW, County


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
