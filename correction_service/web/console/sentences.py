"""What was seen, in one sentence: figures with units, the quality of the data, no verdict."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import format_date, format_datetime, format_decimal, gettext, ngettext
from flask_babel import lazy_gettext as _l

from correction_service import hours
from correction_service.web.console import words
from models.checkin import Outcome
from models.incident import Incident, IncidentState, Passing
from models.order import PositioningOrder
from models.risk import INNOCENT, SENTENCES, RiskFlag
from models.service import ServiceKind

KILOMETRE = 1000
TENS = 100
MINUTE = 60
CODES = {
    "unknown": _l("unknown"),
    "online": _l("online"),
    "offline": _l("offline"),
    "page": _l("phone page"),
    "sms": _l("SMS"),
    "webhook": _l("another carrier"),
    "call": _l("call by an officer"),
}
STEPS = {
    IncidentState.OPEN.value: _l("opened again"),
    IncidentState.ACKNOWLEDGED.value: _l("acknowledged"),
    IncidentState.ACTING.value: _l("being dealt with"),
    IncidentState.CLOSED.value: _l("closed"),
    Passing.ASSIGNED.value: _l("given to the officer on duty"),
    Passing.HANDED_OVER.value: _l("handed over at the end of a shift"),
    Passing.REASSIGNED.value: _l("given to another officer"),
    Passing.TO_COVER.value: _l("not answered: to the covering officer"),
    Passing.TO_HEAD.value: _l("not answered: to the head"),
    Passing.RAISED.value: _l("became more urgent"),
}
DEVICE_SAYS = {
    "strap_open": _l("strap opened"),
    "strap_closed": _l("strap closed"),
    "case_open": _l("case opened"),
    "battery_low": _l("battery low"),
    "charging": _l("charging"),
    "power_off": _l("switched off"),
    "separated": _l("away from the wrist"),
    "reunited": _l("back on the wrist"),
    "jamming": _l("radio disturbed"),
    "sos": _l("help button pressed"),
}
ENDINGS = {
    "late_fixes": _l("positions that came late show that it was not so"),
    "back": _l("it is over: back on the right side"),
    "not_in_force": _l("it is over: the zone no longer asked anything"),
    "heard": _l("it is over: heard again"),
    "strap_closed": _l("it is over: the strap was closed"),
    "reunited": _l("it is over: back on the wrist"),
    "charging": _l("it is over: charging"),
    "plausible": _l("it is over: plausible again"),
    "signed_off": _l("it is over: signed off as back"),
    "extended": _l("it is over: the leave was extended"),
    "apart": _l("it is over: apart again"),
    "no_evidence": _l("it is over as far as is known: nothing was seen for half an hour"),
    "grew": _l("it goes on with more people, as another incident"),
}


def distance(metres: float | None) -> str:
    """Say a distance in metres or kilometres; unknown is said."""
    if metres is None:
        return str(gettext("unknown"))
    if metres < KILOMETRE:
        return f"{format_decimal(round(metres))} m"
    return f"{format_decimal(metres / KILOMETRE, format='#,##0.0')} km"


def lasting(time: timedelta) -> str:
    """Say how long something took, in seconds or whole minutes."""
    seconds = max(1, round(time.total_seconds()))
    if seconds < MINUTE:
        return f"{seconds} s"
    return str(ngettext("%(num)d minute", "%(num)d minutes", seconds // MINUTE))


def percent(share: float | None) -> str:
    """Say a share of one in per cent; unknown is said."""
    return str(gettext("unknown")) if share is None else f"{share * 100:.0f} %"


def figure(number: float | None) -> str:
    """Say a figure with its thousands apart, exact to about a hundredth; unknown is said."""
    if number is None:
        return str(gettext("unknown"))
    places = 0 if number >= TENS or number == int(number) else 1 if number >= 1 else 2
    return str(format_decimal(round(number, places)))


def most(numbers: Iterable[float | None]) -> float | None:
    """Return the greatest of those that are known."""
    return max((number for number in numbers if number is not None), default=None)


def signed(points: int) -> str:
    """Say points with their sign: a minus, not a hyphen."""
    return f"+{points}" if points > 0 else str(points).replace("-", "\N{MINUS SIGN}")


def clock(at: datetime | str | None) -> str:
    """Say a moment shortly: day, hour and minute in the service's zone."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return str(gettext("unknown")) if at is None else str(format_datetime(at, "MM-dd HH:mm"))


def day(at: datetime) -> str:
    """Say the day of a moment, with its weekday, in the service's zone."""
    return str(format_datetime(at, "yyyy-MM-dd EEE"))


def until(order: PositioningOrder) -> str:
    """Say when an order ends: the moment of its lifting, else the end of its last day."""
    return clock(order.lifted_at) if order.lifted_at is not None else day_end(order.ends_at)


def day_end(at: datetime) -> str:
    """Say a moment that ends a day by that day, not by the midnight after it."""
    last = format_date(hours.last_day(at), "MM-dd")
    return str(gettext("the end of %(day)s", day=last))


def weekday(on: date) -> str:
    """Say a day with its weekday."""
    return str(format_date(on, "MM-dd EEE"))


def hour(at: datetime) -> str:
    """Say the hour and minute of a moment, in the service's zone."""
    return str(format_datetime(at, "HH:mm"))


def seen(incident: Incident) -> str:
    """Say what an incident saw: the place, how far, on how many fixes from what."""
    facts, parts = incident.facts, [words.word(incident.kind)]
    if incident.zone is not None:
        parts.append(incident.zone.name)
    if facts.get("beyond_m"):
        beyond = gettext("%(distance)s beyond the border", distance=distance(facts["beyond_m"]))
        parts.append(beyond)
    elif facts.get("cases"):
        people = len(facts["cases"])
        parts.append(ngettext("%(num)d person together", "%(num)d people together", people))
        parts.append(lasting(timedelta(seconds=facts["together_s"])))
    elif facts.get("where") == "unknown":
        parts.append(gettext("nobody knows whether the person is back: no breach is seen"))
    parts += _quality(facts)
    if facts.get("ended_by") and incident.ended_at is not None:
        parts.append(ending(facts["ended_by"]))
    return " · ".join(parts)


def ending(how: str) -> str:
    """Say why what was seen stopped."""
    return str(ENDINGS.get(how, how))


def stepped(action: str) -> str:
    """Say a step of an incident."""
    return str(STEPS.get(action, action))


def device_said(event: str) -> str:
    """Say what a bracelet reported."""
    return str(DEVICE_SAYS.get(event, event))


def _quality(facts: Mapping[str, Any]) -> list[str]:
    said = [gettext("not sure yet, told early")] if facts.get("approach") else []
    if facts.get("fixes"):
        said.append(ngettext("%(num)d position agrees", "%(num)d positions agree", facts["fixes"]))
    if facts.get("sources"):
        said.append(
            ", ".join(f"{words.SOURCES[name]} ×{count}" for name, count in facts["sources"].items())
        )
    times = facts.get("times", 1)
    if times > 1:
        said.append(ngettext("seen %(num)d time", "seen %(num)d times", times))
    if facts.get("late"):
        said.append(gettext("known only from positions that came late"))
    if facts.get("service_kind"):
        kind = words.word(ServiceKind(facts["service_kind"]))
        said.append(gettext("within a service session: %(kind)s", kind=kind))
    if facts.get("clock_bad"):
        said.append(gettext("the bracelet's clock is wrong: time of receipt"))
    return said


def flagged(flag: RiskFlag) -> str:
    """Say the first reason of a flag, with its moment where no clock runs beside it."""
    if not flag.reasons:
        return words.word(flag.kind)
    first = flag.reasons[0]
    when = f" · {clock(first['at'])}" if flag.due is None and first.get("at") else ""
    return reason(first) + when


def reason(found: Mapping[str, Any]) -> str:
    """Say one reason of a flag with its figures."""
    sentence = str(gettext(SENTENCES.get(found["fact"], found["fact"])))
    facts = {key: _said(key, value) for key, value in found.get("facts", {}).items()}
    return sentence % facts if facts else sentence


def _said(key: str, value: object) -> str:
    if key == "battery" and isinstance(value, float | int):
        return percent(value)
    if key == "outcome":
        return words.word(Outcome(str(value)))
    return str(CODES.get(str(value), value))


def innocent(key: str) -> str:
    """Say an innocent explanation: a key of the sweep's, or a sentence of an incident's."""
    return str(gettext(INNOCENT.get(key, key)))
