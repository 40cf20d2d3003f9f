"""Console accounts: add, reset, sign in, sign out everywhere."""

import re
import secrets
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.agency import Agency, Office
from models.errors import DomainError, Invalid, NotFound, Refused
from models.user import Role, User

MIN_PASSWORD = 10
ADDRESS = re.compile(r"[^@\s,;<>]{1,64}@[^@\s,;<>]{1,135}")
_hasher = PasswordHasher()
_DUMMY = _hasher.hash(secrets.token_hex())


class SignInRefused(DomainError):
    """A wrong name or password, or too many of them; which of these is not said."""

    status = 401
    code = "sign_in_refused"


def add(
    session: Session,
    *,
    username: str,
    name: str,
    role: Role,
    agency: Agency,
    password: str,
    office: Office | None = None,
    must_change_password: bool = True,
) -> User:
    """Add an account; `Invalid` names the field to mend."""
    if session.scalar(select(User).where(User.username == username)):
        raise Invalid("This user name is taken.", field="username")
    user = User(
        username=username,
        name=name,
        role=role,
        agency=agency,
        office=office,
        password_hash=hashed(password),
        must_change_password=must_change_password,
    )
    session.add(user)
    return user


def hashed(password: str) -> str:
    """Hash with argon2id, or refuse a short password."""
    if len(password) < MIN_PASSWORD:
        raise Invalid(
            "A password has at least %(count)d characters.", field="password", count=MIN_PASSWORD
        )
    return _hasher.hash(password)


def sign_in(session: Session, username: str, password: str, now: datetime) -> User:
    """Return the account, or raise `SignInRefused`: the same, as late, whatever was wrong.

    Failures are counted on the account, so the caller commits either way; its row is locked, so
    that guesses made at the same moment are all counted.
    """
    user = session.scalar(select(User).where(User.username == username).with_for_update())
    if user is None or not user.active or user.locked(now):
        matches(_DUMMY, password)
        raise _refused()
    if not matches(user.password_hash, password):
        user.login_failed(now)
        raise _refused()
    user.login_succeeded()
    return user


def _refused() -> SignInRefused:
    return SignInRefused(
        "The user name or the password is wrong. After too many tries wait a quarter of an hour, "
        "or ask the administrator."
    )


def sign_out(user: User) -> None:
    """End every session of the account: a cookie that somebody copied opens nothing afterwards."""
    user.session_epoch += 1


def matches(stored: str, password: str) -> bool:
    """Whether a password or PIN fits its argon2 hash."""
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def reset(session: Session, username: str) -> str:
    """Set a one-time password and end every open session; the caller shows it once."""
    user = session.scalar(select(User).where(User.username == username))
    if user is None:
        raise NotFound("There is no such user.")
    password = secrets.token_urlsafe(12)
    user.password_hash = hashed(password)
    user.must_change_password = True
    user.session_epoch += 1
    user.login_succeeded()
    return password


def write_to(session: Session, user: User, address: str) -> None:
    """Set where alerts are sent beside the console; an empty address: nowhere."""
    address = address.strip()
    if address and not ADDRESS.fullmatch(address):
        raise Invalid("This is no mail address.", field="email")
    user.email = address or None
    session.flush()


def close(session: Session, user: User, by: int) -> None:
    """Close an account and end its sessions; nobody closes their own."""
    if user.id == by:
        raise Refused("You cannot close your own account.")
    user.active = False
    user.session_epoch += 1
    session.flush()


def reopen(session: Session, user: User) -> None:
    """Open a closed account again; its password still holds."""
    user.active = True
    session.flush()


def change_password(user: User, old: str, new: str) -> None:
    """Set a new password after the old one was given; other sessions end."""
    if not matches(user.password_hash, old):
        raise Invalid("The present password is wrong.", field="old")
    user.password_hash = hashed(new)
    user.must_change_password = False
    user.session_epoch += 1
