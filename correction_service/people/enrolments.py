"""Face enrolment: consent first, photos judged outside any transaction, then one short write.

A template is kept and not the photos, with one exception: some of the accepted photos are kept
encrypted until release or withdrawal, because an officer who reviews an uncertain check-in needs
to see who was enrolled, and new models need photos to make the template anew.
`enrolment_photos` says how many, and `keep_enrolment_photo = false` keeps none.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from correction_service.face.verdict import Assessment, EnrolmentOutcome, EnrolmentVerdict
from correction_service.face.verifier import Verifier
from correction_service.face.words import Reason
from correction_service.people import cases, consents, photos, templates
from correction_service.settings import Settings
from models.case import Case
from models.errors import Invalid, Refused
from models.face import FaceTemplate
from models.user import Permission, User

MOST_PHOTOS = 8


def begin(session: Session, user: User, case_id: int) -> Case:
    """Return the case, or refuse before anyone is photographed: not theirs, ended, no consent."""
    case = cases.open_case_for(session, user, case_id, Permission.ENROL)
    consents.require(session, case.person)
    return case


def assess(verifier: Verifier, photo: bytes, settings: Settings) -> Assessment:
    """Say what is wrong with one photo; slow, so no transaction is open."""
    check_size(photo, settings)
    return verifier.assess(photo)


def judge(verifier: Verifier, given: Sequence[bytes], settings: Settings) -> EnrolmentVerdict:
    """Judge the photos one by one and against each other; slow, so no transaction is open."""
    if len(given) > MOST_PHOTOS:
        raise Invalid("At most %(count)d photos at a time.", field="photos", count=MOST_PHOTOS)
    for photo in given:
        check_size(photo, settings)
    return verifier.enrol(given)


def check_size(photo: bytes, settings: Settings) -> None:
    """Refuse a file with more bytes than the settings allow; pixels are judged photo by photo."""
    if len(photo) > settings.max_photo_bytes:
        raise Invalid(
            "A photo has at most %(megabytes)d MB.",
            field="photos",
            megabytes=settings.max_photo_bytes // 1_000_000,
        )


def record(
    session: Session,
    user: User,
    case_id: int,
    verdict: EnrolmentVerdict,
    given: Sequence[bytes],
    *,
    settings: Settings,
    now: datetime,
) -> FaceTemplate:
    """Write the template of the `given` photos; consent is asked again, it may have gone."""
    case = begin(session, user, case_id)
    if verdict.outcome is EnrolmentOutcome.FAULT:
        raise Refused(Reason.SYSTEM_FAULT.words.en, field="photos", code="face_fault")
    if verdict.template is None:
        raise Refused("These photos cannot be enrolled; see why at each.", field="photos")
    template = templates.replace(
        session,
        case.person,
        user,
        now,
        vectors=verdict.template.to_bytes(),
        model_version=verdict.model_version,
        photos=sum(photo.accepted for photo in verdict.photos),
    )
    photos.expire(session, settings, now)
    if settings.keep_enrolment_photo:
        for kept in _accepted(verdict, given)[: settings.enrolment_photos]:
            purpose = photos.Purpose.ENROLMENT
            photos.put(session, settings, case.person, kept, purpose=purpose, now=now)
    return template


def _accepted(verdict: EnrolmentVerdict, given: Sequence[bytes]) -> list[bytes]:
    judged = zip(verdict.photos, given, strict=True)
    return [photo for assessment, photo in judged if assessment.accepted]
