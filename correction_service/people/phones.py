"""The way into the phone page: an officer offers a code, the person trades it for a PIN.

On a phone of one's own the browser keeps a device cookie that names the person, and the PIN opens
a short session. A shared phone keeps nothing: the person types case number and PIN. A lost phone
and a forgotten PIN have one remedy, a new code, which ends every session and device before it.
"""

import secrets
from datetime import date, datetime
from itertools import pairwise
from math import ceil
from uuid import UUID

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import codes
from correction_service.accounts import matches
from correction_service.db import ring_of
from models.case import Case
from models.errors import DomainError, Invalid
from models.person import Person
from models.phone import PIN_TRIES, PhoneAccess

PIN_DIGITS = 6
# OWASP's floor for argon2id: what guards six digits is five tries, not the cost of a guess.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_DUMMY = _hasher.hash(secrets.token_hex())


class PinRefused(DomainError):
    """The page stays closed: a wrong PIN, too many of them, or none set."""

    status = 401
    code = "pin_wrong"


def offer(session: Session, person: Person, now: datetime) -> str:
    """Return a new activation code, shown once; earlier codes, PINs and sessions end."""
    code = codes.new()
    access_for(session, person.id).offer(_index(session, code), now)
    session.flush()
    return code


def access_for(session: Session, person_id: UUID) -> PhoneAccess:
    """Return a person's access, locked for writing; a first one is made."""
    found = session.get(PhoneAccess, person_id, with_for_update=True)
    if found is None:
        found = PhoneAccess(person_id=person_id)
        session.add(found)
        session.flush()
    return found


def set_no_smartphone(session: Session, person: Person, *, without: bool) -> None:
    """Note whether the person has no phone that can check in; the other ways are then theirs."""
    access_for(session, person.id).no_smartphone = without
    session.flush()


def unlock(session: Session, person: Person) -> None:
    """Open a page that wrong PINs closed for a while, at once."""
    access_for(session, person.id).pin_succeeded()
    session.flush()


def activate(
    session: Session, code: str, pin: str, now: datetime, *, shared: bool = False
) -> PhoneAccess:
    """Spend an activation code for a PIN; `Invalid` names what is wrong with either."""
    known = select(PhoneAccess).where(
        PhoneAccess.activation_index == _index(session, codes.normalise(code)),
        PhoneAccess.activation_expires >= now,
    )
    access = session.scalar(known.with_for_update())
    if access is None:
        raise Invalid(
            "This code is wrong or no longer valid. Your officer gives you a new one.", field="code"
        )
    _check_pin(pin, access.person.born_on)
    access.activate(_hasher.hash(pin))
    access.shared = shared
    session.flush()
    return access


def sign_in(session: Session, person_id: UUID, pin: str, now: datetime) -> PhoneAccess:
    """Return the access that the PIN opens, or raise `PinRefused`.

    Failures are counted on the row, so the caller commits either way.
    """
    access = session.get(PhoneAccess, person_id, with_for_update=True)
    if access is None or access.pin_hash is None:
        raise _no_pin()
    if access.locked(now):
        raise _locked(access, now)
    if matches(access.pin_hash, pin):
        access.pin_succeeded()
        return access
    access.pin_failed(now)
    if access.pin_hash is None:
        raise _no_pin()
    if access.locked(now):
        raise _locked(access, now)
    raise PinRefused(
        "The PIN is wrong. You have %(left)d more tries.",
        field="pin",
        left=PIN_TRIES - access.failures,
    )


def sign_in_shared(session: Session, number: str, pin: str, now: datetime) -> PhoneAccess:
    """As `sign_in`, on a shared phone, by case number; an unknown one takes as long."""
    known = (
        select(PhoneAccess)
        .join(Case, Case.person_id == PhoneAccess.person_id)
        .where(Case.number == number.strip(), PhoneAccess.shared)
    )
    access = session.scalar(known)
    if access is None:
        matches(_DUMMY, pin)
        raise PinRefused("The case number or the PIN is wrong.", field="pin")
    return sign_in(session, access.person_id, pin, now)


def _no_pin() -> PinRefused:
    return PinRefused(
        "There is no PIN for this page now. Your officer gives you a new code.", code="no_pin"
    )


def _locked(access: PhoneAccess, now: datetime) -> PinRefused:
    left = access.locked_until - now if access.locked_until else now - now
    return PinRefused(
        "Too many wrong PINs. Try again in %(minutes)d minutes, or call your officer, "
        "who can open the page at once.",
        code="locked",
        minutes=max(1, ceil(left.total_seconds() / 60)),
    )


def _index(session: Session, code: str) -> bytes:
    return ring_of(session).blind("phone_access.activation", code)


def _check_pin(pin: str, born_on: date | None) -> None:
    if len(pin) != PIN_DIGITS or not (pin.isascii() and pin.isdecimal()):
        raise Invalid("A PIN has six digits.", field="pin")
    if _guessable(pin) or (born_on is not None and pin in _dates(born_on)):
        raise Invalid(
            "This PIN is too easy to guess: no rows, no repeats, no birthday.", field="pin"
        )


def _guessable(pin: str) -> bool:
    """Whether it is a run (123456, 987654), a repeat (121212, 123123) or of two digits only."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    repeats = pin[:3] == pin[3:] or pin[:2] * 3 == pin
    return len(steps) == 1 or repeats or len(set(pin)) <= 2  # noqa: PLR2004 - two digits: 112212


def _dates(day: date) -> set[str]:
    return {f"{day:{order}}" for order in ("%y%m%d", "%d%m%y", "%m%d%y", "%Y%m", "%m%Y")}
