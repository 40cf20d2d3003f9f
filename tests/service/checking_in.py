"""One enrolled person at a check-in, and the officers who look at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import worklist
from correction_service.casework.needs import Need
from correction_service.db import Database
from correction_service.face.verdict import Verdict
from correction_service.presence import checkins, duties, reviews
from correction_service.presence.captures import Capture
from correction_service.settings import Settings
from models.case import Case
from models.checkin import CheckIn, CheckInDuty, DutyKind, DutyState, Way
from models.review import ReviewDecision
from models.user import Role, User
from tests.county import NOW, County

LATER = NOW + timedelta(hours=5)


class Desk:
    """One county, one enrolled person with a duty due now, and the steps of a check-in."""

    def __init__(
        self, database: Database, settings: Settings, county: County, person_id: UUID
    ) -> None:
        self.database, self.settings = database, settings
        self.county, self.person_id = county, person_id
        with self.writing() as session:
            duty = CheckInDuty(
                case=session.get_one(Case, county.case),
                kind=DutyKind.SCHEDULED,
                key="scheduled:2026-11-20",
                opens_at=NOW - timedelta(hours=1),
                closes_at=NOW + timedelta(hours=1),
                missed_after=NOW + timedelta(hours=3),
                state=DutyState.DUE,
            )
            session.add(duty)
            session.flush()
            self.duty_id = duty.id

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.database.transaction(SYSTEM, "test") as session:
            yield session

    def user(self, session: Session, role: Role = Role.OFFICER) -> User:
        return session.get_one(User, self.county.users[role])

    def permit(self, now: datetime = NOW) -> str:
        with self.writing() as session:
            return self.permit_in(session, now)

    def permit_in(self, session: Session, now: datetime = NOW) -> str:
        return checkins.permit(session, self.person_id, now, self.settings).token

    def send(
        self,
        capture: Capture,
        verdict: Verdict,
        token: str = "",
        now: datetime = NOW,
        way: Way = Way.KIOSK,
    ) -> CheckIn:
        """Judge a burst taken at once: beside the kiosk's camera sits an officer."""
        token = token or self.permit()
        with self.writing() as session:
            attempt = checkins.begin(session, self.person_id, token, capture, now)
        with self.writing() as session:
            return checkins.record(
                session, self.settings, attempt, capture, verdict, now=now, way=way
            )

    def review(
        self,
        checkin: CheckIn,
        decision: ReviewDecision,
        note: str = "as seen",
        role: Role = Role.OFFICER,
    ) -> None:
        with self.writing() as session:
            reviews.review(
                session,
                self.settings,
                self.user(session, role),
                checkin.id,
                decision=decision,
                note=note,
                now=LATER,
            )

    def lapse(self, now: datetime = LATER) -> int:
        with self.writing() as session:
            return duties.lapse(session, now, self.settings)

    def duty(self) -> DutyState:
        with self.database.reading() as session:
            return session.get_one(CheckInDuty, self.duty_id).state

    def waiting(self, role: Role = Role.OFFICER) -> list[int]:
        with self.database.reading() as session:
            query = worklist.to_review(self.user(session, role))
            return [each.id for each in session.scalars(query)]

    def needs(self, now: datetime) -> dict[Need, int]:
        """How much of each kind waits for the officer."""
        with self.database.reading() as session:
            items = worklist.items(session, self.user(session), now)
            return {item.need: item.count for item in items}


@pytest.fixture
def desk(database: Database, settings: Settings, county: County, enrolled: UUID) -> Desk:
    return Desk(database, settings, county, enrolled)
