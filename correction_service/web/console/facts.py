"""The figures beside a sentence: of an incident, a draft, a comparison; each with what it means."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_babel import format_datetime, get_locale, gettext
from flask_babel import lazy_gettext as _l

from correction_service.web.console import sentences, words
from models.checkin import CheckIn
from models.incident import Incident, IncidentKind
from models.points import PointsDraft

K = IncidentKind
MATTERS = {
    K.LEFT_HOME_AREA: _l("Leaving the city or county needs approval before it begins."),
    K.ENTERED_EXCLUSION: _l("The order forbids this place; somebody there may need protection."),
    K.OUT_IN_CURFEW: _l("At this hour the person is to be at this address."),
    K.STRAP_OPENED: _l("An open strap may come off; positions then say nothing of the person."),
    K.CASE_OPENED: _l("An opened case may mean that somebody works on the bracelet."),
    K.SEPARATED: _l("The bracelet does not feel the wrist; positions may not be the person's."),
    K.JAMMED: _l("While radio is disturbed nothing is known of where the person is."),
    K.DEVICE_SILENT: _l("Nothing is heard: that is neither a breach nor a sign that all is well."),
    K.POWER_OFF: _l("While it is off nothing is known of where the person is."),
    K.SOS: _l("The person asks for help now."),
    K.IMPOSSIBLE_SPEED: _l("Nobody travels so fast: the positions may not be the person's."),
    K.IMPLAUSIBLE_ACCURACY: _l("What claims to be exact jumps to and fro: it proves nothing."),
    K.AWAY_FROM_PLACE: _l("In these hours the person is to be here; the bracelet is elsewhere."),
    K.AWAY_FROM_DESTINATION: _l("The leave was approved for another place: ask, it may be right."),
    K.CONTACT: _l("An order keeps these people apart; it is no evidence of what they did."),
    K.GATHERING: _l("An order keeps these people apart; it is no evidence of what they did."),
    K.LEAVE_OVERDUE: _l("The leave is over: a return is reported by its end, a delay at once."),
}
QUALITY = {
    "register": _l("from the register"),
    "service_clock": _l("by this service's clock"),
    "delivery_report": _l("by the carrier's report"),
    "machine": _l("judged by the machine"),
    "last_receipt": _l("by the last receipt"),
    "never_heard": _l("never heard since it was fitted"),
    "last_will": _l("by the gateway's own word"),
    "officer": _l("by an officer's word"),
    "device_word": _l("by the bracelet's own word"),
    "positions": _l("by positions"),
    "day_of_positions": _l("by a whole day's positions"),
}
EVIDENCE = {
    "opens_at": _l("asked from"),
    "closes_at": _l("until"),
    "missed_after": _l("missed after"),
    "answered_at": _l("answered"),
    "delivered_at": _l("request delivered"),
    "last_check_in": _l("latest check-in that counted"),
    "seen_from": _l("seen from"),
    "captured_at": _l("captured"),
    "found_at": _l("found by an officer"),
    "held_at": _l("it was held"),
    "served_at": _l("served"),
}


def matters(kind: IncidentKind) -> str:
    """Say why such an incident matters."""
    return str(MATTERS[kind])


def of_incident(incident: Incident) -> Iterator[tuple[str, str]]:
    """Yield (label, figure) of what was measured, with its quality."""
    facts = incident.facts
    if "beyond_m" in facts:
        yield gettext("Beyond the border"), sentences.distance(facts["beyond_m"])
    if facts.get("fix_at"):
        yield gettext("Newest position"), sentences.clock(facts["fix_at"])
        yield gettext("Found by"), str(words.SOURCES.get(facts["source"], facts["source"]))
        yield gettext("Its claimed accuracy"), sentences.distance(facts.get("accuracy_m"))
    if facts.get("error_m"):
        least, most = facts["error_m"]
        yield gettext("Error allowed for"), f"{least}–{most} m"
    if facts.get("battery") is not None:
        yield gettext("Battery"), _battery(facts["battery"])
    if facts.get("gateway"):
        yield gettext("Gateway"), str(sentences.CODES.get(facts["gateway"], facts["gateway"]))
    if facts.get("told_by"):
        yield gettext("Told by"), _told_by(facts["told_by"])
    yield from _of_class(facts)
    if facts.get("service"):
        yield gettext("Service session"), f"{facts['service']}"


def _of_class(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the figures that only an outage, a separation, a meeting, a speed or a claim has."""
    if "offline_s" in facts:
        yield gettext("Without a position for"), _lasting(facts["offline_s"])
        yield gettext("Could have come, at 60 km/h"), sentences.distance(facts["reach_m"])
        yield gettext("To the border of the home area"), sentences.distance(facts["boundary_m"])
    if "unworn_s" in facts:
        yield gettext("Off the wrist for"), _lasting(facts["unworn_s"])
    if "speed_kmh" in facts:
        yield gettext("Speed, errors allowed for"), f"{facts['speed_kmh']} km/h"
        yield gettext("Way between two positions"), sentences.distance(facts["apart_m"])
        yield gettext("Time between them"), _lasting(facts["within_s"])
    if "near_m" in facts:
        yield gettext("Between their positions, at most"), sentences.distance(facts["near_m"])
        yield gettext("Error of both together"), sentences.distance(facts["near_error_m"])
        yield gettext("Seen near each other for"), _lasting(facts["together_s"])
        if facts["neighbours"]:
            yield gettext("Where they live or work"), gettext("within 300 m of each other")
    if "claimed_m" in facts:
        yield gettext("Its claimed accuracy"), sentences.distance(facts["claimed_m"])
        yield gettext("Jumps to and fro by"), sentences.distance(facts["jump_m"])


def _lasting(seconds: int) -> str:
    return sentences.lasting(timedelta(seconds=seconds))


def _battery(share: object) -> str:
    return sentences.percent(share if isinstance(share, float | int) else None)


def _told_by(how: str) -> str:
    said = {
        "event": gettext("the bracelet's own report"),
        "fix": gettext("a position's flag"),
        "late_fix": gettext("the flag of a position that came late"),
        "service_ended": gettext("the end of a service session: the strap is open still"),
    }
    return str(said.get(how, how))


def likeness(checkin: CheckIn) -> str:
    """Say a score in words: how near it is to what a match needs."""
    score, needed = checkin.score or 0.0, checkin.threshold or 1.0
    if score >= needed:
        return str(gettext("The faces agree as much as a match needs."))
    if score >= needed / 2:
        return str(gettext("The faces agree in part: not enough for a match."))
    return str(gettext("The faces hardly agree."))


def quality(code: str) -> str:
    """Say how good the data of a flag's reason are."""
    return str(QUALITY.get(code, code))


def evidence(draft: PointsDraft) -> list[str]:
    """Say what a draft rests on, line by line."""
    return [
        f"{label}: {sentences.clock(draft.evidence[name])}"
        for name, label in EVIDENCE.items()
        if draft.evidence.get(name)
    ]


def weekdays(digits: str) -> str:
    """Say ISO weekday digits in words."""
    if digits == "1234567":
        return str(gettext("every day"))
    names = get_locale().days["format"]["abbreviated"]
    return " ".join(names[int(digit) - 1] for digit in digits)


def local(at: datetime) -> str:
    """Write a moment as the value of a datetime-local input."""
    return str(format_datetime(at, "yyyy-MM-dd'T'HH:mm"))
