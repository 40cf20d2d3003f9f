"""Hand a committed command to the broker, by an account that may ask and do nothing else there."""

from datetime import UTC, datetime
from secrets import token_hex

import structlog

from correction_service.audit import Actor
from correction_service.db import Database
from correction_service.hardware import errands
from correction_service.hardware.errands import Asked
from correction_service.settings import Settings
from devices.link import MqttSettings
from devices.publisher import Publisher

WITHIN_S = 5.0  # somebody waits for the page

log = structlog.get_logger()


def account(settings: Settings) -> MqttSettings:
    """The account that asks: its own where one is set, else the service's."""
    name, secret = settings.mqtt_command_username, settings.mqtt_command_password
    if not name:
        name, secret = settings.mqtt_username, settings.mqtt_password
    return MqttSettings(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        client_id=f"correction-{token_hex(4)}",  # several may ask at once
        username=name or "",
        password=secret.get_secret_value() if secret else "",
        ca_file=settings.mqtt_ca_file,
    )


def hand_over(database: Database, settings: Settings, asked: Asked, actor: Actor, via: str) -> bool:
    """Publish a command whose row is committed, and write that the broker has it.

    False where the broker did not take it in five seconds: the row then goes on saying so.
    """
    try:
        with Publisher(account(settings)) as broker:
            broker.publish(asked.message, WITHIN_S)
    except OSError as fault:  # no connection, no acknowledgement, or a CA file that is not there
        log.warning("command not handed over", command=asked.id, fault=type(fault).__name__)
        return False
    with database.transaction(actor, via) as session:
        errands.handed_over(session, asked.id, datetime.now(UTC))
    return True
