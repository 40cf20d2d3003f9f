"""The migrations make exactly the tables that the models speak of, and take them away again."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from correction_service.db import Database, alembic_config
from correction_service.settings import Settings
from models.base import Base


def not_a_partition(name: str | None, kind: str, _parents: object) -> bool:
    """Partitions are made by the day; the table they belong to speaks for them."""
    return not (kind == "table" and name is not None and name.startswith("fix_"))


def test_the_migrated_database_is_what_the_models_say(database: Database) -> None:
    with database.engine.connect() as connection:
        opts = {"compare_type": True, "include_name": not_a_partition}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Base.metadata) == []


def test_reports_that_nobody_has_read_have_an_index_of_their_own(database: Database) -> None:
    found = inspect(database.engine).get_indexes("change_report")
    [unread] = [it for it in found if it["name"] == "ix_change_report_unread"]
    where = unread["dialect_options"][f"{database.engine.dialect.name}_where"]
    assert unread["column_names"] == ["told_at"]
    assert str(where).strip("()") == "read_at IS NULL"


def test_a_downgrade_leaves_nothing_behind(database: Database, settings: Settings) -> None:
    config = alembic_config(settings.database_url.get_secret_value())
    command.downgrade(config, "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    command.upgrade(config, "head")
    assert set(inspect(database.engine).get_table_names()) > {"person", "fix", "audit_leaf"}
