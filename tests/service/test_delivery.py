"""Messages go to a real HTTP server, once, by the right carrier, or to the call list."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import worklist
from correction_service.db import Database, ring_of
from correction_service.messages import delivery, notice_desk, notices
from correction_service.presence import duties
from correction_service.settings import Settings
from models.audit import AuditRecord
from models.case import Case
from models.checkin import CheckInDuty, DutyState
from models.notice import Notice, NoticeState
from models.outbox import Outbox
from models.user import Role, User
from tests.county import NOW, County

PHONE = "13800000000"
REPORT_MINUTES = 30  # the settings' default
NIGHT = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)  # 22:00 in Shanghai


@dataclass
class Gateway:
    """A carrier's server: keeps what it was sent and answers with `status`."""

    url: str = ""
    status: int = 202
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def bodies(self) -> list[dict[str, str]]:
        return [json.loads(body) for _, body in self.received]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    kept = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.received.append((dict(self.headers), body))
            self.send_response(kept.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}/send"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


@pytest.fixture
def sms(settings: Settings, gateway: Gateway) -> Settings:
    return settings.model_copy(update={"sms_url": gateway.url, "sms_token": SecretStr("token")})


def ask(database: Database, county: County, settings: Settings, phone: str | None = PHONE) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.person.put(ring_of(session), "phone", phone)
        duties.on_demand(session, case, NOW, settings)


def state(database: Database) -> tuple[NoticeState, str | None]:
    with database.reading() as session:
        notice = session.scalars(select(Notice)).one()
        return notice.state, notice.channel


def test_a_message_goes_out_by_sms_once(
    database: Database, county: County, sms: Settings, gateway: Gateway
) -> None:
    ask(database, county, sms)
    assert delivery.deliver(database, sms, NOW) == 1
    assert delivery.deliver(database, sms, NOW + timedelta(hours=1)) == 0
    [(headers, _)] = gateway.received
    assert headers["Authorization"] == "Bearer token"
    [body] = gateway.bodies()
    assert body.keys() == {"to", "text", "reference"}
    assert body["to"] == PHONE
    assert state(database) == (NoticeState.SENT, "sms")
    with database.transaction(SYSTEM, "test") as session:
        notices.delivered(session, body["reference"], NOW, sms)
    assert state(database) == (NoticeState.DELIVERED, "sms")


def test_opening_the_number_is_on_the_record_and_the_number_is_in_no_log(
    database: Database,
    county: County,
    sms: Settings,
    gateway: Gateway,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateway.status = 500
    ask(database, county, sms)
    delivery.deliver(database, sms, NOW)
    with database.reading() as session:
        actions = session.scalars(select(AuditRecord.action)).all()
        payloads = session.scalars(select(Outbox.payload)).all()
    assert "use_phone" in actions
    logged = "".join(capsys.readouterr())
    assert "not_sent" in logged
    assert PHONE not in logged + json.dumps(payloads)


def test_a_webhook_is_signed_and_learns_no_number(
    database: Database, county: County, settings: Settings, gateway: Gateway
) -> None:
    update = {"webhook_url": gateway.url, "webhook_secret": SecretStr("shared")}
    hooked = settings.model_copy(update=update)
    ask(database, county, hooked)
    assert delivery.deliver(database, hooked, NOW) == 1
    [(headers, body)] = gateway.received
    signature = hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    assert headers["X-Correction-Signature"] == f"sha256={signature}"
    assert PHONE.encode() not in body
    assert json.loads(body).keys() == {"reference", "kind", "text_zh", "text_en", "person"}


def test_three_failures_put_a_message_on_the_call_list(
    database: Database, county: County, sms: Settings, gateway: Gateway
) -> None:
    gateway.status = 503
    ask(database, county, sms)
    for minutes in (0, 1, 3, 6, 9):
        delivery.deliver(database, sms, NOW + timedelta(minutes=minutes))
    assert len({body["reference"] for body in gateway.bodies()}) == 1
    assert len(gateway.received) == notice_desk.TRIES
    assert state(database)[0] is NoticeState.TO_CALL
    with database.reading() as session:
        topics = session.scalars(select(Outbox.topic).where(Outbox.payload.is_not(None))).all()
        assert topics.count("live") == 1


@pytest.mark.parametrize("phone", [PHONE, None])
def test_without_a_carrier_that_takes_it_a_message_is_called_out(
    database: Database, county: County, settings: Settings, sms: Settings, phone: str | None
) -> None:
    using = sms if phone is None else settings
    ask(database, county, using, phone)
    assert delivery.deliver(database, using, NOW) == 0
    assert state(database)[0] is NoticeState.TO_CALL


def test_a_server_that_cannot_be_reached_is_a_failure_and_not_a_crash(
    database: Database, county: County, settings: Settings
) -> None:
    dead = settings.model_copy(
        update={"sms_url": "http://127.0.0.1:9/", "sms_token": SecretStr("token")}
    )
    ask(database, county, dead)
    assert delivery.deliver(database, dead, NOW) == 0
    assert state(database)[0] is NoticeState.QUEUED


def test_nothing_is_sent_at_night_nor_for_what_was_done_meanwhile(
    database: Database, county: County, sms: Settings, gateway: Gateway
) -> None:
    ask(database, county, sms)
    assert delivery.deliver(database, sms, NIGHT) == 0
    with database.transaction(SYSTEM, "test") as session:
        duties.settle(session, county.case, NOW + timedelta(minutes=1))
    assert delivery.deliver(database, sms, NOW + timedelta(minutes=2)) == 0
    assert gateway.received == []


def test_a_number_that_no_longer_opens_does_not_stop_the_others(
    database: Database, county: County, sms: Settings, gateway: Gateway
) -> None:
    ask(database, county, sms)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).person.wrapped_key = None
    assert delivery.deliver(database, sms, NOW) == 0
    assert state(database)[0] is NoticeState.TO_CALL


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def duty_of(session: Session) -> CheckInDuty:
    return session.scalars(select(CheckInDuty)).one()


@pytest.fixture
def sent(database: Database, county: County, sms: Settings, gateway: Gateway) -> str:
    """The reference of a message that the carrier took at NOW and says nothing of."""
    ask(database, county, sms)
    assert delivery.deliver(database, sms, NOW) == 1
    return gateway.bodies()[0]["reference"]


def test_what_is_sent_and_not_proved_in_time_is_called_out_once(
    database: Database, county: County, sms: Settings, sent: str
) -> None:
    assert delivery.call_out(database, sms, after(REPORT_MINUTES)) == 0
    assert delivery.call_out(database, sms, after(REPORT_MINUTES + 1)) == 1
    assert delivery.call_out(database, sms, after(REPORT_MINUTES + 2)) == 0
    assert state(database) == (NoticeState.TO_CALL, "sms")
    with database.reading() as session:
        notice = session.scalars(select(Notice)).one()
        rows = session.scalars(select(Outbox).where(Outbox.topic == "live")).all()
        assert rows[-1].payload == {"kind": "notice", "id": notice.id}
        assert (rows[-1].agency_id, rows[-1].office_id) == (county.agency, county.office)
        assert duty_of(session).state is DutyState.AWAITING_DELIVERY


def test_a_late_report_still_counts(database: Database, sms: Settings, sent: str) -> None:
    assert delivery.call_out(database, sms, after(60)) == 1
    with database.transaction(SYSTEM, "test") as session:
        notices.delivered(session, sent, after(90), sms)
    assert state(database) == (NoticeState.DELIVERED, "sms")
    with database.reading() as session:
        duty = duty_of(session)
        assert (duty.state, duty.opens_at) == (DutyState.DUE, after(90))


def test_nobody_is_called_for_what_arrived_or_was_done_meanwhile(
    database: Database, county: County, sms: Settings, sent: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        duties.settle(session, county.case, after(1))
    assert delivery.call_out(database, sms, after(60)) == 0
    with database.transaction(SYSTEM, "test") as session:
        notices.delivered(session, sent, after(61), sms)
    assert delivery.call_out(database, sms, after(90)) == 0
    assert state(database) == (NoticeState.DELIVERED, "sms")


def test_a_call_leaves_the_list_when_what_it_asks_for_is_done(
    database: Database, county: County, sms: Settings, sent: str
) -> None:
    assert delivery.call_out(database, sms, after(60)) == 1
    with database.transaction(SYSTEM, "test") as session:
        listed = worklist.to_call(session.get_one(User, county.users[Role.OFFICER]))
        assert session.scalars(listed).one().reference == sent
        duties.settle(session, county.case, after(61))
        assert session.scalars(listed).all() == []


def test_nobody_is_called_by_night_and_what_was_written_then_has_its_time_by_day(
    database: Database, county: County, sms: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.person.put(ring_of(session), "phone", PHONE)
        notices.queue(session, case, "points", NIGHT)
    morning = NIGHT + timedelta(hours=8)
    assert delivery.deliver(database, sms, morning) == 1
    assert delivery.call_out(database, sms, morning + timedelta(minutes=5)) == 0
    assert delivery.call_out(database, sms, NIGHT + timedelta(days=1)) == 0
    assert delivery.call_out(database, sms, morning + timedelta(days=1)) == 1
    assert state(database)[0] is NoticeState.TO_CALL
