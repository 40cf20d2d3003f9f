"""One connection to a broker: what it takes to open it, for listeners, publishers and gateways."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from msgspec import Struct
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

RECEIVE_MAX = 20_000  # unacknowledged messages asked of an MQTT 5 broker
SESSION_EXPIRY_S = 7 * 86_400
RECONNECT_S = (1, 30)
QUEUED_MAX = 10_000  # outgoing messages held while the broker is away

ClientKind = TypeVar("ClientKind", bound=Client)


@dataclass(frozen=True, kw_only=True)
class MqttSettings:
    """Where the broker is and who we are to it. A `ca_file` turns TLS on.

    The password is given itself or, without it, read from `password_file`.
    """

    host: str
    client_id: str
    port: int = 1883
    version: Literal["3.1.1", "5"] = "3.1.1"
    username: str = ""
    password: str = field(default="", repr=False)
    password_file: Path | None = None
    ca_file: Path | None = None
    keepalive_s: int = 60


class Inbound(Struct, frozen=True, gc=False):
    """One message as it arrived; its topic is "" where that was not UTF-8.

    `received_at` is the instant at which it was read, the same for all that one look found.
    """

    topic: str
    payload: bytes
    retained: bool
    received_at: datetime
    qos: int


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message to publish with QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


def client(settings: MqttSettings, *, lasting: bool, manual_ack: bool = False) -> Client:
    """A client that connects by itself once its loop starts, and again after every loss.

    A `lasting` one keeps its session at the broker, so messages wait for it; it must then always
    use the same client id. Raises OSError where a password or CA file cannot be read.
    """
    return client_as(Client, settings, lasting=lasting, manual_ack=manual_ack)


def client_as(
    kind: type[ClientKind], settings: MqttSettings, *, lasting: bool, manual_ack: bool = False
) -> ClientKind:
    """As `client`, of a kind of one's own."""
    five = settings.version == "5"
    made = kind(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=None if five else not lasting,
        protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        manual_ack=manual_ack,
    )
    made.max_inflight_messages_set(100)
    made.max_queued_messages_set(QUEUED_MAX)
    made.reconnect_delay_set(*RECONNECT_S)
    if settings.username:
        made.username_pw_set(
            settings.username, settings.password or _password(settings.password_file)
        )
    if settings.ca_file:
        made.tls_set(ca_certs=str(settings.ca_file))
    made.connect_async(
        settings.host,
        settings.port,
        settings.keepalive_s,
        clean_start=not lasting,
        properties=_session(lasting=lasting) if five else None,
    )
    return made


def topic_of(message: MQTTMessage) -> str:
    """The topic, or "" where it is not UTF-8; an exception would end paho's network thread."""
    try:
        return message.topic
    except UnicodeDecodeError:
        return ""


def _password(file: Path | None) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file else None


def _session(*, lasting: bool) -> Properties:
    wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's own gap
    wanted.ReceiveMaximum = RECEIVE_MAX
    wanted.SessionExpiryInterval = SESSION_EXPIRY_S if lasting else 0
    return wanted
