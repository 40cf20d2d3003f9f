"""What an erasure takes, column by column, and what of the disk follows it."""

from collections.abc import Iterator

from sqlalchemy import JSON, Enum, LargeBinary, String, Table, select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.enforcement import erasures
from correction_service.people import photos
from correction_service.settings import Settings
from models.base import Base, append_only_tables
from models.case import Case
from models.face import StoredPhoto
from models.person import Person
from tests.county import NOW, County
from tests.service.test_destructions import OVER, destroy, ended, term

__all__ = ["ended", "term"]


# What stays in rows that change: codes, figures, numbers of papers, digests.
KEPT = {
    "change_report.receipt",
    "checkin_duty.key",
    "face_template.model_version",
    "checkin_duty.void_reason",
    "checkin_plan.weekdays",
    "file_destruction.list_number",
    "file_destruction.decision",  # of the list, and not of the person
    "file_destruction.alone_because",
    "incident.rule",
    "incident.open_key",
    "leave.divisions",
    "leave_request.divisions",
    "legal_clock.rule",
    "legal_clock.basis",
    "level_suggestion.grounds",
    "measure.limb",
    "measure.law",
    "measure.number",
    "measure.copy_number",
    "measure_fact.reference",
    "notice.kind",
    "notice.channel",
    "order_paper.number",
    "person_request.basis",
    "points_draft.item",
    "points_draft.fact",
    "points_draft.excuse",
    "prohibition_order.court",
    "prohibition_order.number",
    "risk_flag.key",
    "risk_flag.law",
    "risk_flag.weights",
    "search_letter.number",
    "sentence_correction.number",
    "stored_photo.digest",
    "stored_photo.purpose",
    "supervised_case.number",
    "supervised_case.deciding_authority",
    *(f"transfer.{it}" for it in ("to_name", "to_county", "to_address")),
    *(f"transfer.{it}_number" for it in ("consult", "reply", "sent", "receipt")),
}


def of_people() -> Iterator[Table]:
    """Tables whose rows belong to a person, directly or through another, and may change."""
    found, more = {Person.__table__}, True
    while more:
        pointing = {
            table
            for table in Base.metadata.tables.values()
            if any(key.column.table in found for key in table.foreign_keys)
        }
        more = not pointing <= found
        found |= pointing
    return (it for it in found if it not in append_only_tables() and isinstance(it, Table))


def test_every_text_of_a_person_is_blanked_deleted_or_known_to_say_nothing_of_them() -> None:
    gone = {it.__table__ for it in erasures.DELETED} | {Person.__table__}  # see Person.erase
    texts = {
        f"{table.name}.{column.name}"
        for table in of_people()
        for column in table.columns
        if isinstance(column.type, String | JSON | LargeBinary) and table not in gone
        if not isinstance(column.type, Enum)
    }
    blanked = {f"{of.__tablename__}.{it}" for of, names in erasures.BLANKED.items() for it in names}
    assert blanked & KEPT == set()
    assert texts - blanked == KEPT


def test_erasing_twice_leaves_nothing_to_say(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    destroy(database, term, county)
    with database.transaction(SYSTEM, "test") as session:
        person = session.get_one(Case, county.case).person
        assert erasures.erase(session, person, OVER) == {}


def test_photos_on_disk_go_with_the_next_chore_and_once(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        person = session.get_one(Case, county.case).person
        for purpose in photos.Purpose:
            photos.put(session, term, person, b"a picture", purpose=purpose, now=NOW)
    folder = term.data_dir / "photos"
    assert len([it for it in folder.rglob("*") if it.is_file()]) == len(photos.Purpose)
    destroy(database, term, county)
    for went in (len(photos.Purpose), 0):
        with database.transaction(SYSTEM, "test") as session:
            assert photos.expire(session, term, OVER) == went
    assert [it for it in folder.rglob("*") if it.is_file()] == []
    with database.reading() as session:
        assert None not in session.scalars(select(StoredPhoto.deleted_at)).all()
