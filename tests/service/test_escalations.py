"""What nobody can be asked about is told to whoever reads the log, and keeps nobody waiting."""

from dataclasses import replace
from datetime import timedelta

import pytest

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import escalations
from correction_service.settings import Settings
from models.agency import Agency, AgencyLevel, Office
from models.incident import Incident
from models.user import Role, User
from tests.county import NOW, County, make_case
from tests.service.test_incidents import open_one
from tests.tracked import Tracked

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_incidents_that_nobody_can_be_asked_about_keep_no_other_waiting(
    *,
    database: Database,
    county: County,
    settings: Settings,
    tracked: Tracked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(escalations, "AT_ONCE", 2)
    unanswerable, due = escalations.Unanswerable(), NOW + 30 * MINUTE
    with database.transaction(SYSTEM, "test") as session:
        agency = Agency(name="无人", level=AgencyLevel.COUNTY, division="520302")
        office = Office(name="丁司法所", agency=agency)
        headless = [make_case(session, office, number) for number in (7, 8, 9)]
        session.flush()
        first, *_ = (open_one(session, replace(tracked, case=it.id)).id for it in headless)
        answered = open_one(session, tracked).id
        assert unanswerable.say(session, due, settings) == 3
        assert unanswerable.say(session, due + 59 * MINUTE, settings) == 0
        assert unanswerable.say(session, due + HOUR, settings) == 3
        assert escalations.escalate(session, due, settings) == 1
        owners = [session.get_one(Incident, it).owner_id for it in (first, answered)]
        assert owners == [None, county.users[Role.OFFICE_HEAD]]
        head = session.get_one(User, county.users[Role.OFFICE_HEAD])
        head.agency, head.office = agency, office
        session.flush()
        assert escalations.escalate(session, due, settings) == 2
        assert escalations.escalate(session, due, settings) == 1
