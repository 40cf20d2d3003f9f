"""Gateways: names that fit a topic, secrets told once, files for the broker; and their commands."""

import json
from pathlib import Path

import pytest
from click import Group
from click.testing import CliRunner, Result

from correction_service.audit import SYSTEM
from correction_service.commands.devices import boundary, device, gateway
from correction_service.db import Database
from correction_service.hardware import gateways
from correction_service.hardware.gateways import Account
from correction_service.settings import Settings
from models.device import Gateway
from models.errors import DomainError, Invalid, NotFound, Refused
from tests.county import NOW, County
from tests.tracked import GATEWAY, Tracked, fix, heard, take

SERVICE = Account("correction", "its own secret")


def test_a_secret_is_told_once_and_kept_as_a_hash(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        made, secret = gateways.add(session, county.agency, "gw-1")
        assert made.secret_hash.startswith("$7$101$")
        assert secret not in made.secret_hash
        before = made.secret_hash
        assert gateways.rotate(session, "gw-1") != secret
        assert made.secret_hash != before


def test_a_name_must_fit_a_topic_and_a_line(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for name in ("", "a/b", "a+", "#", "a b", "a\nuser root", "网关", "x" * 65):
            with pytest.raises(Invalid, match="1 to 64"):
                gateways.add(session, county.agency, name)


def test_no_gateway_is_called_like_the_service_itself(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for name in ("correction-ingest", "correction-ingest-2", "correction-web"):
            with pytest.raises(Invalid, match="the service's own") as fault:
                gateways.add(session, county.agency, name)
            assert fault.value.field == "name"
        assert gateways.every(session) == []


def test_names_are_unique_and_known(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        gateways.add(session, county.agency, "gw-1")
        with pytest.raises(Refused, match="exists"):
            gateways.add(session, county.agency, "gw-1")
        with pytest.raises(NotFound):
            gateways.rotate(session, "gw-2")


def test_the_password_file_has_active_gateways_and_the_service(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        gateways.add(session, county.agency, "gw-1")
        gateways.add(session, county.agency, "gw-2")
        gateways.close(session, "gw-2")
        lines = gateways.password_file(session, SERVICE).splitlines()
        assert [line.split(":")[0] for line in lines] == ["gw-1", "correction"]
        gateways.add(session, county.agency, SERVICE.name)
        with pytest.raises(Refused, match="service's own account"):
            gateways.password_file(session, SERVICE)


def run(settings: Settings, group: Group, *arguments: str) -> Result:
    return CliRunner().invoke(group, arguments, obj=settings)


def test_the_commands_register_gateways_and_bracelets_and_write_the_files(
    settings: Settings, county: County, tmp_path: Path
) -> None:
    secret = run(settings, gateway, "add", "gw-1").output.strip()
    assert run(settings, gateway, "rotate", "gw-1").output.strip() != secret
    assert run(settings, gateway, "list").output == "gw-1\tunknown\tnever\n"
    file = tmp_path / "bracelets.csv"
    file.write_text("id,imei,model\nB1,490154203237518,X200\n")
    assert run(settings, device, "import", str(file)).output == "1 registered, 0 known already\n"
    file.write_text("id,imei\nB2,1\n")
    broken = run(settings, device, "import", str(file))
    assert broken.exit_code == 1
    assert "line 2, imei: An IMEI has 15 digits" in broken.output
    named = settings.model_copy(update={"mqtt_username": "correction"})
    assert "CORRECTION_MQTT_PASSWORD" in run(named, gateway, "files", str(tmp_path)).output


def test_outlines_are_imported_from_a_file_or_from_the_package(
    settings: Settings, county: County, tmp_path: Path
) -> None:
    imported = run(settings, boundary, "import", "--division", "520303")
    assert imported.output.startswith("520303 汇川区 holds from")
    ring = [[106.9, 27.7], [107.0, 27.7], [107.0, 27.8], [106.9, 27.7]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {
        "type": "Feature", "properties": {"code": "520399", "name": "新区"}, "geometry": geometry,
    }  # fmt: skip
    file = tmp_path / "new.geojson"
    file.write_text(json.dumps(feature))
    imported = run(settings, boundary, "import", str(file))
    assert imported.output.startswith("520399 新区 holds from")
    file.write_text("{")
    assert "not JSON" in run(settings, boundary, "import", str(file)).output
    assert "FILE or a --division" in run(settings, boundary, "import").output
    refused = run(settings, boundary, "import", "--division", "999999")
    assert isinstance(refused.exception, DomainError)


def test_a_closed_gateway_is_not_heard_until_it_is_opened(
    database: Database, settings: Settings, tracked: Tracked
) -> None:
    assert run(settings, gateway, "close", GATEWAY).exit_code == 0
    refused = take(database, heard(fix(NOW)))
    assert [it.reason for it in refused.refusals] == ["wrong_gateway"]
    assert run(settings, gateway, "open", GATEWAY).exit_code == 0
    assert take(database, heard(fix(NOW))).readings == 1
    assert isinstance(run(settings, gateway, "close", "gw-9").exception, NotFound)


def test_a_list_tells_which_gateway_is_there(
    database: Database, settings: Settings, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(Gateway(name="gw-1", agency_id=county.agency, secret_hash="!", active=False))
        session.add(Gateway(name="gw-2", agency_id=county.agency, secret_hash="!", online=True))
    lines = run(settings, gateway, "list").output.splitlines()
    assert lines == ["gw-1\tinactive\tnever", "gw-2\tonline\tnever"]
