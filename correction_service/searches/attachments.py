"""Letters and photos attached to a step of a search: sealed like photos, every look logged.

The digest of the file as it was given stands beside it and on the printed record, so that whoever
holds the original can show that it is the same.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from correction_service.people import attachments, photos
from correction_service.searches.searches import record_for
from correction_service.settings import Settings
from models.errors import NotFound
from models.face import StoredPhoto
from models.search import SearchAttachment, SearchStep
from models.user import Permission, User

FIELD = "files"


def keep(
    session: Session,
    settings: Settings,
    step: SearchStep,
    files: Sequence[bytes],
    now: datetime,
) -> None:
    """Seal the files of a step; they stay with the file of the case."""
    attachments.check(files, settings, FIELD)
    person, why = step.record.case.person, photos.Purpose.SEARCH
    for data in files:
        stored = photos.put(session, settings, person, data, purpose=why, now=now)
        session.add(
            SearchAttachment(
                step_id=step.id,
                photo_id=stored.id,
                digest=hashlib.sha256(data).hexdigest(),
                kind=attachments.kind_of(data, FIELD),
                length=len(data),
            )
        )
    session.flush()


def view(session: Session, user: User, settings: Settings, attachment_id: int) -> tuple[bytes, str]:
    """Open one for who supervises; the look is logged. Its bytes and media type."""
    found = session.get(SearchAttachment, attachment_id)
    if found is None:
        raise NotFound("There is no such file in your offices.")
    record_for(session, user, found.step.record_id, Permission.SUPERVISE)
    data = photos.view(session, settings, session.get_one(StoredPhoto, found.photo_id))
    return data, found.kind
