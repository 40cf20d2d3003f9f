"""What is done and what is still to do before a person is fully set up; one row a step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from correction_service.casework import orders
from correction_service.people import consents, templates
from models.case import ENDED, Case, CaseState
from models.checkin import CheckInPlan
from models.consent import Consent
from models.device import Binding
from models.errors import DomainError
from models.face import FaceTemplate
from models.order import PositioningOrder
from models.phone import PhoneAccess
from models.zone import Zone, ZoneKind


class StepState(StrEnum):
    """DONE, TO_DO, or NOT_NEEDED as things stand; nothing here is ever the person's fault."""

    DONE = "done"
    TO_DO = "to_do"
    NOT_NEEDED = "not_needed"


S = StepState


@dataclass(frozen=True)
class Setup:
    """Everything that the set-up page shows of one case."""

    case: Case
    consent: Consent | None
    template: FaceTemplate | None
    phone: PhoneAccess | None
    plan: CheckInPlan | None
    orders: Sequence[PositioningOrder]
    order: PositioningOrder | None
    homes: Sequence[Zone]
    binding: Binding | None

    @property
    def states(self) -> dict[str, StepState]:
        """Each step's state, in the order in which they are taken."""
        agreed = self.consent is not None and self.consent.given
        tracked = self.order is not None
        return {
            "team": _done(self._team_right()),
            "report_in": _done(self.case.reported_on is not None),
            "consent": _done(self.consent is not None),
            "face": _needed(agreed, self.template is not None),
            "phone": _needed(not self._without_phone(), self._activated()),
            "plan": _done(self.plan is not None),
            "order": S.DONE if tracked else S.NOT_NEEDED,
            "home": _needed(tracked, bool(self.homes)),
            "bracelet": _needed(tracked, self.binding is not None),
        }

    @property
    def next_step(self) -> str | None:
        """The first step that waits; none of an ended case."""
        waiting = (step for step, state in self.states.items() if state is S.TO_DO)
        return None if self.case.state in ENDED else next(waiting, None)

    @property
    def late(self) -> bool:
        """Whether reporting in is still awaited."""
        return self.case.state is CaseState.AWAITING_REPORT

    def _team_right(self) -> bool:
        try:
            self.case.check_team()
        except DomainError:
            return False
        return True

    def _without_phone(self) -> bool:
        return self.phone is not None and self.phone.no_smartphone

    def _activated(self) -> bool:
        return self.phone is not None and self.phone.pin_hash is not None


def _done(done: bool) -> StepState:  # noqa: FBT001 - a fact, not an option
    return S.DONE if done else S.TO_DO


def _needed(needed: bool, done: bool) -> StepState:  # noqa: FBT001 - facts, not options
    return S.DONE if done else S.TO_DO if needed else S.NOT_NEEDED


def of(session: Session, case: Case, now: datetime) -> Setup:
    """Read how far the set-up of a case has come."""
    worn = (Binding.case_id == case.id, Binding.unbound_at.is_(None))
    homes = (Zone.case_id == case.id, Zone.kind == ZoneKind.HOME)
    found = orders.of(session, case)
    return Setup(
        case=case,
        consent=consents.latest(session, case.person),
        template=templates.in_use(session, case.person),
        phone=session.get(PhoneAccess, case.person_id),
        plan=session.get(CheckInPlan, case.id),
        orders=found,
        order=next((order for order in found if order.in_force(now)), None),
        homes=[
            zone
            for zone in session.scalars(select(Zone).where(*homes))
            if zone.valid_to is None or zone.valid_to > now
        ],
        binding=session.scalar(select(Binding).where(*worn).options(joinedload(Binding.device))),
    )
