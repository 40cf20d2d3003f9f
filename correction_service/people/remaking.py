"""Templates of earlier models are made anew from the enrolment photos that were kept.

A change of models makes every template incomparable. Nobody's face is taken again for that where
photos are kept; where none are, an officer enrols anew, and until then the other ways of checking
in count. An officer answers for the new template as for the first: no check-in ever changes one.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.db import ring_of
from correction_service.face.template import PHOTOS_NEEDED
from correction_service.face.verdict import EnrolmentVerdict
from correction_service.people import consents, photos, templates
from correction_service.scope import visible
from correction_service.settings import Settings
from models.case import ENDED, Case
from models.errors import Forbidden, NotFound
from models.face import FaceTemplate
from models.keys import SealBroken
from models.user import Permission, User


class Remade(StrEnum):
    """What came of one template."""

    REMADE = "remade"
    NO_PHOTOS = "no_photos"  # fewer were kept than a template is made of
    PHOTOS_REFUSED = "photos_refused"  # not good enough for the models of today
    NO_CONSENT = "no_consent"
    CHANGED_MEANWHILE = "changed_meanwhile"  # enrolled anew, or withdrawn, while this was judged


@dataclass(frozen=True)
class Outdated:
    """A template in use that the models of today cannot compare, and the number of the case."""

    template_id: UUID
    case_number: str
    office: str


def outdated(session: Session, by: User, model_version: str) -> list[Outdated]:
    """Return what is to be made anew among the cases of an officer's offices."""
    if not by.may(Permission.ENROL):
        raise Forbidden("Your role does not include this.")
    query = (
        select(FaceTemplate.id, Case)
        .join(Case, Case.person_id == FaceTemplate.person_id)
        .where(
            FaceTemplate.retired_at.is_(None),
            FaceTemplate.model_version != model_version,
            Case.state.not_in(ENDED),
            visible(by),
        )
        .order_by(Case.number, Case.id)
    )
    found = {row.id: row.Case for row in session.execute(query)}
    return [Outdated(id_, case.number, case.office.name) for id_, case in found.items()]


def kept_photos(session: Session, settings: Settings, template_id: UUID) -> list[bytes]:
    """Open the photos that a person's template may be made of; each look is on the record.

    One whose key or file is gone is as good as none: its person is enrolled anew by an officer.
    """
    person = session.get_one(FaceTemplate, template_id).person
    opened = []
    for photo in templates.enrolment_photos(session, person):
        with suppress(SealBroken, NotFound):
            opened.append(photos.view(session, settings, photo))
    return opened


def put(
    session: Session, template_id: UUID, verdict: EnrolmentVerdict, by: User, now: datetime
) -> Remade:
    """Put what the kept photos gave in the place of a template; the photos stay."""
    old = session.get_one(FaceTemplate, template_id, with_for_update=True)
    if old.retired_at is not None:
        return Remade.CHANGED_MEANWHILE
    if not consents.in_force(session, old.person):
        return Remade.NO_CONSENT
    if verdict.template is None:
        few = len(verdict.photos) < PHOTOS_NEEDED
        return Remade.NO_PHOTOS if few else Remade.PHOTOS_REFUSED
    old.retire(now)
    session.flush()  # one template a person is in use: the old one goes first
    made = FaceTemplate(
        id=uuid4(),
        person=old.person,
        model_version=verdict.model_version,
        photos=sum(photo.accepted for photo in verdict.photos),
        enrolled_by=by.id,
        enrolled_at=now,
    )
    made.put(ring_of(session), verdict.template.to_bytes())
    session.add(made)
    session.flush()
    return Remade.REMADE


def report(found: Sequence[tuple[Outdated, Remade]]) -> dict[str, object]:
    """Return how many were made anew, and who must be enrolled anew and why."""
    return {
        "remade": sum(outcome is Remade.REMADE for _, outcome in found),
        "enrol_anew": [
            {"case": it.case_number, "office": it.office, "reason": outcome.value}
            for it, outcome in found
            if outcome not in {Remade.REMADE, Remade.CHANGED_MEANWHILE}
        ],
    }
