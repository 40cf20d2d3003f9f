"""Rows that prove something stay as they are, whoever asks."""

from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.audit import AuditRecord
from models.base import append_only_tables
from models.consent import Consent, ConsentPurpose
from models.errors import AppendOnlyError
from models.person import Person
from tests.county import NOW, County


def triggers(database: Database) -> set[str]:
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }[database.engine.dialect.name]
    with database.engine.connect() as connection:
        return set(connection.execute(text(query)).scalars())


def test_every_append_only_table_has_its_triggers_after_upgrade(database: Database) -> None:
    on_sqlite = database.engine.dialect.name == "sqlite"
    verbs = ("update", "delete") if on_sqlite else ("change", "truncate")
    wanted = {f"{table.name}_refuses_{verb}" for table in append_only_tables() for verb in verbs}
    assert wanted
    assert wanted <= triggers(database)


@pytest.mark.parametrize("statement", ["UPDATE {} SET action = 'x'", "DELETE FROM {}"])
def test_the_database_refuses_plain_sql(database: Database, county: County, statement: str) -> None:
    with (
        pytest.raises(DBAPIError, match="never changed or removed"),
        database.engine.begin() as connection,
    ):
        connection.execute(text(statement.format("audit_record")))


def test_sqlite_refuses_to_replace_a_row(database: Database, county: County) -> None:
    if database.engine.dialect.name != "sqlite":
        return
    columns = "id, at, actor_kind, actor_id, action, subject_kind, subject_id, via, detail"
    replace = f"INSERT OR REPLACE INTO audit_record ({columns}) SELECT {columns} FROM audit_record"  # noqa: S608 - fixed names
    with (
        pytest.raises(DBAPIError, match="never changed or removed"),
        database.engine.begin() as connection,
    ):
        connection.execute(text(replace))


def test_the_session_refuses_before_the_database_has_to(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        person = session.scalars(select(Person)).one()
        session.add(
            Consent(
                person_id=person.id,
                purpose=ConsentPurpose.FACE_CHECK,
                given=True,
                text_version="1",
                at=NOW,
            )
        )
    with (
        pytest.raises(AppendOnlyError),
        database.transaction(SYSTEM, "test") as session,
    ):
        session.scalars(select(Consent)).one().given = False


def test_every_write_is_audited_without_values(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.scalars(select(Person)).one().name = "改名"
    with database.reading() as session:
        record = session.scalars(select(AuditRecord).order_by(AuditRecord.id.desc())).first()
        assert record is not None
        assert (record.action, record.subject_kind) == ("change", "person")
        assert record.detail == {"columns": ["name"]}
        created = session.scalar(
            select(func.count()).where(
                AuditRecord.action == "create", AuditRecord.subject_kind == "supervised_case"
            )
        )
        assert created == 1


def test_a_naive_time_is_refused(database: Database, county: County) -> None:
    table: Any = AuditRecord.__table__
    assert isinstance(table, Table)
    row = {"at": NOW.replace(tzinfo=None), "actor_kind": "x", "actor_id": "x", "action": "x"}
    row |= {"subject_kind": "x", "subject_id": "x", "via": "x", "detail": {}}
    with (
        pytest.raises(StatementError, match="without a zone"),
        database.engine.begin() as connection,
    ):
        connection.execute(insert(table), [row])
