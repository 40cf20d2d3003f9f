"""The ingest page: figures of now, charts with gaps, what was turned away, and who may see it."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.tracking import ingest_minutes
from correction_service.tracking.meters import Meters
from correction_service.web.console import charts, reasons
from devices.messages import Reason
from models.agency import Agency, AgencyLevel
from models.audit import AuditRecord
from models.device import Device, Gateway
from models.fix import Reject
from models.telemetry import Outage, OutageCause
from models.user import Role
from tests.pages import SignedInClient
from tests.tracked import DEVICE, GATEWAY, Tracked

TENDING = {Role.ADMINISTRATOR, Role.COUNTY_HEAD}


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def fed(database: Database, now: datetime) -> None:
    """An ingester that ran for ten minutes, with a gap of two."""
    rows = []
    for ago in (*range(10, 6, -1), *range(4, -1, -1)):
        at = now - timedelta(minutes=ago)
        meters = Meters()
        arrived = [at - timedelta(milliseconds=80)] * 1234
        meters.transaction(arrived, arrived[0], at, committed=1234, rejected={"no_order": 2})
        minute = at.replace(second=0, microsecond=0)
        row = ingest_minutes.row("north", now - timedelta(hours=1), minute, at, meters.read())
        rows.append(row | {"queue_max": 17, "memory_bytes": 200 << 20, "connected": True})
    with database.transaction(SYSTEM, "test") as session:
        ingest_minutes.keep(session, rows)


@pytest.fixture
def turned_away(database: Database, tracked: Tracked, now: datetime) -> None:
    """Refusals of the county's gateway, of another agency's and of nobody known."""
    with database.transaction(SYSTEM, "test") as session:
        other = Agency(name="别处", level=AgencyLevel.COUNTY, division="520302")
        session.add(other)
        session.flush()
        theirs = Gateway(name="gw-other", agency_id=other.id, secret_hash="!")
        session.add(Device(name="THEIRS", gateway=theirs))
        said = [
            (GATEWAY, DEVICE, 7, "no_order", 40),
            (GATEWAY, "THEIRS", 8, "wrong_gateway", 1),
            ("gw-other", "THEIRS", 9, "no_order", 1),
            (None, "=cmd()", None, "unknown_topic", 1),
        ]
        names = ("gateway", "device", "seq", "reason", "times")
        rows = [dict(zip(names, one, strict=True)) for one in said]
        session.execute(
            insert(Reject), [row | {"received": now, "digest": b"\0" * 32} for row in rows]
        )


def test_who_tends_the_service_or_answers_for_it_sees_the_page_and_nobody_else(
    client_of: SignedInClient,
) -> None:
    for role in Role:
        client = client_of(role)
        for path in ("/ingest/", "/ingest/now", "/ingest/rejects.csv"):
            assert client.get(path).status_code == (200 if role in TENDING else 403), (role, path)
        assert client.get("/ingest/outage").status_code == 200


def test_without_an_ingester_the_page_says_how_to_start_one(client_of: SignedInClient) -> None:
    text = client_of(Role.ADMINISTRATOR).get("/ingest/").text
    assert "No ingester runs." in text
    assert "systemctl start correction-ingest" in text
    assert "Nothing was turned away." in text


def test_the_figures_of_now_and_charts_with_gaps(fed: None, client_of: SignedInClient) -> None:
    client = client_of(Role.COUNTY_HEAD)
    text = client.get("/ingest/").text
    for said in ("north", "connected", "200 MB", "1,234", "17"):
        assert said in text
    assert text.count('<path class="line" d="M') == 3
    line = text.split('class="line" d="')[1].split('"')[0]
    assert line.count("M") == 2
    for span in ("24h", "7d", "nonsense"):
        assert client.get(f"/ingest/now?span={span}").status_code == 200
    table = client.get("/ingest/?table=1").text
    assert "<svg" not in table
    assert "1,234" in table
    assert "unknown" in table


def test_rejects_show_their_reason_and_a_device_only_to_its_own(
    turned_away: None, client_of: SignedInClient
) -> None:
    head = client_of(Role.COUNTY_HEAD).get("/ingest/").text
    for said in (DEVICE, "of another agency", "no order in force", "Take the bracelet off", "40"):
        assert said in head
    for hidden in ("THEIRS", "gw-other", "=cmd()"):
        assert hidden not in head
    admin = client_of(Role.ADMINISTRATOR).get("/ingest/").text
    assert "=cmd()" in admin
    assert "gw-other" not in admin


def test_rejects_are_searched_and_exported_without_formulas(
    turned_away: None, client_of: SignedInClient, database: Database
) -> None:
    client = client_of(Role.ADMINISTRATOR)

    def rows(query: str) -> list[dict[str, str]]:
        body = client.get(f"/ingest/rejects.csv{query}").text.removeprefix("\ufeff")
        return list(csv.DictReader(io.StringIO(body)))

    assert {row["reason"] for row in rows("")} == {"no_order", "wrong_gateway", "unknown_topic"}
    assert [row["device"] for row in rows("?reason=unknown_topic")] == ["'=cmd()"]
    assert [row["times"] for row in rows(f"?q={DEVICE}")] == ["40"]
    assert rows("?q=THEIRS") == []
    assert len(rows(f"?q={GATEWAY}")) == 2
    assert "lat" not in rows("")[0]
    with database.reading() as session:
        acts = session.scalars(select(AuditRecord.action)).all()
    assert acts.count("export_rejects") == 6


def test_an_outage_is_said_on_every_page_and_so_is_its_end(
    database: Database, now: datetime, client_of: SignedInClient
) -> None:
    client = client_of(Role.OFFICER)
    assert "outage" not in client.get("/ingest/outage").text
    outage = Outage(since=now, opened_at=now, cause=OutageCause.BROKER_AWAY, bracelets=41)
    with database.transaction(SYSTEM, "test") as session:
        session.add(outage)
    for path in ("/", "/people/", "/ingest/outage"):
        text = client.get(path).text
        assert "41 bracelets under an order are affected." in text
        assert "The listener has no connection to the broker." in text
    assert "41 bracelets" not in client_of(Role.VOLUNTEER).get("/", follow_redirects=True).text
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Outage, outage.id).ended_at = now
    text = client.get("/").text
    assert "Positions arrive again since" in text
    assert "41 bracelets" not in text


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words_and_something_to_do(reason: Reason) -> None:
    assert reason in reasons.WORDS
    assert reasons.TO_DO.get(reason, reasons.FIRMWARE)


def test_lines_end_at_round_numbers_and_leave_gaps() -> None:
    assert [charts.rounded_up(it) for it in (0, 1, 1.2, 2.2, 3, 7, 101)] == [
        1, 1, 2, 2.5, 5, 10, 200,
    ]  # fmt: skip
    line = charts.line([1, 2, None, 4, None])
    assert line.path == "M0.0 80.0 L150.0 60.0 h.1 M450.0 20.0 h.1"
    assert line.top == 5
    assert charts.line([None, None]).empty
