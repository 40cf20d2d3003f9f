"""The process that does what must happen by the clock; one holder by lock, others stand by."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from correction_service import hours, jobs, locks, metrics, outbox, retention, sealer, telemetry
from correction_service.assessment import levels, months
from correction_service.audit import SYSTEM
from correction_service.casework import checkin_signs, overdue, points, sweep
from correction_service.db import Database
from correction_service.enforcement import past_terms
from correction_service.hardware import errands, service_sessions
from correction_service.incidents import escalations, handovers, silences
from correction_service.messages import delivery
from correction_service.people import photos
from correction_service.presence import attempts, duties
from correction_service.proof import heads, signing
from correction_service.readiness import HEARTBEAT
from correction_service.risk import movements
from correction_service.sealer import Sealer
from correction_service.searches import searches
from correction_service.settings import Settings
from correction_service.storage import packing, partitions
from correction_service.tracking import census, outages, replays
from correction_service.zones import company_watch, what_if_runs
from models.case import LEGAL_ZONE

BEAT_S = 10.0
STANDBY_S = 1.0
TURN = timedelta(seconds=5)
THREADS = 4
Work = Callable[[datetime], object]
log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """Something done by the clock. Later than `grace_s` it waits for its next turn."""

    name: str
    trigger: Any
    grace_s: int
    work: Work
    at_once: bool = False


class Chores:
    """What the jobs do, each in transactions of its own."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._sealer = Sealer()
        self._notes = retention.StandingNotes()
        self._unanswerable = escalations.Unanswerable()
        self._what_ifs = what_if_runs.Runner(database, settings)
        self.figures = metrics.ScheduleFigures()

    def seal(self, now: datetime) -> None:
        """Number the outbox, then seal the log: a broken log does not stop the live pages."""
        with self._database.reading() as session:
            due = self._sealer.due(session, now)
        if due:
            with self._database.transaction(SYSTEM, "seal") as session:
                sealer.number_outbox(session)
            with self._database.transaction(SYSTEM, "seal") as session:
                self._sealer.seal(session, now)

    def deliver(self, now: datetime) -> None:
        """Bring messages to their carriers; what is not proved to arrive, to the call list."""
        delivery.deliver(self._database, self._settings, now)
        delivery.call_out(self._database, self._settings, now)

    def duties(self, now: datetime) -> None:
        """Make the day's duties, ask spot checks whose moment has come, end what is over."""
        for verb in (duties.make, duties.spot, duties.lapse, attempts.expire):
            with self._database.transaction(SYSTEM, "duties") as session:
                verb(session, now, self._settings)

    def incidents(self, now: datetime) -> None:
        """Pass incidents to who is on duty, and higher where nobody answers."""
        passing = (handovers.hand_over, handovers.assign, handovers.ask_again)
        for verb in (*passing, escalations.escalate):
            with self._database.transaction(SYSTEM, "incidents") as session:
                verb(session, now, self._settings)
        with self._database.reading() as session:
            self._unanswerable.say(session, now, self._settings)

    def silences(self, now: datetime) -> None:
        """Tell an outage from the silence of a bracelet, and open incidents for the latter."""
        with self._database.transaction(SYSTEM, "outages") as session:
            outage = outages.watch(session, now, self._settings)
        if outage is not None:
            log.error("outage", cause=outage.cause.value, since=outage.since.isoformat())
        with self._database.transaction(SYSTEM, "silences") as session:
            silences.open_new(session, now, self._settings)

    def company(self, now: datetime) -> None:
        """See who is together though an order keeps them apart."""
        with self._database.transaction(SYSTEM, "company") as session:
            company_watch.watch(session, now)

    def leaves(self, now: datetime) -> None:
        """See to leaves that begin, and to those whose end is past."""
        with self._database.transaction(SYSTEM, "leaves") as session:
            overdue.watch(session, now)

    def services(self, now: datetime) -> None:
        """End service sessions of bracelets whose time is over."""
        with self._database.transaction(SYSTEM, "services") as session:
            service_sessions.expire(session, now)

    def count(self, now: datetime) -> None:
        """Count the bracelets and what waits to be sealed, for who watches the figures."""
        with self._database.reading() as session:
            counted = census.count(session, now, self._settings)
            waited_s = census.unsealed_s(session, now)
            self.figures.take(counted, waited_s, outages.current(session))

    def replays(self, now: datetime) -> None:
        """Fold late fixes into the past that they belong to."""
        replays.run(self._database, now)

    def what_ifs(self, now: datetime) -> None:
        """Try rules that somebody asked for on stored positions, for some seconds at a time."""
        began = now
        while self._what_ifs.turn(now) and now - began < TURN:
            now = datetime.now(UTC)

    def errands(self, now: datetime) -> None:
        """Give up on commands that no bracelet answered in time."""
        with self._database.transaction(SYSTEM, "errands") as session:
            errands.expire(session, now)

    def sweep(self, now: datetime) -> None:
        """Sweep the present day."""
        day = hours.local_day(now)
        result = sweep.run(self._database, day, now, self._settings)
        log.info("sweep", **result.as_json())
        self.searches(now)

    def searches(self, now: datetime) -> None:
        """Draft the search for whoever is out of reach: lost contact opens one at once (LCC 30)."""
        with self._database.transaction(SYSTEM, "searches") as session:
            searches.draft(session, now)

    def months(self, now: datetime) -> None:
        """Close last month once its day has come, correct closed ones, suggest levels."""
        today = hours.local_day(now)
        first = months.month_before(today)
        with self._database.reading() as session:
            due = months.closes_on(session, first) <= today
        if due:
            log.info("points_close", **months.run(self._database, first, now).as_json())
            if levels.ends_quarter(first):
                levels.suggest(self._database, levels.quarter_of(first), now)
        for closed in months.correct(self._database, now):
            log.info("points_corrected", **closed.as_json())

    def movements(self, now: datetime) -> None:
        """Write yesterday's movement, before the morning's sweep weighs it."""
        day = hours.local_day(now) - timedelta(days=1)
        log.info("movements", day=day.isoformat(), people=movements.run(self._database, day))

    def evidence(self, now: datetime) -> None:
        """Bring what yesterday's check-ins show beside the face before an officer."""
        log.info("evidence", people=checkin_signs.run(self._database, now))

    def retain(self, now: datetime) -> None:
        """Delete photos, outbox rows and notes for ingest whose time has ended."""
        with self._database.transaction(SYSTEM, "retention") as session:
            photos.expire(session, self._settings, now)
            outbox.forget(session, now)
            self._notes.forget(session, now)

    def make_partitions(self, now: datetime) -> None:
        """See that the next days' fixes have their partitions."""
        if not partitions.patiently(self._database, partial(partitions.make_ahead, now=now)):
            log.warning("partition_busy", day=now.date().isoformat())

    def pack(self, now: datetime) -> None:
        """Pack the days that are over."""
        packed = packing.run(self._database, self._settings, now)
        if packed.editions or packed.left:
            counts = {"fixes": packed.fixes, "bytes": packed.packed_bytes}
            log.info("packed", editions=packed.editions, left=len(packed.left), **counts)

    def expire(self, now: datetime) -> None:
        """Remove telemetry whose time is over."""
        log.info("expired", rows=retention.run(self._database, self._settings, now))
        log.info("past_terms", wearings=past_terms.run(self._database, self._settings, now))

    def witness(self, now: datetime) -> None:
        """Give the witness the log's signed head, where there is one."""
        folder = self._settings.witness_dir
        if folder is None:
            return
        with self._database.reading() as session:
            path = heads.export(session, signing.load(self._settings), folder)
        if path is not None:
            log.info("head_given", head=path.name, at=now.isoformat())

    def rulebook(self) -> None:
        """See that there is a rulebook at all."""
        with self._database.transaction(SYSTEM, "schedule") as session:
            points.install_default(session)


def timetable(chores: Chores) -> list[Job]:
    """Return every job with its times, which are local."""
    cron = partial(CronTrigger, timezone=LEGAL_ZONE)
    return [
        Job("seal", IntervalTrigger(seconds=1), 30, chores.seal),
        Job("deliver", IntervalTrigger(seconds=2), 30, chores.deliver),
        Job("duties", IntervalTrigger(minutes=1), 60, chores.duties, at_once=True),
        Job("incidents", IntervalTrigger(seconds=15), 30, chores.incidents, at_once=True),
        Job("silences", IntervalTrigger(minutes=1), 60, chores.silences, at_once=True),
        Job("company", IntervalTrigger(minutes=1), 60, chores.company),
        Job("leaves", IntervalTrigger(minutes=1), 60, chores.leaves, at_once=True),
        Job("services", IntervalTrigger(seconds=10), 30, chores.services, at_once=True),
        Job("count", IntervalTrigger(minutes=1), 60, chores.count, at_once=True),
        Job("replays", IntervalTrigger(minutes=1), 60, chores.replays),
        Job("what_ifs", IntervalTrigger(seconds=2), 30, chores.what_ifs),
        Job("errands", IntervalTrigger(minutes=1), 60, chores.errands, at_once=True),
        Job("evidence", cron(minute=35), 1800, chores.evidence),
        Job("movements", cron(hour=4, minute=30), 3600, chores.movements),
        Job("searches", IntervalTrigger(minutes=1), 60, chores.searches, at_once=True),
        Job("sweep", cron(hour=5, minute=30), 3600, chores.sweep),
        Job("sweep_by_day", cron(hour="6-21", minute="*/10"), 300, chores.sweep, at_once=True),
        Job("months", cron(hour=2, minute=10), 3600 * 6, chores.months),
        Job("partitions", IntervalTrigger(hours=6), 3600, chores.make_partitions, at_once=True),
        Job("pack", cron(minute=20), 1800, chores.pack, at_once=True),
        Job("expire", cron(hour=3, minute=40), 3600, chores.expire, at_once=True),
        Job("witness", cron(minute=50), 1800, chores.witness),
        Job("retain", IntervalTrigger(hours=1), 600, chores.retain, at_once=True),
    ]


def perform(job: Job) -> None:
    """Do a job's work now; what fails is logged by its kind and place, without values."""
    try:
        job.work(datetime.now(UTC))
    except Exception as error:  # noqa: BLE001 - the other jobs go on, and this one's next turn
        kind, place = type(error).__name__, telemetry.place(error)
        log.error("job_failed", job=job.name, error=kind, place=place)  # noqa: TRY400 - no values


def _scheduler(timetable: list[Job]) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        timezone=LEGAL_ZONE, executors={"default": ThreadPoolExecutor(THREADS)}
    )
    for job in timetable:
        first = {"next_run_time": datetime.now(UTC)} if job.at_once else {}
        scheduler.add_job(
            perform,
            job.trigger,
            args=[job],
            id=job.name,
            misfire_grace_time=job.grace_s,
            coalesce=True,
            max_instances=1,
            **first,
        )
    return scheduler


def run(database: Database, settings: Settings, stop: threading.Event) -> None:
    """Wait for the lock, work while it is held, stand by again when it is lost; until `stop`."""
    lock = locks.schedule_lock(database, settings)
    while not stop.is_set():
        if not lock.take():
            stop.wait(STANDBY_S)
            continue
        try:
            _hold(database, settings, lock, stop)
        finally:
            lock.release()


def _hold(database: Database, settings: Settings, lock: locks.Lock, stop: threading.Event) -> None:
    started = datetime.now(UTC)
    chores = Chores(database, settings)
    chores.rulebook()
    port, host = settings.schedule_metrics_port, settings.metrics_host
    end_figures = metrics.serve(port, host, chores.figures)
    scheduler = _scheduler(timetable(chores))
    scheduler.start()
    log.info("schedule_started")
    try:
        while lock.held():
            _beat(database, started)
            if stop.wait(BEAT_S):
                return
        log.error("schedule_lock_lost")
    finally:
        scheduler.shutdown(wait=True)
        end_figures()
        log.info("schedule_ended")


def _beat(database: Database, started: datetime) -> None:
    holder = f"{socket.gethostname()}:{os.getpid()}"
    try:
        with database.transaction(SYSTEM, "schedule") as session:
            jobs.beat(session, HEARTBEAT, holder, started, datetime.now(UTC))
    except SQLAlchemyError as error:
        log.warning("no_heartbeat", error=type(error).__name__)


def main(database: Database, settings: Settings) -> None:
    """Run until SIGTERM or Ctrl-C, and let the work in hand end.

    `ValueError` at the start for a carrier without its secret, before a message depends on it.
    """
    delivery.check(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(database, settings, stop)
