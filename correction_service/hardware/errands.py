"""What a bracelet is asked to do: one command down to its gateway, which expires by itself.

The row is committed before the message goes out, so an answer always finds it. Of a message's
words only the bracelet and its wearer know: they are in no row and in no log.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, joinedload

from correction_service import outbox
from correction_service.audit import viewed
from correction_service.casework import orders
from correction_service.hardware import bracelets
from devices import publisher
from devices.link import Outbound
from devices.messages import Argument, Command, CommandKind, CommandResult
from models.case import Case
from models.command import CommandState, DeviceCommand
from models.device import Binding, Device, Gateway
from models.errors import Invalid, Refused
from models.outbox import Outbox

ID_BYTES = 12
TEXT_LENGTH = 140
INTERVAL_S = (5, 1800)  # above half an hour a bracelet would look silent
# Not `configure`: its arguments are each vendor's own, so nothing here could check them.
ASKED = (CommandKind.LOCATE, CommandKind.VIBRATE, CommandKind.MESSAGE, CommandKind.INTERVAL)
GRACE = timedelta(minutes=1)  # an answer may be under way when the time is over


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a bracelet; a message has a text, and an interval has seconds."""

    kind: CommandKind
    text: str = ""
    interval_s: int | None = None

    def args(self) -> dict[str, Argument]:
        """The arguments on the wire; raises Invalid where one is missing or out of bounds."""
        text = self.text.strip()
        if (self.kind is CommandKind.MESSAGE) != bool(text):
            raise Invalid("A message has a text, and no other command has.", field="text")
        if len(text) > TEXT_LENGTH:
            raise Invalid("A bracelet shows 140 characters at most.", field="text")
        if self.kind is not CommandKind.INTERVAL:
            return {"text": text} if text else {}
        shortest, longest = INTERVAL_S
        if self.interval_s is None or not shortest <= self.interval_s <= longest:
            raise Invalid(
                "An interval is %(shortest)d to %(longest)d seconds.",
                field="seconds",
                shortest=shortest,
                longest=longest,
            )
        return {"interval_s": self.interval_s}


@dataclass(frozen=True, slots=True)
class Asked:
    """A command whose row is written, and the message that is due once it is committed."""

    id: str
    message: Outbound


def ask(
    session: Session,
    name: str,
    wish: Wish,
    *,
    by: int | None = None,
    now: datetime,
    lasts: timedelta,
) -> Asked:
    """Ask the bracelet `name`, for `by`'s account; the record of it names no words.

    Only under an order in force: without one no position may be asked for, and nobody wears it.
    What is under way already is not asked again, messages excepted.
    """
    args = wish.args()
    device = bracelets.named(session, name)
    if not device.gateway.active:
        raise Refused("The bracelet's gateway is closed.", field="name")
    case = _wearer(session, device)
    if case is None or orders.in_force(session, case, now) is None:
        raise Refused("Nobody wears this bracelet under an order in force.", field="name")
    if wish.kind is not CommandKind.MESSAGE:
        _refuse_twice(session, device, wish.kind, now)
    viewed(session, f"ask_{wish.kind}", "device", device.id)
    command = Command(
        id=secrets.token_urlsafe(ID_BYTES), command=wish.kind, args=args, expires=now + lasts
    )
    row = DeviceCommand(
        id=command.id,
        device_id=device.id,
        kind=wish.kind.value,
        asked_by=by,
        asked_at=now,
        expires_at=command.expires,
    )
    session.add(row)
    session.flush()
    outbox.live(session, case, "command", case.id, now)
    return Asked(command.id, publisher.command(device.gateway.name, device.name, command))


def _wearer(session: Session, device: Device) -> Case | None:
    worn = select(Binding).where(Binding.device_id == device.id, Binding.unbound_at.is_(None))
    binding = session.scalar(worn.options(joinedload(Binding.case)))
    return binding.case if binding else None


def _refuse_twice(session: Session, device: Device, kind: CommandKind, now: datetime) -> None:
    same = (DeviceCommand.device_id == device.id, DeviceCommand.kind == kind.value)
    waiting = (DeviceCommand.state == CommandState.SENT, DeviceCommand.expires_at > now)
    if session.scalar(select(DeviceCommand.id).where(*same, *waiting).limit(1)) is not None:
        raise Refused("The bracelet was asked for this already and has not answered yet.")


def handed_over(session: Session, command_id: str, now: datetime) -> None:
    """The broker has it: from here on an answer is waited for."""
    row = session.get_one(DeviceCommand, command_id, with_for_update=True)
    if row.state is CommandState.ASKED:  # else its answer was faster
        row.state = CommandState.SENT
        session.flush()
        _announce(session, [row.device_id], now)


def heard(
    session: Session, gateway: str, answers: Sequence[tuple[str, CommandResult, datetime]]
) -> None:
    """Keep what a gateway says became of commands: (device, its answer, when it came).

    Only for commands of that very device, and only while this gateway speaks for it. The first
    answer stays; unknown ids and repeats change nothing. An answer that comes after we gave up
    waiting still counts: it knows better.
    """
    if not answers:
        return
    query = (
        select(DeviceCommand.id, DeviceCommand.device_id, Device.name)
        .join(Device, Device.id == DeviceCommand.device_id)
        .join(Gateway, Gateway.id == Device.gateway_id)
        .where(
            Gateway.name == gateway,
            Gateway.active,
            DeviceCommand.id.in_({answer.id for _, answer, _ in answers}),
            DeviceCommand.heard_at.is_(None),
        )
    )
    waiting = {(row.name, row.id): row.device_id for row in session.execute(query)}
    changed = set()
    for device, answer, received in answers:
        device_id = waiting.pop((device, answer.id), None)
        if device_id is not None:
            _keep(session, answer, received)
            changed.add(device_id)
    if changed:
        _announce(session, changed, max(received for _, _, received in answers))


def _keep(session: Session, answer: CommandResult, received: datetime) -> None:
    values = {
        "state": CommandState(answer.state.value),
        "answered_at": answer.time,
        "heard_at": received,
    }
    unanswered = (DeviceCommand.id == answer.id, DeviceCommand.heard_at.is_(None))
    session.execute(
        update(DeviceCommand).where(*unanswered).values(values),
        execution_options={"synchronize_session": False},
    )


def expire(session: Session, now: datetime) -> int:
    """Give up on what was sent and not answered in time; tell how many.

    What the broker never took stays as it is: its row says that the bracelet was not asked.
    """
    over = (DeviceCommand.state == CommandState.SENT, DeviceCommand.expires_at < now - GRACE)
    gone = session.execute(
        update(DeviceCommand)
        .where(*over)
        .values(state=CommandState.EXPIRED)
        .returning(DeviceCommand.device_id),
        execution_options={"synchronize_session": False},
    )
    device_ids = list(gone.scalars())
    _announce(session, set(device_ids), now)
    return len(device_ids)


def _announce(session: Session, device_ids: Iterable[int], now: datetime) -> None:
    """Tell the open pages of the wearers' offices, in one statement."""
    worn = (
        select(Case.id, Case.agency_id, Case.office_id)
        .join(Binding, Binding.case_id == Case.id)
        .where(Binding.device_id.in_(device_ids), Binding.unbound_at.is_(None))
    )
    rows = [
        {
            "topic": "live",
            "agency_id": row.agency_id,
            "office_id": row.office_id,
            "payload": {"kind": "command", "id": row.id},
            "created_at": now,
            "attempts": 0,
        }
        for row in session.execute(worn)
    ]
    if rows:
        session.execute(insert(Outbox), rows)
