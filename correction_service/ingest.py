"""The process that listens to gateways: decode, record in one transaction, receipt after commit."""

import gc
import signal
import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import psycopg
import structlog
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError

from correction_service import metrics
from correction_service.audit import SYSTEM
from correction_service.db import Database, open_keyless
from correction_service.settings import Settings
from correction_service.storage.fix_columns import StoredBefore
from correction_service.storage.fix_store import Refusal, keep_refusals
from correction_service.tracking import register
from correction_service.tracking.device_states import Overtaken
from correction_service.tracking.fixes import Recorded, Recorder
from correction_service.tracking.gate import Heard
from correction_service.tracking.meters import Meters
from correction_service.tracking.reporter import Reporter
from devices import mqtt, topics, wire
from devices.link import MqttSettings, Outbound
from devices.messages import Rejection
from devices.mqtt import Inbound, Outcome, Traffic
from devices.receipts import Receipts

WARMED_AT_ONCE = 5000  # bracelets
SQLITE_PAUSE_S = 0.02  # between commits, else other writers wait a second for their turn
SQLITE_READINGS_MAX = 2000  # in a transaction, for the same reason
OVERTAKEN_MAX = 5  # tries, when others change the same states
# What another writer did first, such as open the same incident, is seen at the next try.
OVERTAKEN = (Overtaken, StoredBefore, IntegrityError)
AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# SQLSTATE classes: connection, transaction state, authorization, deadlock, resources, locks,
# operator, system; and no privilege. Everything else is a fault of what was to be stored.
AWAY_STATES = ("08", "25", "28", "40", "42501", "53", "55", "57", "58", "XX")
FAULT = "fault"
Part = tuple[list[Heard], Sequence[Refusal]]

log = structlog.get_logger()


def broker_of(settings: Settings) -> MqttSettings:
    """Where the broker is and who we are to it."""
    secret = settings.mqtt_password
    return MqttSettings(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        client_id=settings.mqtt_client_id,
        username=settings.mqtt_username or "",
        password=secret.get_secret_value() if secret else "",
        ca_file=settings.mqtt_ca_file,
    )


def gateways_of(settings: Settings) -> Sequence[str]:
    """The gateways that this ingester hears; none named are all."""
    return settings.ingest_gateways.split(",") if settings.ingest_gateways else ()


def slice_of(settings: Settings) -> tuple[str, ...]:
    """What this ingester subscribes to."""
    return topics.uplink(gateways_of(settings), settings.ingest_share)


class Ingest:
    """Handles batches of messages; raises only while the database is away."""

    def __init__(
        self, database: Database, readings_max: int = 5000, meters: Meters | None = None
    ) -> None:
        self._database = database
        self._meters = meters or Meters()
        self._recorder = Recorder()
        self._receipts = Receipts()
        self._messages: Sequence[Inbound] = ()
        self._parts: list[Part] = []  # of them, still to be recorded
        on_sqlite = database.engine.dialect.name == "sqlite"
        self._readings_max = min(readings_max, SQLITE_READINGS_MAX) if on_sqlite else readings_max
        self._pause_s = SQLITE_PAUSE_S if on_sqlite else 0.0

    def handle(self, messages: Sequence[Inbound]) -> Outcome:
        """Record a batch; the replies are the receipts that are due to gateways by now.

        Where the database is away halfway, the next call with the same batch goes on from there.
        """
        if messages is not self._messages:
            self._messages, self._parts = messages, _parts(messages, self._readings_max)
        while self._parts:
            self._record(*self._parts[0])
            if self._pause_s:
                time.sleep(self._pause_s)
        self._messages = ()
        return Outcome(self._receipts.due(datetime.now(UTC)))

    def warm(self, gateways: Collection[str], stop: threading.Event) -> None:
        """Read who wears what before the first message: 700,000 bracelets take a minute or two.

        Where the database is away, each is read when it first speaks instead.
        """
        try:
            with self._database.reading() as session:
                names = register.worn(session, gateways)
            for first in range(0, len(names), WARMED_AT_ONCE):
                if stop.is_set():
                    return
                with self._database.reading() as session:
                    part = names[first : first + WARMED_AT_ONCE]
                    self._recorder.warm(session, part, datetime.now(UTC))
        except Exception as fault:
            if not _is_away(fault):
                raise
            log.warning("not warm", fault=type(fault).__name__)
        self._meters.devices_known = self._recorder.devices_known
        log.info("warm", devices=self._recorder.devices_known)

    def last_words(self) -> Sequence[Outbound]:
        """The receipts that were still being gathered."""
        return self._receipts.everything()

    def _tell(self, recorded: Recorded) -> None:
        receipts = self._receipts
        receipts.add_stored(recorded.stored)
        for it in recorded.refusals:
            if it.gateway and it.device:
                rejection = Rejection(device=it.device, seq=it.seq, reason=it.reason)
                receipts.add_rejected(it.gateway, rejection)

    def _record(self, heard: list[Heard], refusals: Sequence[Refusal]) -> None:
        """The first part, in one transaction, and tell of it.

        Where the database refuses it, its halves take its place, down to the message at fault:
        each is done for good once it is committed, whatever becomes of the other.
        """
        began = datetime.now(UTC)
        try:
            recorded = self._committed(heard, refusals, began)
        except Exception as fault:
            if _is_away(fault) or not heard:
                raise
            if len(heard) > 1:
                middle = len(heard) // 2
                self._parts[:1] = [(heard[:middle], refusals), (heard[middle:], ())]
                return
            # The text of a database error can hold rows, so only its kind is logged.
            log.error("message parked", fault=type(fault).__name__)  # noqa: TRY400
            self._park(heard[0], refusals)
        else:
            self._count(heard, refusals, recorded, began)
            self._tell(recorded)
        self._parts.pop(0)

    def _committed(
        self, heard: Sequence[Heard], refusals: Sequence[Refusal], now: datetime
    ) -> Recorded:
        overtaken: Exception = Overtaken()
        for tries in range(OVERTAKEN_MAX):
            try:
                with self._database.transaction(SYSTEM, "ingest") as session:
                    keep_refusals(session, refusals)
                    return self._recorder.record(session, heard, now, compare=tries > 0)
            except OVERTAKEN as fault:
                self._recorder.forget()
                overtaken = fault
            except BaseException:
                self._recorder.forget()
                raise
        raise overtaken

    def _count(
        self,
        heard: Sequence[Heard],
        refusals: Sequence[Refusal],
        recorded: Recorded,
        began: datetime,
    ) -> None:
        rejected = Counter(it.reason for it in refusals)
        rejected.update(it.reason for it in recorded.refusals)
        self._meters.transaction(
            [*(it.received for it in refusals), *(it.received for it in heard)],
            began,
            datetime.now(UTC),
            committed=recorded.readings,
            rejected=rejected,
            late=recorded.late,
            duplicates=recorded.duplicates,
        )
        self._meters.devices_known = self._recorder.devices_known

    def _park(self, heard: Heard, refusals: Sequence[Refusal]) -> None:
        """Give up on a message: its digest stays, and its gateway, without a receipt, keeps it."""
        gateway = heard.message.gateway
        parked = Refusal(heard.received, gateway, None, None, FAULT, heard.payload)
        with self._database.transaction(SYSTEM, "ingest") as session:
            keep_refusals(session, [*refusals, parked])
        self._count((), [*refusals, parked], Recorded(), heard.received)


def _parts(messages: Sequence[Inbound], readings_max: int) -> list[Part]:
    """Messages in order, in parts of about so many readings, what cannot be read with the first."""
    heard, refusals = _decoded(messages)
    parts: list[Part] = [([], refusals)] if messages else []
    readings = 0
    for it in heard:
        size = len(it.message.fixes) + len(it.message.events)
        if parts[-1][0] and readings + size > readings_max:
            parts.append(([], []))
            readings = 0
        parts[-1][0].append(it)
        readings += size
    return parts


def _is_away(fault: Exception) -> bool:
    """Whether the database cannot serve us now, whoever asks: then nothing is given up.

    Errors reach us from SQLAlchemy, or bare from the driver under it.
    """
    state = getattr(getattr(fault, "orig", fault), "sqlstate", None)
    return state.startswith(AWAY_STATES) if state else isinstance(fault, AWAY)


def _decoded(messages: Sequence[Inbound]) -> tuple[list[Heard], list[Refusal]]:
    heard: list[Heard] = []
    refusals: list[Refusal] = []
    for it in messages:
        try:
            heard.append(Heard(wire.decode(it.topic, it.payload), it.payload, it.received_at))
        except wire.WireError as error:
            topic = topics.parse(it.topic)
            gateway, device = (topic.gateway, topic.device) if topic else (None, None)
            reason = error.reason.value
            refusals.append(Refusal(it.received_at, gateway, device, None, reason, it.payload))
        except Exception as fault:  # noqa: BLE001 - whatever was sent, the listener lives on
            log.error("message parked", fault=type(fault).__name__)  # noqa: TRY400 - no payload in logs
            refusals.append(Refusal(it.received_at, None, None, None, FAULT, it.payload))
    return heard, refusals


def _collect_rarely() -> None:
    """A batch makes thousands of objects and no cycles: looking for some costs a fifth of all."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)


def run(settings: Settings, stop: threading.Event | None = None, *, leave: bool = False) -> None:
    """Listen until stopped, or until SIGTERM or SIGINT; a batch under way is finished first.

    To `leave` is to give up the place at the broker: store what it kept for us, and return.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    database, traffic = open_keyless(settings), Traffic()
    meters = Meters(traffic)
    figures = metrics.IngestFigures(meters, traffic)
    end_figures = metrics.serve(settings.ingest_metrics_port, settings.metrics_host, figures)
    reporter = Reporter(database, settings.mqtt_client_id, meters, traffic, datetime.now(UTC))
    reporter.start()
    log.info("ingest", broker=settings.mqtt_host, port=settings.mqtt_port)
    ingest = Ingest(database, settings.ingest_batch, meters)
    _collect_rarely()
    try:
        ingest.warm(gateways_of(settings), stop)
        mqtt.listen(
            broker_of(settings),
            ingest.handle,
            stop=stop,
            subscriptions=slice_of(settings),
            traffic=traffic,
            leave=leave,
            last_words=ingest.last_words,
        )
    finally:
        reporter.end()
        end_figures()
        database.close()
