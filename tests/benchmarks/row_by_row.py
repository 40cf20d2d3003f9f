"""A baseline listener: decode, add one ORM row, commit, next. Arguments: database, port, account.

The loop that every tutorial shows. It checks no order, no zone, keeps no state, sends no receipt,
and the broker has its acknowledgement whether or not the row was stored.
"""

import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql import quoted_name

from correction_service.db import engine_for
from devices.messages import Fix as Said
from devices.messages import Strap
from models.fix import Fix

NAME = "fix_by_row"


def table(metadata: MetaData) -> Table:
    """A table of the shape of `fix`."""
    assert isinstance(Fix.__table__, Table)
    copied = Fix.__table__.to_metadata(metadata, name=NAME)
    for index in copied.indexes:
        index.name = quoted_name(f"{index.name}_by_row", quote=False)
    return copied


class Base(DeclarativeBase):
    """Apart from the service's tables."""


class NaiveFix(Base):
    """A position, as the service keeps it."""

    __table__ = table(Base.metadata)


def _row(message: MQTTMessage) -> NaiveFix:
    said = msgspec.json.decode(message.payload, type=Said)
    values: dict[str, Any] = {name: getattr(said, name) for name in COPIED}
    values |= {"source": said.source.value, "crs": said.crs.value}
    number = int(message.topic.split("/")[3].partition("-")[2])
    return NaiveFix(
        device_id=number, received=datetime.now(UTC), strap_open=said.strap is Strap.OPEN, **values
    )


COPIED = ("time", "seq", "lat", "lon", "accuracy_m", "speed_mps", "heading_deg", "battery", "worn")


def main() -> None:
    """Listen until terminated."""
    url, port, account, password = sys.argv[1:]
    engine = engine_for(url)

    def store(_client: Client, _data: object, message: MQTTMessage) -> None:
        with Session(engine) as session:
            session.add(_row(message))
            session.commit()

    client = Client(CallbackAPIVersion.VERSION2, client_id=account, clean_session=False)
    client.username_pw_set(account, password)
    client.on_message = store
    client.connect("127.0.0.1", int(port))
    client.subscribe("correction/v1/+/+/fix", qos=1)
    client.loop_forever()


if __name__ == "__main__":
    main()
