"""Legal days and lawful hours, of the legal zone; moments go in and out in UTC."""

from datetime import UTC, date, datetime, time, timedelta

from correction_service.settings import Settings
from models.case import LEGAL_ZONE


def local_day(moment: datetime) -> date:
    """Return the legal day that a moment falls on."""
    return moment.astimezone(LEGAL_ZONE).date()


def at(day: date, clock: time) -> datetime:
    """Return the moment when the wall clock shows `clock` on `day`."""
    return datetime.combine(day, clock, tzinfo=LEGAL_ZONE).astimezone(UTC)


def day_start(day: date) -> datetime:
    """Return the first moment of a day."""
    return at(day, time.min)


def day_end(day: date) -> datetime:
    """Return the first moment after a day."""
    return day_start(day + timedelta(days=1))


def last_day(end: datetime) -> date:
    """Return the last legal day of what ends at a moment; at midnight it is the day before."""
    return local_day(end - timedelta(microseconds=1))


def lawful(moment: datetime, settings: Settings) -> tuple[datetime, datetime]:
    """Return when the lawful hours of the moment's day open and close."""
    day = local_day(moment)
    return at(day, settings.lawful_opens), at(day, settings.lawful_closes)
