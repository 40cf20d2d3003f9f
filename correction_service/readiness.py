"""Whether the parts that the service stands on are working."""

import socket
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from correction_service.db import Database
from correction_service.settings import Settings
from correction_service.tracking import ingest_minutes
from models.job import JobRun

HEARTBEAT = "schedule"
HEARTBEAT_STALE = timedelta(seconds=60)
BROKER_TIMEOUT_S = 1.0
MISSED = timedelta(days=1)


def check(database: Database, settings: Settings, now: datetime) -> dict[str, bool]:
    """Return what works: database, broker (accepts a connection), schedule, ingest.

    The last two say so themselves, within a minute; an ingester also that it is connected. Of
    several ingesters each must that was heard within a day: the others do not take over its share.
    """
    return {
        "database": _database(database),
        "broker": _broker(settings),
        "schedule": _schedule(database, now),
        "ingest": _ingest(database, now),
    }


def _database(database: Database) -> bool:
    try:
        with database.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _broker(settings: Settings) -> bool:
    try:
        address = (settings.mqtt_host, settings.mqtt_port)
        with socket.create_connection(address, timeout=BROKER_TIMEOUT_S):
            return True
    except OSError:
        return False


def _schedule(database: Database, now: datetime) -> bool:
    try:
        with database.reading() as session:
            query = select(JobRun.finished_at).where(JobRun.name == HEARTBEAT)
            beat = session.scalars(query.order_by(JobRun.finished_at.desc())).first()
    except SQLAlchemyError:
        return False
    return beat is not None and now - beat < HEARTBEAT_STALE


def _ingest(database: Database, now: datetime) -> bool:
    try:
        with database.reading() as session:
            alive = ingest_minutes.alive(session, now)
            lately = ingest_minutes.names(session, now - MISSED)
    except SQLAlchemyError:
        return False
    connected = {it.ingester for it in alive if it.connected}
    return bool(connected) and lately <= {it.ingester for it in alive}
