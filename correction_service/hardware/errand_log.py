"""What a bracelet was asked of late, by whom, and the position that came of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.storage import history
from devices.messages import CommandKind
from models.command import DeviceCommand
from models.fix import SOURCES
from models.grid import STEPS, moment
from models.packing import NULL
from models.user import User

LISTED = 12
LOOK_BACK = timedelta(days=1)  # nobody waits for an older one


@dataclass(frozen=True, slots=True)
class Found:
    """A position without its place: when it was, from what, and how good."""

    time: datetime
    source: str
    accuracy_m: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """A command, who asked (None: the shell), and the first position since, where that was it."""

    command: DeviceCommand
    by: str | None
    found: Found | None


def latest(
    session: Session, device_id: int, since: datetime | None = None
) -> Sequence[DeviceCommand]:
    """What a bracelet was asked, newest first; `since` a moment: such as when it was fitted."""
    query = select(DeviceCommand).where(DeviceCommand.device_id == device_id)
    if since is not None:
        query = query.where(DeviceCommand.asked_at >= since)
    return session.scalars(query.order_by(DeviceCommand.asked_at.desc()).limit(LISTED)).all()


def lines(session: Session, device_id: int, since: datetime, now: datetime) -> list[Line]:
    """The same with names and positions, for a page."""
    commands = latest(session, device_id, since)
    names = _names(session, {it.asked_by for it in commands if it.asked_by is not None})
    return [Line(it, names.get(it.asked_by or 0), _found(session, it, now)) for it in commands]


def _names(session: Session, user_ids: Iterable[int]) -> dict[int, str]:
    query = select(User.id, User.name).where(User.id.in_(user_ids))
    return {row.id: row.name for row in session.execute(query)}


def _found(session: Session, command: DeviceCommand, now: datetime) -> Found | None:
    """The first position between the asking and the end of its time, by the bracelet's clock."""
    if command.kind != CommandKind.LOCATE or command.asked_at < now - LOOK_BACK:
        return None
    fixes = history.fixes(session, command.device_id, command.asked_at, command.expires_at)
    if not len(fixes["time"]):
        return None
    accuracy = int(fixes["accuracy_m"][0])
    return Found(
        time=moment(int(fixes["time"][0])),
        source=SOURCES[fixes["source"][0]],
        accuracy_m=None if accuracy == NULL else accuracy / STEPS["accuracy_m"],
    )
