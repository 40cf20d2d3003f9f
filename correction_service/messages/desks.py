"""What each topic of the outbox does with a message: pack it for its way, note what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from sqlalchemy.orm import Session

from correction_service.messages import mail
from correction_service.messages.alerts import MAIL, WEBHOOK, Alert
from correction_service.messages.carriers import AlertHook, NoWay, alert_hook
from correction_service.messages.mail import Smtp
from correction_service.settings import Settings
from models.outbox import Outbox
from models.user import User

Send = Callable[[], str]  # brings it and names the channel, or raises `CarrierFailed`
TRIES = 8
LONGEST_PAUSE = timedelta(hours=1)
SUBJECTS = {
    Alert.ASSIGNED: ("预警等待您处理", "Incidents wait for you"),
    Alert.ESCALATED: ("预警无人响应，转到您处", "Nobody answered: incidents came to you"),
    Alert.HANDED_OVER: ("交班：预警转到您处", "Hand-over: incidents came to you"),
    Alert.REASSIGNED: ("预警改派给您", "Incidents were given to you"),
    Alert.RAISED: ("您的预警紧急程度提高", "Incidents of yours became more urgent"),
    Alert.OUTAGE: ("收不到任何腕带的数据", "Nothing of any bracelet arrives"),
    Alert.OUTAGE_OVER: ("腕带数据已恢复", "Bracelets are heard again"),
}
OF_OUTAGES = frozenset({Alert.OUTAGE, Alert.OUTAGE_OVER})


class Came(StrEnum):
    """What came of a try."""

    BROUGHT = "brought"
    FAILED = "failed"
    GIVEN_UP = "given_up"


class Desk(Protocol):
    """A topic's part of the delivery."""

    @property
    def tries(self) -> int:
        """After how many a message is given up."""
        ...

    def pause(self, tries: int) -> timedelta:
        """How long to wait after so many."""
        ...

    def pack(self, session: Session, row: Outbox) -> Send | None:
        """Make a message ready, to be sent with no transaction open; None: nobody needs it now."""
        ...

    def note(self, session: Session, row: Outbox, came: Came, channel: str, now: datetime) -> None:
        """Keep what came of a try, beside the outbox's own record."""
        ...


class AlertDesk:
    """Alerts stay parked where they were given up, until somebody looks at them."""

    tries = TRIES

    def pause(self, tries: int) -> timedelta:
        """Half a minute, then twice as long each time, an hour at most."""
        return min(timedelta(seconds=30 * (1 << (tries - 1))), LONGEST_PAUSE)

    def note(self, session: Session, row: Outbox, came: Came, channel: str, now: datetime) -> None:
        """The outbox's own record says all."""


@dataclass(frozen=True)
class MailDesk(AlertDesk):
    """Alerts by mail, in both languages, to the address of an account."""

    server: Smtp | None
    public_url: str

    def pack(self, session: Session, row: Outbox) -> Send:
        """Write the message; without a server or an address nothing can bring it."""
        user = session.get(User, row.payload["to"])
        address = user.email if user and user.active else None
        reference, subject, text = f"alert-{row.id}", *written(row, self.public_url)

        def send() -> str:
            if self.server is None:
                raise NoWay("no mail server")
            if not address:
                raise NoWay("no address")
            self.server.send(reference, address, subject, text)
            return MAIL

        return send


@dataclass(frozen=True)
class HookDesk(AlertDesk):
    """Alerts to another system."""

    hook: AlertHook | None

    def pack(self, session: Session, row: Outbox) -> Send:  # noqa: ARG002 - the protocol's signature
        """Take the row's number as the reference, its time as the alert's."""
        body = {"id": row.id, "at": row.created_at.isoformat(), **row.payload}

        def send() -> str:
            if self.hook is None:
                raise NoWay("no webhook")
            self.hook.send(body)
            return WEBHOOK

        return send


def of_alerts(settings: Settings) -> Mapping[str, Desk]:
    """Return the desks that work by day and night; `ValueError` names a secret that is missing."""
    server, hook = mail.configured(settings), alert_hook(settings)
    return {MAIL: MailDesk(server, settings.public_url.rstrip("/")), WEBHOOK: HookDesk(hook)}


def written(row: Outbox, public_url: str) -> tuple[str, str]:
    """Return an alert's subject and text: how many, and where to look, and nothing of anybody."""
    alert, ids, count = Alert(row.payload["kind"]), row.payload["ids"], row.payload["count"]
    chinese, english = SUBJECTS[alert]
    if alert in OF_OUTAGES:
        return f"{chinese} · {english}", f"{chinese}。\n{english}.\n\n{public_url}/\n"
    links = "\n".join(f"{public_url}/incidents/{it}" for it in ids)
    more = f"\n{public_url}/incidents/?owner=me" if count > len(ids) else ""
    lines = f"{chinese}：{count} 件。\n{english}: {count}.\n\n{links}{more}\n"
    return f"{chinese}（{count}）· {english}", lines
