"""Separate consent to the face check: shown in two languages, recorded by version, withdrawable.

PIPL 29; 人脸识别技术应用安全管理办法 art. 8. Refusing or withdrawing costs nothing: every other
way of checking in stays.
"""

from datetime import datetime
from functools import cache
from importlib import resources

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.people import photos, templates
from models.consent import Consent, ConsentPurpose
from models.errors import Invalid, Refused
from models.person import Person
from models.user import User

VERSION = "face_check.v1"
LANGUAGES = ("zh", "en")


@cache
def wording(version: str, language: str) -> tuple[str, ...]:
    """Return the paragraphs of a version, the heading first; `Invalid` for an unknown one."""
    if language not in LANGUAGES or not version.startswith("face_check.v"):
        raise Invalid("There is no such wording.", field="text_version")
    file = resources.files("correction_service").joinpath(f"consent/{version}.{language}.md")
    if not file.is_file():
        raise Invalid("There is no such wording.", field="text_version")
    blocks = file.read_text(encoding="utf-8").strip().split("\n\n")
    return tuple(" ".join(block.removeprefix("# ").splitlines()) for block in blocks)


def give(
    session: Session, person: Person, by: User | None, now: datetime, version: str = VERSION
) -> Consent:
    """Record that the person agreed to this wording; `by` is empty when they did it themselves."""
    wording(version, "zh")
    return _record(session, person, by, now, version, given=True)


def withdraw(session: Session, person: Person, by: User | None, now: datetime) -> Consent:
    """Record a withdrawal or refusal: template and photos go at once, save one under review."""
    templates.forget(session, person, now)
    photos.withdraw(session, person, now)
    return _record(session, person, by, now, VERSION, given=False)


def latest(session: Session, person: Person) -> Consent | None:
    """Return the last act of giving or withdrawing."""
    mine = (Consent.person_id == person.id, Consent.purpose == ConsentPurpose.FACE_CHECK)
    return session.scalars(select(Consent).where(*mine).order_by(Consent.id.desc())).first()


def in_force(session: Session, person: Person) -> bool:
    """Whether the person's face may be checked now."""
    last = latest(session, person)
    return last is not None and last.given


def require(session: Session, person: Person) -> None:
    """Refuse whatever needs the consent while there is none."""
    if not in_force(session, person):
        raise Refused(
            "The person has not consented to the face check. Refusing costs nothing: "
            "use another way of checking in.",
            field="consent",
            code="no_consent",
        )


def _record(
    session: Session, person: Person, by: User | None, now: datetime, version: str, *, given: bool
) -> Consent:
    act = Consent(
        person_id=person.id,
        purpose=ConsentPurpose.FACE_CHECK,
        given=given,
        text_version=version,
        recorded_by=by.id if by else None,
        at=now,
    )
    session.add(act)
    session.flush()
    return act
