"""Gateways: their accounts at the broker, and the files that make the broker hold them to it."""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from devices import topics
from devices.topics import Kind, Topic
from models.device import Gateway
from models.errors import Invalid, NotFound, Refused

SECRET_BYTES = 32
SALT_BYTES = 12  # mosquitto 2.0 reads no other length
ROUNDS = 101  # a secret of 256 random bits gains nothing from stretching, reconnecting fleets do
FROM_GATEWAY = (Kind.FIX, Kind.BATCH, Kind.EVENT, Kind.STATUS, Kind.RESULT)
TO_GATEWAY = (Kind.RECEIPT, Kind.COMMAND)
# So the service's own accounts and client ids begin. The broker makes a gateway's name its client
# id, so a gateway of such a name would take over the session of an ingester.
OURS = "correction-"


@dataclass(frozen=True)
class Account:
    """An account of the service's own at the broker."""

    name: str
    secret: str


def add(session: Session, agency_id: int, name: str) -> tuple[Gateway, str]:
    """Register a gateway; its secret is told this once and kept only as a hash."""
    if not topics.is_name(name):
        raise Invalid("A gateway's name is 1 to 64 of A-Z a-z 0-9 . _ -.", field="name")
    if name.startswith(OURS):
        raise Invalid(
            "Names that begin with correction- are the service's own: choose another.", field="name"
        )
    if session.scalar(select(Gateway.id).where(Gateway.name == name)) is not None:
        raise Refused("A gateway of this name exists.", field="name")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    gateway = Gateway(name=name, agency_id=agency_id, secret_hash=hash_of(secret))
    session.add(gateway)
    session.flush()
    return gateway, secret


def rotate(session: Session, name: str) -> str:
    """Give a gateway a new secret, told this once; the old one ends with the next broker reload."""
    gateway = _named(session, name)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    gateway.secret_hash = hash_of(secret)
    session.flush()
    return secret


def close(session: Session, name: str) -> None:
    """Hear a gateway no longer: it speaks for no bracelet and has no account at the broker."""
    _named(session, name).active = False
    session.flush()


def reopen(session: Session, name: str) -> None:
    """Hear a closed gateway again, under the secret it had."""
    _named(session, name).active = True
    session.flush()


def _named(session: Session, name: str) -> Gateway:
    gateway = session.scalar(select(Gateway).where(Gateway.name == name))
    if gateway is None:
        raise NotFound("There is no gateway of this name.", field="name")
    return gateway


def every(session: Session) -> Sequence[Gateway]:
    """All gateways by name."""
    return session.scalars(select(Gateway).order_by(Gateway.name)).all()


def hash_of(secret: str) -> str:
    """A secret as mosquitto keeps it: $7$, PBKDF2-HMAC-SHA512 with a salt of its own."""
    salt = secrets.token_bytes(SALT_BYTES)
    key = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, ROUNDS)
    return f"$7${ROUNDS}${b64encode(salt).decode()}${b64encode(key).decode()}"


def password_file(session: Session, *ours: Account) -> str:
    """Mosquitto's password file: every active gateway, and the service's own accounts."""
    accounts = [(it.name, it.secret_hash) for it in every(session) if it.active]
    if {it.name for it in ours} & {name for name, _ in accounts}:
        raise Refused("A gateway has the name of the service's own account.", field="mqtt_username")
    accounts += [(it.name, hash_of(it.secret)) for it in ours]
    return "".join(f"{name}:{hashed}\n" for name, hashed in accounts)


def acl_file(service: Account, asker: Account | None = None) -> str:
    """Mosquitto's access control file: a gateway speaks and hears under its own name only.

    `%u` is the account's name, so a gateway that is added needs no new line here. `asker` sends
    commands and hears nothing. Traccar's topic bears no name, so one account alone may write there.
    """
    own = [f"topic read {name}" for name in topics.UPLINK]
    own += [f"topic write {_pattern('+', kind)}" for kind in TO_GATEWAY]
    each = [f"pattern write {_pattern('%u', kind)}" for kind in FROM_GATEWAY]
    each += [f"pattern write {_pattern('%u', Kind.OWNTRACKS)}{below}" for below in ("", "/event")]
    each += [f"pattern read {_pattern('%u', kind)}" for kind in TO_GATEWAY]
    traccar = Topic(topics.TRACCAR_GATEWAY, Kind.TRACCAR)
    forwards = [f"user {traccar.gateway}", f"topic write {traccar}", ""]
    asks = [f"user {asker.name}", f"topic write {_pattern('+', Kind.COMMAND)}", ""] if asker else []
    return "\n".join([f"user {service.name}", *own, "", *asks, *forwards, *each, ""])


def _pattern(gateway: str, kind: Kind) -> str:
    whole = kind in {Kind.BATCH, Kind.STATUS, Kind.RECEIPT}
    return str(Topic(gateway, kind, None if whole else "+"))
