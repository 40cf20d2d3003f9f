"""Staff are told by mail over TLS and by a signed webhook: tried again, then parked in sight."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from correction_service import outbox
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.incidents import handovers
from correction_service.messages import alerts, delivery
from correction_service.messages.alerts import Alert
from correction_service.settings import Settings, SmtpSecurity
from correction_service.tracking import outages
from models.errors import NotFound
from models.outbox import Outbox
from models.telemetry import Outage, OutageCause
from models.user import Role, User
from tests.county import NOW, County
from tests.letterbox import Letterbox, letterbox
from tests.service.test_delivery import NIGHT, Gateway, gateway
from tests.service.test_incidents import open_one
from tests.service.test_shifts import put
from tests.tracked import Tracked

__all__ = ["gateway"]  # a fixture
ADDRESS = "officer@county.example"
HOUR = timedelta(hours=1)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Letterbox]:
    with letterbox(tmp_path) as kept:
        yield kept


@pytest.fixture
def posting(settings: Settings, box: Letterbox) -> Settings:
    return mailing(settings, box)


def mailing(settings: Settings, box: Letterbox, **fields: object) -> Settings:
    said = {
        "smtp_host": "127.0.0.1",
        "smtp_port": box.port,
        "smtp_from": "alerts@county.example",
        "smtp_username": "alerts",
        "smtp_password": SecretStr("mail-secret"),
        "smtp_ca_file": box.ca_file,
        "public_url": "https://console.example/",
    }
    return settings.model_copy(update=said | fields)


def give(database: Database, county: County, tracked: Tracked, settings: Settings) -> int:
    """Open an urgent incident and give it to the officer on duty."""
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(User, county.users[Role.OFFICER]).email = ADDRESS
        incident = open_one(session, tracked)
        put(session, county)
        assert handovers.assign(session, NOW, settings) == 1
        return incident.id


def parked_of(database: Database) -> list[Outbox]:
    with database.reading() as session:
        found = list(session.scalars(select(Outbox).where(Outbox.parked_reason.is_not(None))))
        session.expunge_all()
        return found


def test_the_officer_on_duty_is_written_to_once_over_tls_and_of_numbers_only(
    database: Database, county: County, tracked: Tracked, posting: Settings, box: Letterbox
) -> None:
    incident = give(database, county, tracked, posting)
    assert delivery.deliver(database, posting, NOW) == 1
    assert delivery.deliver(database, posting, NOW + HOUR) == 0
    [(to, letter)] = box.letters
    assert to == ADDRESS
    assert f"https://console.example/incidents/{incident}" in box.bodies()[0].splitlines()
    assert "测试" not in box.bodies()[0] + str(letter["Subject"])
    assert box.signed_in == ["\0alerts\0mail-secret"]
    assert box.in_the_clear == ["EHLO", "STARTTLS"]


def test_mail_goes_through_a_server_that_speaks_tls_from_the_first_byte(
    database: Database, county: County, tracked: Tracked, settings: Settings, tmp_path: Path
) -> None:
    with letterbox(tmp_path, tls=True) as box:
        posting = mailing(settings, box, smtp_security=SmtpSecurity.TLS)
        give(database, county, tracked, posting)
        assert delivery.deliver(database, posting, NOW) == 1
        assert (len(box.letters), box.in_the_clear) == (1, [])


def test_a_mail_server_that_nobody_vouches_for_learns_nothing(
    database: Database, county: County, tracked: Tracked, posting: Settings, box: Letterbox
) -> None:
    distrusting = posting.model_copy(update={"smtp_ca_file": None})
    give(database, county, tracked, distrusting)
    assert delivery.deliver(database, distrusting, NOW) == 0
    assert (box.letters, box.signed_in) == ([], [])


def test_a_webhook_gets_kinds_and_numbers_signed_by_day_and_night(
    database: Database, county: County, tracked: Tracked, settings: Settings, gateway: Gateway
) -> None:
    update = {"alert_webhook_url": gateway.url, "alert_webhook_secret": SecretStr("shared")}
    hooked = settings.model_copy(update=update)
    incident = give(database, county, tracked, hooked)
    assert delivery.deliver(database, hooked, NIGHT) == 1
    [(headers, body)] = gateway.received
    signature = hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    assert headers["X-Correction-Signature"] == f"sha256={signature}"
    said = json.loads(body)
    assert said.keys() == {"id", "at", "kind", "ids", "count"}
    assert (said["kind"], said["ids"], said["count"]) == ("incident_assigned", [incident], 1)


def test_what_fails_is_tried_ever_more_rarely_then_parked_in_sight_and_brought_when_asked(
    database: Database, county: County, tracked: Tracked, posting: Settings, box: Letterbox
) -> None:
    box.refuses = True
    give(database, county, tracked, posting)
    tried: list[datetime] = []
    for minute in range(200):
        before = len(box.signed_in)
        delivery.deliver(database, posting, NOW + minute * timedelta(minutes=0.5))
        if len(box.signed_in) > before:
            tried.append(NOW + minute * timedelta(minutes=0.5))
    gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(tried)]
    assert gaps == [30, 60, 120, 240, 480, 960, 1920]
    [row] = parked_of(database)
    assert row.parked_reason == "SMTPSenderRefused 451"
    box.refuses = False
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        assert outbox.forget(session, NOW + timedelta(days=9)) == 0
        assert [it.id for it in alerts.parked(session, head)] == [row.id]
        alerts.try_again(session, head, row.id)
        with pytest.raises(NotFound):
            alerts.drop(session, head, row.id, NOW)
    assert delivery.deliver(database, posting, NOW + 3 * HOUR) == 1
    assert parked_of(database) == []


def test_without_an_address_an_alert_is_parked_at_once_and_can_be_let_be(
    database: Database, county: County, tracked: Tracked, posting: Settings
) -> None:
    give(database, county, tracked, posting)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(User, county.users[Role.OFFICER]).email = None
    assert delivery.deliver(database, posting, NOW) == 0
    [row] = parked_of(database)
    assert row.parked_reason == "no address"
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        alerts.drop(session, head, row.id, NOW)
        assert alerts.parked(session, head) == []


def test_where_no_channel_is_set_up_nothing_is_queued(
    database: Database, county: County, tracked: Tracked, settings: Settings
) -> None:
    give(database, county, tracked, settings)
    with database.reading() as session:
        topics = set(session.scalars(select(Outbox.topic)))
    assert topics == {"live"}


def test_an_outage_and_its_end_are_told_to_those_who_tend_the_service(
    database: Database, county: County, posting: Settings, box: Letterbox
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(User, county.users[Role.ADMINISTRATOR]).email = "admin@county.example"
        lasting = Outage(
            since=NOW - HOUR, opened_at=NOW - HOUR, cause=OutageCause.INGEST_DOWN, bracelets=3
        )
        session.add(lasting)
        session.flush()
        alerts.tell_outage(session, Alert.OUTAGE, lasting, NOW, posting)
        assert outages.watch(session, NOW, posting) is None  # no bracelet is to be heard any more
    assert delivery.deliver(database, posting, NIGHT) == 2
    assert [to for to, _ in box.letters] == ["admin@county.example"] * 2
    assert ["恢复" in body for body in box.bodies()] == [False, True]


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"smtp_host": "mail.example"}, "SMTP_FROM"),
        (
            {"smtp_host": "mail.example", "smtp_from": "a@b.example", "smtp_username": "a"},
            "SMTP_PASSWORD",
        ),
        ({"alert_webhook_url": "https://hook.example"}, "ALERT_WEBHOOK_SECRET"),
    ],
)
def test_schedule_names_what_a_channel_lacks_before_it_starts(
    fields: dict[str, str], missing: str
) -> None:
    with pytest.raises(ValueError, match=f"CORRECTION_{missing}"):
        delivery.check(Settings().model_copy(update=fields))
