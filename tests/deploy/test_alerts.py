"""Alert rules ask for figures that the service gives."""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from flask import Flask
from pydantic import SecretStr

from correction_service.settings import Settings

RULES = Path(__file__).parents[2] / "deploy" / "alerts" / "correction.rules.yml"
METRIC = re.compile(r"\b(?:correction|process)_[a-z_]+\b")
TYPE = re.compile(r"^# TYPE (\w+) ", re.MULTILINE)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_every_figure_of_a_rule_is_given_by_the_service(app: Flask, settings: Settings) -> None:
    settings.metrics_token = SecretStr("t" * 32)
    headers = {"Authorization": f"Bearer {'t' * 32}"}
    given = set(TYPE.findall(app.test_client().get("/metrics", headers=headers).text))
    groups = yaml.safe_load(RULES.read_text())["groups"]
    asked = {
        name for group in groups for rule in group["rules"] for name in METRIC.findall(rule["expr"])
    }
    assert asked
    assert asked <= given
