"""The baseline listener: decode, add one ORM row, commit, next. Arguments: database, port."""

import json
import sys
from datetime import datetime

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from correction_service.db import engine_for


class Base(DeclarativeBase):
    """Apart from the service's tables."""


class NaiveFix(Base):
    """A position as a tutorial keeps it."""

    __tablename__ = "naive_fix"

    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str]
    seq: Mapped[int]
    time: Mapped[datetime]
    lat: Mapped[float]
    lon: Mapped[float]


def main() -> None:
    """Listen until terminated."""
    engine = engine_for(sys.argv[1])
    Base.metadata.create_all(engine)

    def store(_client: Client, _data: object, message: MQTTMessage) -> None:
        fix = json.loads(message.payload)
        with Session(engine) as session:
            session.add(
                NaiveFix(
                    topic=message.topic,
                    seq=fix["seq"],
                    time=datetime.fromisoformat(fix["time"]),
                    lat=fix["lat"],
                    lon=fix["lon"],
                )
            )
            session.commit()

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = store
    client.connect("127.0.0.1", int(sys.argv[2]))
    client.subscribe("correction/v1/#", qos=1)
    client.loop_forever()


if __name__ == "__main__":
    main()
