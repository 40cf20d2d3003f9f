"""Alert rules ask for figures that the service gives."""

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from flask import Flask
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import SecretStr

from correction_service import metrics, schedule
from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.tracking.meters import Meters
from devices.mqtt import Traffic
from tests.county import NOW

RULES = Path(__file__).parents[2] / "deploy" / "alerts" / "correction.rules.yml"
METRIC = re.compile(r"\b(?:correction|process)_[a-z_]+\b")
TYPE = re.compile(r"^# TYPE (\w+) ", re.MULTILINE)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def of_web(app: Flask, settings: Settings) -> str:
    settings.metrics_token = SecretStr("t" * 32)
    headers = {"Authorization": f"Bearer {'t' * 32}"}
    return app.test_client().get("/metrics", headers=headers).text


def of_the_others(database: Database, settings: Settings) -> str:
    chores = schedule.Chores(database, settings)
    chores.count(NOW)
    registry = CollectorRegistry()
    registry.register(metrics.IngestFigures(Meters(), Traffic()))
    registry.register(chores.figures)
    return generate_latest(registry).decode()


def test_every_figure_of_a_rule_is_given_by_the_service(
    app: Flask, database: Database, settings: Settings
) -> None:
    given = set(TYPE.findall(of_web(app, settings) + of_the_others(database, settings)))
    groups = yaml.safe_load(RULES.read_text())["groups"]
    asked = {
        name.removesuffix("_bucket")
        for group in groups
        for rule in group["rules"]
        for name in METRIC.findall(rule["expr"])
    }
    assert len(asked) > 10
    assert asked <= given
