"""Carriers of messages: an SMS gateway, or a webhook that never learns a phone number."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import httpx
import msgspec
from pydantic import SecretStr

from correction_service.settings import Settings

TIMEOUT_S = 5.0
SIGNATURE = "X-Correction-Signature"


class CarrierFailed(Exception):
    """A carrier did not take a message; the text names a status or an error, nothing of it."""


class NoWay(CarrierFailed):
    """Nothing can bring it, however often it is tried."""


@dataclass(frozen=True)
class Parcel:
    """A message on its way. `reference` is the same on every try: carriers can drop a repeat."""

    reference: str
    kind: str
    text_zh: str
    text_en: str
    person_id: UUID
    phone: str | None = field(repr=False)


class Carrier(Protocol):
    """Takes a parcel, or raises `CarrierFailed`."""

    @property
    def name(self) -> str:
        """The channel that a notice names."""
        ...

    def takes(self, parcel: Parcel) -> bool:
        """Whether this carrier can bring it."""
        ...

    def send(self, parcel: Parcel) -> None:
        """Hand it over; to be called with no transaction open."""
        ...


@dataclass(frozen=True)
class Sms:
    """POST {"to", "text", "reference"} as JSON with a bearer token."""

    url: str
    token: str = field(repr=False)
    name: str = "sms"

    def takes(self, parcel: Parcel) -> bool:
        """Only with a phone number."""
        return parcel.phone is not None

    def send(self, parcel: Parcel) -> None:
        """Hand the Chinese text over."""
        body = {"to": parcel.phone, "text": parcel.text_zh, "reference": parcel.reference}
        _post(self.url, msgspec.json.encode(body), {"Authorization": f"Bearer {self.token}"})


@dataclass(frozen=True)
class Webhook:
    """POST a JSON body signed with HMAC-SHA256 of its bytes; the person is an id, no number."""

    url: str
    secret: str = field(repr=False)
    name: str = "webhook"

    def takes(self, parcel: Parcel) -> bool:  # noqa: ARG002 - the protocol's signature
        """Anything."""
        return True

    def send(self, parcel: Parcel) -> None:
        """Hand both texts over."""
        names = ("reference", "kind", "text_zh", "text_en")
        body = {name: getattr(parcel, name) for name in names}
        raw = msgspec.json.encode(body | {"person": str(parcel.person_id)})
        _post(self.url, raw, {SIGNATURE: _signature(self.secret, raw)})


@dataclass(frozen=True)
class AlertHook:
    """POST a JSON body of kinds and numbers, signed with HMAC-SHA256 of its bytes."""

    url: str
    secret: str = field(repr=False)

    def send(self, body: dict[str, Any]) -> None:
        """Hand it over."""
        raw = msgspec.json.encode(body)
        _post(self.url, raw, {SIGNATURE: _signature(self.secret, raw)})


def _signature(secret: str, raw: bytes) -> str:
    return f"sha256={hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()}"


def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    headers = headers | {"Content-Type": "application/json"}
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CarrierFailed(type(error).__name__) from None
    if not answer.is_success:
        raise CarrierFailed(f"status {answer.status_code}")


def configured(settings: Settings) -> list[Carrier]:
    """Return the carriers of the settings, SMS first; `ValueError` names a secret that is missing.

    Settings cannot refuse it: the addresses are every process's, the secrets only schedule's.
    """
    carriers: list[Carrier] = []
    if settings.sms_url:
        token = secret_of("SMS_TOKEN", settings.sms_token, "SMS_URL")
        carriers.append(Sms(settings.sms_url, token))
    if settings.webhook_url:
        secret = secret_of("WEBHOOK_SECRET", settings.webhook_secret, "WEBHOOK_URL")
        carriers.append(Webhook(settings.webhook_url, secret))
    return carriers


def alert_hook(settings: Settings) -> AlertHook | None:
    """Return the other system that hears of alerts, if there is one."""
    if not settings.alert_webhook_url:
        return None
    needed = ("ALERT_WEBHOOK_SECRET", settings.alert_webhook_secret, "ALERT_WEBHOOK_URL")
    return AlertHook(settings.alert_webhook_url, secret_of(*needed))


def secret_of(name: str, value: SecretStr | None, needed_by: str) -> str:
    """Return a secret, or raise `ValueError` that names it and what needs it."""
    if not value:
        msg = f"CORRECTION_{name} is not set; CORRECTION_{needed_by} is, and needs it"
        raise ValueError(msg)
    return value.get_secret_value()
