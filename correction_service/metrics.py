"""Figures for Prometheus of processes that serve no pages: on a port of their own."""

from collections.abc import Callable, Iterable
from dataclasses import fields

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from correction_service.tracking.census import Census
from correction_service.tracking.meters import Meters, Spread, Tally
from devices.mqtt import Traffic
from models.telemetry import Outage

COUNTERS = {
    "messages": "Messages dealt with",
    "committed": "Fixes and events stored, duplicates too",
    "duplicates": "Of them, stored before",
    "late": "Fixes older than their device's newest",
    "batches": "Transactions",
}
SPREADS = {  # its name, which of its edges are given, what it is
    "lag": ("lag_seconds", 4, "From arrival to commit, a message"),
    "commit": ("commit_seconds", 4, "Length of a transaction"),
    "batch": ("batch_readings", 1, "Readings in a transaction"),
}
ALARMING = {"fault": 0}  # given before the first one, which no rule would see as an increase else
COUNTED = {
    "devices": "Bracelets in the register",
    "devices_heard": "Bracelets heard in five minutes",
    "devices_silent": "Bracelets worn under an order and silent",
    "audit_unsealed_seconds": "Age of the oldest record of the log that waits for its seal",
    "outage": "1 while nothing of any bracelet arrives",
}
GAUGES = frozenset({"connected", "waiting"})  # what of a listener's traffic can fall


def serve(port: int | None, host: str, *collectors: Collector) -> Callable[[], None]:
    """Serve figures on a port until the returned function is called; None serves nothing.

    `ValueError` when the port cannot be had.
    """
    if port is None:
        return lambda: None
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        msg = f"figures cannot be served on {host}:{port}: {error.strerror}; set another port"
        raise ValueError(msg) from error

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end


class IngestFigures(Collector):
    """What one ingester counted, and what its connection to the broker did."""

    def __init__(self, meters: Meters, traffic: Traffic) -> None:
        self._meters, self._traffic = meters, traffic

    def collect(self) -> Iterable[Metric]:
        """Give every figure as it stands."""
        tally = self._meters.read()
        for name, words in COUNTERS.items():
            yield CounterMetricFamily(f"correction_ingest_{name}", words, getattr(tally, name))
        rejected = CounterMetricFamily(
            "correction_ingest_rejected", "Messages and readings refused", labels=["reason"]
        )
        for reason, count in (ALARMING | tally.rejected).items():
            rejected.add_metric([reason], count)
        yield rejected
        for name, (called, each, words) in SPREADS.items():
            yield _histogram(f"correction_ingest_{called}", words, getattr(tally, name), each)
        yield from self._gauges(tally)

    def _gauges(self, tally: Tally) -> Iterable[Metric]:
        at = tally.committed_at.timestamp() if tally.committed_at else 0.0
        name, known = "correction_ingest_last_commit_timestamp_seconds", self._meters.devices_known
        yield GaugeMetricFamily(name, "When a reading was stored last; 0 when none was", at)
        yield GaugeMetricFamily("correction_ingest_devices_known", "Devices in memory", known)
        for field in fields(self._traffic):
            kind = GaugeMetricFamily if field.name in GAUGES else CounterMetricFamily
            value = float(getattr(self._traffic, field.name))
            words = f"{field.name.replace('_', ' ').capitalize()}, as the listener counts"
            yield kind(f"correction_mqtt_{field.name}", words, value)


def _histogram(name: str, words: str, spread: Spread, each: int) -> HistogramMetricFamily:
    reached = spread.counts.cumsum()
    marks = range(0, len(spread.edges), each)
    buckets = [(f"{spread.edges[mark]:.4g}", float(reached[mark])) for mark in marks]
    buckets.append(("+Inf", float(reached[-1])))
    return HistogramMetricFamily(name, words, buckets=buckets, sum_value=spread.total)


class ScheduleFigures(Collector):
    """What the schedule counted in the database last; nothing before it did."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}

    def take(self, counted: Census, unsealed_s: float, outage: Outage | None) -> None:
        """Keep what was counted."""
        self._values = {
            "devices": counted.registered,
            "devices_heard": counted.heard,
            "devices_silent": counted.silent,
            "audit_unsealed_seconds": unsealed_s,
            "outage": outage is not None,
        }

    def collect(self) -> Iterable[Metric]:
        """Give every figure as it was counted."""
        for name, words in COUNTED.items():
            if name in self._values:
                yield GaugeMetricFamily(f"correction_{name}", words, self._values[name])
