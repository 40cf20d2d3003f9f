"""`sweep` and `audit verify` at the shell: plain words, and an exit code that a script can use."""

import json

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr
from sqlalchemy import text

from correction_service.audit import SYSTEM
from correction_service.commands.schedule import audit, sweep
from correction_service.db import Database
from correction_service.sealer import seal
from correction_service.settings import Settings
from tests.county import NOW, County


def verify(settings: Settings) -> Result:
    return CliRunner().invoke(audit, ["verify"], obj=settings)


def test_sweep_prints_its_contract(database: Database, county: County, settings: Settings) -> None:
    result = CliRunner().invoke(sweep, ["--json"], obj=settings)
    assert result.exit_code == 0
    swept = json.loads(result.stdout)
    assert swept.keys() == {"day", "flags", "drafts", "passed", "errors"}
    assert swept["flags"].keys() >= {"late_to_report", "checkin_missed", "term_ending"}
    plain = CliRunner().invoke(sweep, ["--day", "2026-11-01"], obj=settings)
    assert plain.stdout.startswith("2026-11-01: ")


def test_a_wrong_day_is_named(settings: Settings) -> None:
    result = CliRunner().invoke(sweep, ["--day", "yesterday"], obj=settings)
    assert result.exit_code == 2
    assert "--day" in result.stderr


def test_verify_says_that_all_is_well_and_names_the_unsealed_tail(
    database: Database, county: County, settings: Settings
) -> None:
    before = verify(settings)
    assert before.exit_code == 0
    assert "not sealed yet, from id 1" in before.stdout
    with database.transaction(SYSTEM, "test") as session:
        seal(session, NOW)
    after = verify(settings)
    assert after.exit_code == 0
    assert "nothing was changed" in after.stdout
    assert "not sealed" not in after.stdout


def test_verify_fails_on_a_record_that_was_changed(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        seal(session, NOW)
    drop = {
        "sqlite": "DROP TRIGGER audit_record_refuses_update",
        "postgresql": "DROP TRIGGER audit_record_refuses_change ON audit_record",
    }[database.engine.dialect.name]
    with database.engine.begin() as connection:
        connection.execute(text(drop))
        connection.execute(text("UPDATE audit_record SET actor_id = 'x' WHERE id = 2"))
    result = verify(settings)
    assert result.exit_code == 1
    assert "position 1: the record is not what was sealed" in result.stdout


@pytest.mark.parametrize("command", [["verify"], None])
def test_a_database_without_tables_is_one_line_and_two(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, command: list[str] | None
) -> None:
    empty = SecretStr(f"sqlite:///{tmp_path_factory.mktemp('empty')}/none.db")
    update = {"database_url": empty}
    group = audit if command else sweep
    result = CliRunner().invoke(group, command or [], obj=settings.model_copy(update=update))
    assert result.exit_code == 2
    assert "db upgrade" in result.stderr
    assert len(result.stderr.splitlines()) == 1
