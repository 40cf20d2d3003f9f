"""A list for a room without a network: sealed under a passphrase, signed, merged once.

The file holds case numbers and initials, encrypted with AES-256-GCM under PBKDF2-HMAC-SHA256 of a
passphrase that is kept nowhere (NIST SP 800-132): a lost stick tells nothing. What comes back names
places on the list by number alone and is signed with HMAC-SHA256 by a key inside the sealed part.
"""

import hashlib
import hmac
import json
import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.db import ring_of
from correction_service.learning import attendances
from correction_service.learning.activities import activity_for, roster, whole_for
from models.activity import Activity, Attendance, AttendanceState
from models.errors import Invalid, NotFound
from models.keys import SealBroken
from models.offline_list import OfflineList
from models.user import Permission, User

LEAST_PASSPHRASE = 12  # characters
ROUNDS = 600_000  # of PBKDF2-HMAC-SHA256, as OWASP asks
KEY_BYTES, SALT_BYTES, NONCE_BYTES = 32, 16, 12
MOST_BYTES = 200_000
KIND = "correction-offline-list.v1"
WRONG = "This file was changed after it was signed, or is no list of ours. Nothing was loaded."


@dataclass(frozen=True)
class Sealed:
    """What stands in the page for everybody to read: base64, and useless without the passphrase."""

    salt: str
    nonce: str
    data: str
    rounds: int = ROUNDS


class Seat(msgspec.Struct, forbid_unknown_fields=True):
    """One place of the list as the room filled it in."""

    seat: int
    came: bool
    minutes: int


class Taken(msgspec.Struct, forbid_unknown_fields=True):
    """What the room says."""

    kind: str
    serial: int
    seats: list[Seat]


class Signed(msgspec.Struct, forbid_unknown_fields=True):
    """The file that comes back: the text that was signed, as it was, and its HMAC in hex."""

    body: str
    mac: str


@dataclass
class Merged:
    """What loading did: taken over, known already, and places where somebody said otherwise."""

    taken: int = 0
    known: int = 0
    conflicts: list[Attendance] = field(default_factory=list)


def pack(
    session: Session, user: User, activity_id: int, passphrase: str, now: datetime
) -> tuple[OfflineList, bytes]:
    """Make a list to take along: its row, and what `seal` hides, which takes its time."""
    activity = activity_for(session, user, activity_id, Permission.SUPERVISE)
    activity.refuse_unless_planned()
    if len(passphrase) < LEAST_PASSPHRASE:
        raise Invalid(
            "Choose a passphrase of at least %(least)d characters.",
            field="passphrase",
            least=LEAST_PASSPHRASE,
        )
    key = secrets.token_bytes(KEY_BYTES)
    made = OfflineList(activity_id=activity.id, key=b"", made_by=user.id, made_at=now)
    session.add(made)
    session.flush()
    made.key = ring_of(session).wrap(key, _place(made))
    session.flush()
    inside = _inside(made, activity, roster(session, user, activity), key)
    return made, json.dumps(inside, ensure_ascii=False).encode()


def _place(made: OfflineList) -> str:
    return f"offline_list.key.{made.id}"


def _inside(
    made: OfflineList, activity: Activity, rows: Sequence[Attendance], key: bytes
) -> dict[str, Any]:
    return {
        "kind": KIND,
        "serial": made.id,
        "title": activity.title,
        "place": activity.place,
        "starts": activity.starts_at.isoformat(),
        "minutes": activity.minutes,
        "key": b64encode(key).decode(),
        "seats": [
            {"seat": it.id, "number": it.case.number, "initial": it.case.person.name[:1]}
            for it in rows
            if it.state is AttendanceState.INVITED
        ],
    }


def seal(plain: bytes, passphrase: str) -> Sealed:
    """Encrypt under a passphrase that is neither kept nor logged; slow, so that guessing is."""
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ROUNDS)
    sealed = AESGCM(key).encrypt(nonce, plain, None)
    salt_text, nonce_text, text = (b64encode(part).decode() for part in (salt, nonce, sealed))
    return Sealed(salt_text, nonce_text, text)


def load(session: Session, user: User, activity_id: int, data: bytes, now: datetime) -> Merged:
    """Take over what the room says, once: a second time nothing changes, another word is shown."""
    activity = activity_for(session, user, activity_id, Permission.SUPERVISE)
    taken, made = _read(session, activity, data)
    merged = Merged()
    known = {it.id: it for it in roster(session, user, activity)}
    for seat in taken.seats:
        if seat.seat not in known:
            raise NotFound("The list names a place that is none of this activity's.")
        if _agrees(known[seat.seat], seat):
            merged.known += 1
        elif seat.came and _unsaid(known[seat.seat]):
            attendances.attend_offline(session, known[seat.seat], seat.minutes, user, now)
            merged.taken += 1
        else:
            merged.conflicts.append(known[seat.seat])
    made.loaded_by, made.loaded_at = user.id, now
    session.flush()
    return merged


def _unsaid(found: Attendance) -> bool:
    """Whether nobody said anything of them: they are invited, or the closing found them missing."""
    if found.state is AttendanceState.MISSED:
        return found.decided_at == found.activity.closed_at
    return found.state is AttendanceState.INVITED


def given(session: Session, activity: Activity) -> Sequence[OfflineList]:
    """The lists that were taken along, back or not, the latest first."""
    query = select(OfflineList).where(OfflineList.activity_id == activity.id)
    return session.scalars(query.order_by(OfflineList.id.desc())).all()


def give_up(session: Session, user: User, list_id: int, reason: str, now: datetime) -> OfflineList:
    """A list will not come back: what was missed counts again. Found after all, it still loads."""
    made = session.get(OfflineList, list_id)
    if made is None:
        raise NotFound("There is no such list in your offices.")
    whole_for(session, user, made.activity_id)
    made.give_up(user.id, now, reason)
    session.flush()
    return made


def _read(session: Session, activity: Activity, data: bytes) -> tuple[Taken, OfflineList]:
    """Return what was signed by a list of this activity; anything else is refused whole."""
    if len(data) > MOST_BYTES:
        raise Invalid("This file is too large to be a list.", field="file")
    try:
        signed = msgspec.json.decode(data, type=Signed)
        taken = msgspec.json.decode(signed.body, type=Taken)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid(WRONG, field="file") from None
    made = session.get(OfflineList, taken.serial)
    if made is None or taken.kind != KIND:
        raise Invalid(WRONG, field="file")
    if not hmac.compare_digest(signed.mac.encode(), _mac(session, made, signed.body).encode()):
        raise Invalid(WRONG, field="file")
    if made.activity_id != activity.id:
        raise Invalid("This list is of another activity: load it there.", field="file")
    return taken, made


def _mac(session: Session, made: OfflineList, body: str) -> str:
    try:
        key = ring_of(session).unwrap(made.key, _place(made))
    except SealBroken:
        raise Invalid(WRONG, field="file") from None
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()


def _agrees(found: Attendance, seat: Seat) -> bool:
    """Whether what is written down says the same; of who did not come nothing is written yet."""
    attended = found.state is AttendanceState.ATTENDED
    if not seat.came:
        return not attended
    return attended and found.minutes == seat.minutes
