"""The page of the zones' rule: figures to try, what came of it, and from when they count."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from correction_service import hours
from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.web.console.rule_words import FIELDS, FIGURES
from correction_service.zones.what_if_runs import Runner
from models.rule import RULE
from models.rules import BOUNDS, figures_of
from models.user import Role
from models.what_if import WhatIf, WhatIfState
from models.zone_rule import ZoneRule
from tests.county import County
from tests.pages import SignedInClient
from tests.service.test_what_ifs import live
from tests.tracked import BEYOND, HUICHUAN, Tracked

PATH = "/quality/rules/"
STRICT = {"decided": "12", "lasting": "12", "sure_moving_s": "1800", "sure_s": "3600"}


@pytest.fixture
def head(client_of: SignedInClient) -> FlaskClient:
    return client_of(Role.COUNTY_HEAD)


def form(**changes: str) -> dict[str, str]:
    """The figures in force, with some of them others."""
    return {name: f"{number:g}" for name, number in figures_of(RULE).items()} | changes


def tried(head: FlaskClient, **changes: str) -> int:
    """Ask for it on the page; its number."""
    answer = head.post(f"{PATH}try", data=form(**changes))
    assert answer.status_code == 302
    found = re.search(r"run=(\d+)", answer.headers["Location"])
    assert found is not None
    return int(found[1])


def run(database: Database, settings: Settings) -> None:
    runner, now = Runner(database, settings), datetime.now(UTC)
    while runner.turn(now):
        now += timedelta(seconds=1)


def test_every_figure_has_its_words(head: FlaskClient) -> None:
    assert set(FIGURES) == set(BOUNDS)
    page = head.get(PATH).text
    for it in FIELDS:
        assert f'name="{it.name}"' in page
        assert str(it.words.does) in page.replace("&#39;", "'")
    assert "None yet" in page
    assert "认定离开的证据" in head.get(f"{PATH}?lang=zh").text


def test_a_figure_out_of_bounds_is_said_beside_it_and_what_was_typed_stays(
    head: FlaskClient,
) -> None:
    answer = head.post(f"{PATH}try", data=form(decided="99"))
    assert answer.status_code == 422
    assert "This figure is from 2 to 12." in answer.text
    assert re.search(r'name="decided"[^>]*value="99"[^>]*aria-invalid="true"', answer.text)
    assert "Give a number here." in head.post(f"{PATH}try", data=form(far_m="")).text


def test_what_was_tried_shows_its_progress_then_both_rules_side_by_side(
    database: Database, settings: Settings, tracked: Tracked, head: FlaskClient
) -> None:
    places = [HUICHUAN] * 60 + [BEYOND] * 15 + [HUICHUAN] * 60
    live(database, places, datetime.now(UTC) - timedelta(hours=6))
    what_if_id = tried(head, **STRICT)
    waiting = head.get(f"{PATH}?run={what_if_id}").text
    assert "Waits for its turn." in waiting
    assert 'hx-trigger="every 2s"' in waiting
    run(database, settings)
    done = head.get(f"{PATH}run?run={what_if_id}").text
    assert "hx-trigger" not in done
    assert "1 incident" in done
    assert "1 other vanishes" in done


def test_a_cancelled_one_says_so(database: Database, county: County, head: FlaskClient) -> None:
    what_if_id = tried(head, **STRICT)
    answer = head.post(f"{PATH}cancel", data={"run": what_if_id}, follow_redirects=True)
    assert "Cancelled; nothing was changed." in answer.text
    assert "It was cancelled before it was done." in head.get(f"{PATH}?run={what_if_id}").text
    with database.reading() as session:
        assert session.get_one(WhatIf, what_if_id).state is WhatIfState.CANCELLED


def test_what_was_tried_counts_from_a_day_on_and_is_withdrawn(
    database: Database, settings: Settings, county: County, head: FlaskClient
) -> None:
    what_if_id = tried(head, **STRICT)
    run(database, settings)
    tomorrow = hours.local_day(datetime.now(UTC)) + timedelta(days=1)
    said = {"run": what_if_id, "day": tomorrow.isoformat(), "reason": "误报太多"}
    assert "Choose a day." in head.post(
        f"{PATH}put", data=said | {"day": "soon"}, follow_redirects=True
    ).text  # fmt: skip
    assert "Give a reason" in head.post(
        f"{PATH}put", data=said | {"reason": " "}, follow_redirects=True
    ).text  # fmt: skip
    page = head.post(f"{PATH}put", data=said, follow_redirects=True).text
    assert "Written down: these figures count from the beginning of that day." in page
    assert "is to come" in page
    assert "Certain for, staying put <strong>3600</strong>" in page
    with database.reading() as session:
        row = session.scalars(select(ZoneRule)).one()
        assert row.effective_from == hours.day_start(tomorrow)
        assert row.figures["sure_s"] == 3600
        against = {"version": row.version, "reason": "改期"}
    page = head.post(f"{PATH}withdraw", data=against, follow_redirects=True).text
    assert "Withdrawn: the rule before it stays in force." in page
    assert "Withdrawn by county_head" in page


def test_who_may_only_see_sees_figures_and_no_form(client_of: SignedInClient) -> None:
    for role in (Role.OFFICER, Role.PROCURATOR):
        page = client_of(role).get(PATH).text
        assert "Its figures" in page
        assert "<input id=" not in page.partition('id="figures"')[2]
        assert client_of(role).post(f"{PATH}try", data=form()).status_code == 403
        assert client_of(role).get(f"{PATH}?run=1").status_code == 403
    assert client_of(Role.VOLUNTEER).get(PATH).status_code == 403
