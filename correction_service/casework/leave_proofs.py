"""The photos and PDFs that a request for leave rests on: sealed like photos, every look logged.

What a file is, its first bytes say and not its name. It is never opened here: images are shown by
the browser, a PDF is only handed over to be saved, so that nothing in it runs.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.people import attachments, photos
from correction_service.scope import visible
from correction_service.settings import Settings
from models.case import Case
from models.errors import Forbidden, NotFound
from models.face import StoredPhoto
from models.leave_request import LeaveProof, LeaveRequest
from models.user import Permission, User

FIELD = "proof"
KEPT_AFTER_END = timedelta(days=365)


def check(files: Sequence[bytes], settings: Settings) -> None:
    """Refuse too many files, too large ones, and what is neither a photo nor a PDF."""
    attachments.check(files, settings, FIELD)


def keep(
    session: Session,
    settings: Settings,
    request: LeaveRequest,
    files: Sequence[bytes],
    now: datetime,
) -> None:
    """Seal the files of a request; they are deleted a year after the leave asked for."""
    until = request.ends_at + KEPT_AFTER_END
    for data in files:
        person, why = request.case.person, photos.Purpose.LEAVE
        stored = photos.put(
            session, settings, person, data, purpose=why, now=now, delete_after=until
        )
        session.add(LeaveProof(request_id=request.id, photo_id=stored.id))
    session.flush()


def view(session: Session, user: User, settings: Settings, photo_id: UUID) -> tuple[bytes, str]:
    """Open one for who supervises or decides; the look is logged. Its bytes and media type."""
    if not (user.may(Permission.SUPERVISE) or user.may(Permission.DECIDE_LEAVE)):
        raise Forbidden("Your role does not include this.")
    query = select(StoredPhoto).join(LeaveProof, LeaveProof.photo_id == StoredPhoto.id)
    query = query.join(LeaveRequest, LeaveRequest.id == LeaveProof.request_id)
    query = query.join(Case, Case.id == LeaveRequest.case_id)
    stored = session.scalar(query.where(StoredPhoto.id == photo_id, visible(user)))
    if stored is None:
        raise NotFound("There is no such photo.")
    data = photos.view(session, settings, stored)
    return data, attachments.kind_of(data, FIELD)
