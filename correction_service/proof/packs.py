"""A pack of evidence about one incident: what was seen, on what, under which rule, and the proofs.

It names the case by its number and nobody by name. Fixes are decoded beside the packed days they
come from, whose digests are leaves of the log; events keep the bytes that the bracelet sent.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import viewed
from correction_service.proof import clocks, heads, signing, verifier
from correction_service.storage import history
from correction_service.zones import zone_rules
from models import area
from models.audit import AuditLeaf, AuditRecord
from models.device import Binding, Device
from models.errors import NotFound
from models.fix import DeviceEvent, PackedDay
from models.grid import STEPS, micros
from models.incident import Incident
from models.incident_kinds import MEANINGS
from models.packing import Columns
from models.rules import figures_of
from models.zone import Zone

FORMAT = "correction-evidence@1"
AROUND = timedelta(hours=1)  # what was before and after belongs to what was seen
README = """\
Evidence about one incident. `python verify.py PACK.zip --key PUBLIC_KEY` checks it, with nothing
but Python 3.11 or later. Times are UTC, coordinates WGS-84. The files: incident.json what was seen
and who did what; zone.json and rules.json by what it was judged; fixes.csv the positions, where
`packed` names the day in days/ that each was decoded from, "no" where it was not packed yet or its
day goes on past the end of the term, which nobody is given;
events.json what the bracelet said, in its own bytes; clocks.json how its clock stood; records.json
the log's records with their way to head.json; manifest.json SHA-256 and SM3 of all these, signed.
"""


@dataclass(frozen=True)
class Span:
    """A bracelet and from when to when it speaks of this incident."""

    device: Device
    since: datetime
    until: datetime


def export(
    session: Session, incident_id: int, key: Ed25519PrivateKey, now: datetime, path: Path
) -> None:
    """Write the pack of an incident; the look is in the log. Seal first: unsealed is left out.

    `NotFound` without such an incident, `Refused` where nothing is sealed.
    """
    incident = session.get(Incident, incident_id)
    if incident is None:
        raise NotFound("There is no such incident.", field="incident")
    viewed(session, "export_evidence", "incident", incident.id)
    head = heads.newest(session, key)
    files = _contents(session, incident, head)
    manifest = _json(
        {
            "format": FORMAT,
            "incident": incident.id,
            "made_at": now.isoformat(),
            "files": {name: _digests(data) for name, data in sorted(files.items())},
        }
    )
    signature = {"key": signing.public(key), "signature": key.sign(manifest).hex()}
    files |= {verifier.MANIFEST: manifest, verifier.SIGNATURE: _json(signature)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, data in files.items():
            pack.writestr(name, data)


def _contents(session: Session, incident: Incident, head: heads.Head) -> dict[str, bytes]:
    since, until = incident.since - AROUND, (incident.ended_at or incident.last_seen_at) + AROUND
    span = _span(session, incident, since, until)
    files = {
        "README.txt": README.encode(),
        "verify.py": resources.files(__package__).joinpath("verifier.py").read_bytes(),
        "incident.json": _json(_incident(incident)),
        "zone.json": _json(_zone(incident.zone)),
        "rules.json": _json(_rules(session, incident, since, until)),
        verifier.HEAD: _json(head),
    }
    days = _packed_days(session, span, hours.day_end(incident.case.term_end)) if span else []
    subjects = {_subject(day): day for day in days}
    records = _records(session, incident, list(subjects), head["size"])
    places = {it["subject"]: it["position"] for it in records}
    sealed = {name: day for name, day in subjects.items() if name in places}
    files |= {_file(day): day.data for day in sealed.values()}
    files["days.json"] = _json(_days(sealed, places, span, since, until))
    events = _events(session, span) if span else []
    lines, columns = _fixes(session, span, sealed) if span else ([], None)
    files["fixes.csv"] = _csv(lines)
    files["events.json"] = _json([_event(it) for it in events])
    files["clocks.json"] = _json(clocks.notes(columns, events))
    files["records.json"] = _json(records)
    return files


def _span(session: Session, incident: Incident, since: datetime, until: datetime) -> Span | None:
    """The bracelet of the incident, else what its case wore; cut to when it wore it.

    And to the term: past its end nobody looks at what a bracelet said (LCC 29, 44).
    """
    worn = select(Binding).where(
        Binding.case_id == incident.case_id,
        Binding.bound_at < until,
        or_(Binding.unbound_at.is_(None), Binding.unbound_at > since),
    )
    if incident.device_id is not None:
        worn = worn.where(Binding.device_id == incident.device_id)
    binding = session.scalars(worn.order_by(Binding.bound_at.desc()).limit(1)).first()
    if binding is None:
        return None
    ends = min(until, binding.unbound_at or until, hours.day_end(incident.case.term_end))
    begins = max(since, binding.bound_at)
    return Span(binding.device, begins, ends) if begins < ends else None


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "case": incident.case.number,
        "kind": incident.kind.value,
        "severity": incident.severity.value,
        "state": incident.state.value,
        "rule": incident.rule,
        "law": MEANINGS[incident.kind].law,
        "since": _iso(incident.since),
        "opened_at": _iso(incident.opened_at),
        "last_seen_at": _iso(incident.last_seen_at),
        "ended_at": _iso(incident.ended_at),
        "cause": incident.cause.value if incident.cause else None,
        "facts": incident.facts,
        "steps": [
            {"at": _iso(it.at), "by": it.by, "action": it.action, "note": it.note}
            for it in incident.steps
        ],
    }


def _zone(zone: Zone | None) -> dict[str, Any] | None:
    if zone is None:
        return None
    said = {"id": zone.id, "kind": zone.kind.value, "hours": zone.hours, "margin_m": zone.margin_m}
    times = {"valid_from": _iso(zone.valid_from), "valid_to": _iso(zone.valid_to)}
    return said | times | {"outline": area.outline(zone)}


def _rules(
    session: Session, incident: Incident, since: datetime, until: datetime
) -> dict[str, Any]:
    """The rule of the incident and the figures of the zone engine, at the beginning and the end."""
    in_force = {it: zone_rules.rule_at(session, it) for it in (since, incident.since, until)}
    figures = {_iso(at): rule for at, rule in in_force.items()}
    engine = {at: {"version": it.version, **figures_of(it)} for at, it in figures.items()}
    return {"incident": incident.rule, "engine": engine}


def _packed_days(session: Session, span: Span, term_ends: datetime) -> list[PackedDay]:
    """The latest edition of each closed day of the span, but for one that goes on past the term."""
    first, last = (moment.astimezone(UTC).date() for moment in (span.since, span.until))
    query = select(PackedDay).where(
        PackedDay.device_id == span.device.id, PackedDay.day.between(first, last)
    )
    newest = {it.day: it for it in session.scalars(query.order_by(PackedDay.edition))}
    return [it for it in newest.values() if not _reaches(it, term_ends)]


def _reaches(day: PackedDay, moment: datetime) -> bool:
    if day.day < moment.astimezone(UTC).date():
        return False
    return any(fix["time"] >= micros(moment) for fix in verifier.unpacked(day.data))


def _subject(day: PackedDay) -> str:
    """What the log calls a packed day."""
    return f"{day.device_id}/{day.day}/{day.edition}"


def _file(day: PackedDay) -> str:
    return f"days/{_subject(day).replace('/', '-')}.bin"


def _days(
    sealed: Mapping[str, PackedDay],
    places: Mapping[str, int],
    span: Span | None,
    since: datetime,
    until: datetime,
) -> dict[str, Any]:
    days = [
        {
            "subject": subject,
            "device": span.device.name if span else "",
            "fixes": day.fixes,
            "codec": day.codec,
            "file": _file(day),
            "position": places[subject],
            **_digests(day.data),
        }
        for subject, day in sealed.items()
    ]
    first, last = (span.since, span.until) if span else (since, until)
    steps = {name: STEPS[name] for name in ("lat", "lon", "accuracy_m")}
    return {"days": days, "since_us": micros(first), "until_us": micros(last), "steps": steps}


def _records(
    session: Session, incident: Incident, days: Iterable[str], size: int
) -> list[dict[str, Any]]:
    """Records of the log about the incident and the packed days, each with its way to the head."""
    about = or_(
        (AuditRecord.subject_kind == "incident") & (AuditRecord.subject_id == str(incident.id)),
        (AuditRecord.subject_kind == "packed_day") & AuditRecord.subject_id.in_(list(days)),
    )
    query = select(AuditLeaf.position, AuditRecord).join(AuditLeaf.record)
    sealed = query.where(about, AuditLeaf.position < size).order_by(AuditLeaf.position)
    tree = heads.tree(session, size)
    return [
        {
            "subject": row.AuditRecord.subject_id,
            "position": row.position,
            "content": row.AuditRecord.content().decode(),
            "path": [each.hex() for each in tree.inclusion(row.position)],
        }
        for row in session.execute(sealed)
    ]


def _fixes(
    session: Session, span: Span, sealed: Mapping[str, PackedDay]
) -> tuple[list[list[str]], Columns]:
    columns = history.fixes(session, span.device.id, span.since, span.until)
    from_day = {
        (it["time"], it["seq"]): subject
        for subject, day in sealed.items()
        for it in verifier.unpacked(day.data)
    }
    names = ("time", "seq", "received", "lat", "lon", "accuracy_m", "source")
    rows = zip(*(columns[name].tolist() for name in names), strict=True)
    return [
        verifier.fix_line(
            span.device.name,
            dict(zip(names, row, strict=True)),
            STEPS,
            from_day.get((row[0], row[1]), "no"),
        )
        for row in rows
    ], columns


def _events(session: Session, span: Span) -> list[DeviceEvent]:
    received = DeviceEvent.received.between(span.since, span.until)
    query = select(DeviceEvent).where(DeviceEvent.device_id == span.device.id, received)
    return list(session.scalars(query.order_by(DeviceEvent.received)))


def _event(it: DeviceEvent) -> dict[str, Any]:
    return {
        "time": _iso(it.time),
        "seq": it.seq,
        "received": _iso(it.received),
        "event": it.event,
        "raw_hex": it.raw.hex(),
    }


def _csv(lines: Iterable[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([verifier.FIX_COLUMNS, *lines])
    return text.getvalue().encode()


def _digests(data: bytes) -> dict[str, str | int]:
    return {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "sm3": verifier.sm3(data).hex(),
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode()


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
