"""Face enrolment: consent first, photos judged outside any transaction, then one short write.

A template is kept and not the photos, with one exception: the first accepted photo is kept
encrypted until release or withdrawal, because an officer who reviews an uncertain check-in needs
to see who was enrolled.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from correction_service import consents, templates
from correction_service.face.verdict import Assessment, EnrolmentOutcome, EnrolmentVerdict
from correction_service.face.verifier import Verifier
from correction_service.face.words import Reason
from correction_service.scope import case_for
from correction_service.settings import Settings
from models.case import ENDED, Case
from models.errors import Invalid, Refused
from models.face import FaceTemplate
from models.user import Permission, User

MOST_PHOTOS = 8


def begin(session: Session, user: User, case_id: int) -> Case:
    """Return the case, or refuse before anyone is photographed: not theirs, ended, no consent."""
    case = case_for(session, user, case_id, Permission.ENROL)
    if case.state in ENDED:
        raise Refused("The case has ended.", field="case")
    consents.require(session, case.person)
    return case


def assess(verifier: Verifier, photo: bytes, settings: Settings) -> Assessment:
    """Say what is wrong with one photo; slow, so no transaction is open."""
    check_size(photo, settings)
    return verifier.assess(photo)


def judge(verifier: Verifier, photos: Sequence[bytes], settings: Settings) -> EnrolmentVerdict:
    """Judge the photos one by one and against each other; slow, so no transaction is open."""
    if len(photos) > MOST_PHOTOS:
        raise Invalid("At most %(count)d photos at a time.", field="photos", count=MOST_PHOTOS)
    for photo in photos:
        check_size(photo, settings)
    return verifier.enrol(photos)


def check_size(photo: bytes, settings: Settings) -> None:
    """Refuse a file that is larger than the settings allow, before anything reads it."""
    if len(photo) > settings.max_photo_bytes:
        raise Invalid(
            "A photo has at most %(megabytes)d MB.",
            field="photos",
            megabytes=settings.max_photo_bytes // 1_000_000,
        )


def record(
    session: Session, user: User, case_id: int, verdict: EnrolmentVerdict, now: datetime
) -> FaceTemplate:
    """Write the template; the consent is asked again, for it may have gone meanwhile."""
    case = begin(session, user, case_id)
    if verdict.outcome is EnrolmentOutcome.FAULT:
        raise Refused(Reason.SYSTEM_FAULT.words.en, field="photos", code="face_fault")
    if verdict.template is None:
        raise Refused("These photos cannot be enrolled; see why at each.", field="photos")
    return templates.replace(
        session,
        case.person,
        user,
        now,
        vectors=verdict.template.to_bytes(),
        model_version=verdict.model_version,
        photos=sum(photo.accepted for photo in verdict.photos),
    )


def best_of(verdict: EnrolmentVerdict, photos: Sequence[bytes]) -> bytes | None:
    """Return the photo to keep for the officer's eye: the first that was accepted."""
    judged = zip(verdict.photos, photos, strict=True)
    return next((photo for assessment, photo in judged if assessment.accepted), None)
