"""Files of a search's steps: known by content, sealed, with a digest, opened on the record."""

import hashlib
import io
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.forms import subjects
from correction_service.forms.catalogue import catalogue
from correction_service.searches import attachments, searches
from correction_service.searches.searches import Step
from correction_service.settings import Settings
from models.audit import AuditRecord
from models.case import Case
from models.errors import Forbidden, Invalid, NotFound
from models.printed_form import FormKind
from models.search import SearchAttachment, SearchStep, StepKind
from models.user import Role, User
from tests.county import NOW, County
from tests.desk import grey_picture
from tests.pages import SignedInClient

LETTER = b"%PDF-1.7 a letter to the police"


def stepped(session: Session, county: County) -> SearchStep:
    officer = session.get_one(User, county.users[Role.OFFICER])
    made = searches.begin(session, officer, county.case, NOW.date(), NOW)
    hour_ago = NOW - timedelta(hours=1)
    tried = Step(kind=StepKind.VISIT, happened_at=hour_ago, outcome="家中无人")
    return searches.step(session, officer, made.id, tried, NOW)


@pytest.fixture
def kept(database: Database, settings: Settings, county: County) -> int:
    with database.transaction(SYSTEM, "test") as session:
        step = stepped(session, county)
        attachments.keep(session, settings, step, [LETTER], NOW)
        return session.scalars(select(SearchAttachment.id)).one()


def test_a_file_is_sealed_at_rest_with_the_digest_of_what_was_given(
    database: Database, settings: Settings, kept: int
) -> None:
    with database.reading() as session:
        found = session.get_one(SearchAttachment, kept)
        assert found.digest == hashlib.sha256(LETTER).hexdigest()
        assert (found.kind, found.length) == ("application/pdf", len(LETTER))
    files = [path for path in Path(settings.data_dir).rglob("photos/*/*") if path.is_file()]
    assert files
    assert all(LETTER not in path.read_bytes() for path in files)


def test_every_look_is_on_record_and_no_other_office_has_one(
    database: Database, settings: Settings, county: County, kept: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        assert attachments.view(session, officer, settings, kept) == (LETTER, "application/pdf")
        looks = select(AuditRecord).where(AuditRecord.action == "view_photo")
        assert len(session.scalars(looks).all()) == 1
        volunteer = session.get_one(User, county.users[Role.VOLUNTEER])
        with pytest.raises(Forbidden):
            attachments.view(session, volunteer, settings, kept)
        session.get_one(Case, county.case).office_id = county.other_office
        session.flush()
        with pytest.raises(NotFound):
            attachments.view(session, officer, settings, kept)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([b"<html>"], "photo"),
        ([LETTER] * 4, "at most 3"),
        ([b"%PDF-" + bytes(20_000_000)], "too large"),
    ],
)
def test_what_is_no_letter_is_refused_and_nothing_is_kept(
    database: Database, settings: Settings, county: County, files: list[bytes], said: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        step = stepped(session, county)
        with pytest.raises(Invalid, match=said) as refusal:
            attachments.keep(session, settings, step, files, NOW)
        assert refusal.value.field == "files"
        assert session.scalars(select(SearchAttachment)).all() == []


def test_the_printed_record_names_the_digest(database: Database, county: County, kept: int) -> None:
    with database.reading() as session:
        form = catalogue()[FormKind.SEARCH_RECORD]
        record = session.get_one(SearchAttachment, kept).step.record_id
        ((_, said, _),) = subjects.steps(session, form, session.get_one(Case, county.case), record)
    assert hashlib.sha256(LETTER).hexdigest() in said


def test_a_step_takes_files_on_its_page_and_shows_them(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    officer = client_of(Role.OFFICER)
    with database.transaction(SYSTEM, "test") as session:
        user = session.get_one(User, county.users[Role.OFFICER])
        record = searches.begin(session, user, county.case, NOW.date(), NOW).id
    form = {
        "kind": "visit",
        "happened_at": "2026-11-20T08:00",
        "note": "nobody at home",
        "files": [(io.BytesIO(grey_picture()), "door.jpg"), (io.BytesIO(LETTER), "letter.pdf")],
    }
    page = officer.post(f"/searches/{record}/step", data=form, follow_redirects=True).text
    assert "image/jpeg" in page
    assert hashlib.sha256(LETTER).hexdigest()[:16] in page
    with database.reading() as session:
        ids = session.scalars(select(SearchAttachment.id).order_by(SearchAttachment.id)).all()
    photo, letter = (officer.get(f"/searches/attachments/{it}") for it in ids)
    assert (photo.mimetype, photo.headers["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert letter.headers["Content-Disposition"].startswith("attachment")
    assert letter.data == LETTER
