"""Legal days and lawful hours, in the zone of the settings; moments go in and out in UTC."""

from datetime import UTC, date, datetime, time, timedelta

from correction_service.settings import Settings


def local_day(moment: datetime, settings: Settings) -> date:
    """Return the legal day that a moment falls on."""
    return moment.astimezone(settings.zone).date()


def at(day: date, clock: time, settings: Settings) -> datetime:
    """Return the moment when the wall clock shows `clock` on `day`."""
    return datetime.combine(day, clock, tzinfo=settings.zone).astimezone(UTC)


def day_start(day: date, settings: Settings) -> datetime:
    """Return the first moment of a day."""
    return at(day, time.min, settings)


def day_end(day: date, settings: Settings) -> datetime:
    """Return the first moment after a day."""
    return day_start(day + timedelta(days=1), settings)


def lawful(moment: datetime, settings: Settings) -> tuple[datetime, datetime]:
    """Return when the lawful hours of the moment's day open and close."""
    day = local_day(moment, settings)
    return at(day, settings.lawful_opens, settings), at(day, settings.lawful_closes, settings)
