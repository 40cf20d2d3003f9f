"""Numbers for a crisis: shown before the door, without a network, and beside one's own office."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from correction_service.audit import SYSTEM
from correction_service.commands.agencies import office
from correction_service.db import Database
from correction_service.law import hotlines
from correction_service.settings import Settings
from models.errors import Invalid
from models.shift import Shift
from models.user import Role
from tests.county import County
from tests.pages import SignedInClient

TOLD = ("110", "120", "12356", "12348")


@pytest.mark.parametrize("path", ["/m/crisis", "/m/offline"])
def test_whoever_is_not_signed_in_reads_the_numbers(app: Flask, path: str) -> None:
    page = app.test_client().get(path).text
    assert all(f'href="tel:{number}"' in page for number in TOLD)


def test_the_doors_lead_to_the_numbers(app: Flask) -> None:
    for door in ("/m/pin", "/m/activate"):
        assert 'href="/m/crisis"' in app.test_client().get(door).text


def test_every_number_has_its_source_and_mark_which_the_console_shows(
    client_of: SignedInClient,
) -> None:
    page = client_of(Role.OFFICER).get("/clocks/table").text
    for it in hotlines.hotlines():
        assert not isinstance(it.source, str)
        assert it.source["en"] in page
    assert page.count('<span class="tag">R</span>') >= len(hotlines.hotlines())


def test_a_county_puts_its_own_numbers_in_the_place_of_these(tmp_path: Path) -> None:
    own = """[crisis]
number = "0851-1"
hours = { en = "by day", zh = "白天" }
said = { en = "our own", zh = "本县" }
source = "county"
mark = "V"
"""
    (tmp_path / hotlines.HOTLINES).write_text(own, encoding="utf-8")
    assert [it.number for it in hotlines.hotlines(tmp_path)] == ["0851-1"]


def test_my_office_is_shown_with_its_number_and_who_is_on_duty_now(
    opened_phone: FlaskClient, settings: Settings, database: Database, county: County
) -> None:
    words = ["phone", "甲司法所", "0851-28000000", "--agency", "汇川区社区矫正中心"]
    assert CliRunner().invoke(office, words, obj=settings).exit_code == 0
    now = datetime.now(UTC)
    crew = {"officer_id": Role.OFFICER, "cover_id": Role.OFFICE_HEAD, "head_id": Role.OFFICE_HEAD}
    with database.transaction(SYSTEM, "test") as session:
        session.add(
            Shift(
                agency_id=county.agency,
                office_id=county.office,
                begins_at=now - timedelta(hours=1),
                ends_at=now + timedelta(hours=1),
                **{name: county.users[role] for name, role in crew.items()},
            )
        )
    page = opened_phone.get("/m/help").text
    assert 'href="tel:0851-28000000"' in page
    assert "On duty now: officer" in page


def test_what_is_no_number_is_refused(settings: Settings, county: County) -> None:
    words = ["phone", "甲司法所", "call me", "--agency", "汇川区社区矫正中心"]
    outcome = CliRunner().invoke(office, words, obj=settings)
    assert isinstance(outcome.exception, Invalid)
    assert outcome.exception.field == "phone"
