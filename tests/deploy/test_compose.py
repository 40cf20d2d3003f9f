"""Compose gives each unit the secrets that exist and that it needs."""

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.faces import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
MAKER = (ROOT / "deploy" / "secrets.sh").read_text()


def mounted(service: str) -> set[str]:
    given = COMPOSE["services"][service].get("secrets", ())
    return {it if isinstance(it, str) else it["source"] for it in given}


def test_every_secret_that_a_unit_mounts_is_listed_and_every_listed_one_is_mounted() -> None:
    assert set().union(*map(mounted, COMPOSE["services"])) == set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", sorted(COMPOSE["secrets"]))
def test_every_secret_is_made_on_the_first_day(name: str) -> None:
    role = name.removeprefix("database_url_")
    assert name in MAKER or (role in MAKER and "database_url_$role" in MAKER)


def test_who_writes_heads_for_the_witness_can_sign_them_and_ingest_opens_nothing() -> None:
    schedule = COMPOSE["services"]["schedule"]
    folder = schedule["environment"]["CORRECTION_WITNESS_DIR"]
    assert f"witness:{folder}" in schedule["volumes"]
    assert {"signing_key", "key_ring"} <= mounted("schedule")
    assert mounted("ingest") == {"database_url_ingest", "mqtt_password"}
