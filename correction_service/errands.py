"""What a bracelet is asked to do: one command down to its gateway, which expires by itself."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import bracelets, orders
from correction_service.audit import viewed
from devices import publisher
from devices.link import Outbound
from devices.messages import Argument, Command, CommandKind
from models.device import Binding
from models.errors import Invalid, Refused

ID_BYTES = 12
TEXT_LENGTH = 140
ASKED = (CommandKind.LOCATE, CommandKind.VIBRATE, CommandKind.MESSAGE)


def ask(
    session: Session,
    name: str,
    kind: CommandKind,
    text: str = "",
    *,
    now: datetime,
    lasts: timedelta,
) -> Outbound:
    """The message that asks the bracelet `name`; the record of it names no words.

    Only under an order in force: without one no position may be asked for, and nobody wears it.
    """
    if (kind is CommandKind.MESSAGE) != bool(text.strip()):
        raise Invalid("A message has a text, and no other command has.", field="text")
    if len(text) > TEXT_LENGTH:
        raise Invalid("A bracelet shows 140 characters at most.", field="text")
    device = bracelets.named(session, name)
    if not device.gateway.active:
        raise Refused("The bracelet's gateway is closed.", field="name")
    worn = select(Binding).where(Binding.device_id == device.id, Binding.unbound_at.is_(None))
    binding = session.scalar(worn)
    if binding is None or orders.in_force(session, binding.case, now) is None:
        raise Refused("Nobody wears this bracelet under an order in force.", field="name")
    viewed(session, f"ask_{kind}", "device", device.id)
    args: dict[str, Argument] = {"text": text.strip()} if text else {}
    asked = Command(
        id=secrets.token_urlsafe(ID_BYTES), command=kind, args=args, expires=now + lasts
    )
    return publisher.command(device.gateway.name, device.name, asked)
