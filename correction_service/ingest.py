"""The process that listens to gateways: decode, record in one transaction, receipt after commit."""

import gc
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from correction_service import metrics
from correction_service.audit import SYSTEM
from correction_service.db import Database, open_keyless
from correction_service.device_states import Overtaken
from correction_service.fix_store import Refusal, keep_refusals
from correction_service.fixes import Recorded, Recorder
from correction_service.gate import Heard
from correction_service.meters import Meters
from correction_service.reporter import Reporter
from correction_service.settings import Settings
from devices import mqtt, topics, wire
from devices.link import MqttSettings, Outbound
from devices.messages import Rejection
from devices.mqtt import Inbound, Outcome, Traffic
from devices.receipts import Receipts

SQLITE_PAUSE_S = 0.02  # between commits, else other writers wait a second for their turn
DATABASE_AWAY = (OperationalError, InterfaceError)
FAULT = "fault"

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


def slice_of(settings: Settings) -> tuple[str, ...]:
    """What this ingester subscribes to."""
    gateways = settings.ingest_gateways.split(",") if settings.ingest_gateways else ()
    return topics.uplink(gateways, settings.ingest_share)


class Ingest:
    """Handles batches of messages; raises only while the database is away."""

    def __init__(
        self, database: Database, readings_max: int = 2000, meters: Meters | None = None
    ) -> None:
        self._database = database
        self._meters = meters or Meters()
        self._recorder = Recorder()
        self._receipts = Receipts()
        self._readings_max = readings_max
        self._pause_s = SQLITE_PAUSE_S if database.engine.dialect.name == "sqlite" else 0.0

    def handle(self, messages: Sequence[Inbound]) -> Outcome:
        """Record a batch; the replies are the receipts that are due to gateways by now."""
        if messages:
            heard, refusals = _decoded(messages)
            for part in _parts(heard, self._readings_max):
                for recorded in self._record(part, refusals):
                    self._tell(recorded)
                refusals = []
                time.sleep(self._pause_s)
        return Outcome(self._receipts.due(datetime.now(UTC)))

    def last_words(self) -> Sequence[Outbound]:
        """The receipts that were still being gathered."""
        return self._receipts.everything()

    def _tell(self, recorded: Recorded) -> None:
        receipts = self._receipts
        for heard, reading in recorded.stored:
            receipts.add_committed(heard.message.gateway, reading.device, reading.seq)
        for it in recorded.refusals:
            if it.gateway and it.device:
                rejection = Rejection(device=it.device, seq=it.seq, reason=it.reason)
                receipts.add_rejected(it.gateway, rejection)

    def _record(self, heard: Sequence[Heard], refusals: Sequence[Refusal]) -> list[Recorded]:
        """One transaction; where the database refuses it, halves, down to the message at fault."""
        began = datetime.now(UTC)
        try:
            with self._database.transaction(SYSTEM, "ingest") as session:
                keep_refusals(session, refusals)
                recorded = self._recorder.record(session, heard, began)
        except DATABASE_AWAY as fault:
            if fault.connection_invalidated:
                self._recorder.clear()
            self._recorder.forget()
            raise
        except Overtaken:
            self._recorder.forget()
            return self._record(heard, refusals)
        except Exception as fault:
            self._recorder.forget()
            if len(heard) > 1:
                middle = len(heard) // 2
                first = self._record(heard[:middle], refusals)
                return [*first, *self._record(heard[middle:], ())]
            if not heard:
                raise
            # The text of a database error can hold rows, so only its kind is logged.
            log.error("message parked", fault=type(fault).__name__)  # noqa: TRY400
            return [self._park(heard[0], refusals)]
        self._count(heard, refusals, recorded, began)
        return [recorded]

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
            committed=len(recorded.stored),
            rejected=rejected,
            late=recorded.late,
        )
        self._meters.devices_known = self._recorder.devices_known

    def _park(self, heard: Heard, refusals: Sequence[Refusal]) -> Recorded:
        """Give up on a message: its digest stays, and its gateway, without a receipt, keeps it."""
        gateway = heard.message.gateway
        parked = Refusal(heard.received, gateway, None, None, FAULT, heard.payload)
        with self._database.transaction(SYSTEM, "ingest") as session:
            keep_refusals(session, [*refusals, parked])
        self._count((), [*refusals, parked], Recorded(), heard.received)
        return Recorded()


def _parts(heard: Sequence[Heard], readings_max: int) -> list[list[Heard]]:
    """Messages in order, in parts of about so many readings; at least one part, if empty."""
    parts: list[list[Heard]] = [[]]
    readings = 0
    for it in heard:
        size = len(it.message.fixes) + len(it.message.events)
        if parts[-1] and readings + size > readings_max:
            parts.append([])
            readings = 0
        parts[-1].append(it)
        readings += size
    return parts


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
