"""Mail by SMTP, over TLS or not at all (RFC 3207, RFC 8314)."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from correction_service.messages.carriers import TIMEOUT_S, CarrierFailed, secret_of
from correction_service.settings import Settings, SmtpSecurity


@dataclass(frozen=True)
class Smtp:
    """A mail server, and the address that our mail comes from."""

    host: str
    port: int
    security: SmtpSecurity
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    def send(self, reference: str, to: str, subject: str, text: str) -> None:
        """Hand a message over, or raise `CarrierFailed`; a repeat has the same Message-ID."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message["Message-ID"] = f"<{reference}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            with self._connected() as server:
                if self.username:
                    server.login(self.username, self.password or "")
                server.send_message(message)
        except smtplib.SMTPResponseException as error:
            raise CarrierFailed(f"{type(error).__name__} {error.smtp_code}") from None
        except (OSError, ValueError) as error:  # smtplib's own are OSErrors; an address may be odd
            raise CarrierFailed(type(error).__name__) from None

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context(cafile=self.ca_file)
        at = (self.host, self.port)
        if self.security is SmtpSecurity.TLS:
            with smtplib.SMTP_SSL(*at, timeout=TIMEOUT_S, context=context) as server:
                yield server
        else:
            with smtplib.SMTP(*at, timeout=TIMEOUT_S) as server:
                server.starttls(context=context)
                yield server


def configured(settings: Settings) -> Smtp | None:
    """Return the settings' mail server, if there is one; `ValueError` names what it lacks."""
    if not settings.smtp_host:
        return None
    if not settings.smtp_from:
        msg = "CORRECTION_SMTP_FROM is not set; CORRECTION_SMTP_HOST is, and needs it"
        raise ValueError(msg)
    password = None
    if settings.smtp_username:
        password = secret_of("SMTP_PASSWORD", settings.smtp_password, "SMTP_USERNAME")
    return Smtp(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_from,
        settings.smtp_username,
        password,
        settings.smtp_ca_file,
    )
