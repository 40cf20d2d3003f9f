"""Gateways, bracelets, and which case wears which bracelet when."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, words
from models.case import Case


class Protocol(StrEnum):
    """How a device's positions reach us: our own wire, or another client's."""

    NATIVE = "native"
    OWNTRACKS = "owntracks"
    TRACCAR = "traccar"


class Gateway(Base):
    """设备网关: speaks for its own devices and no others; the broker's password file knows it."""

    __tablename__ = "gateway"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    secret_hash: Mapped[str] = mapped_column(doc="in mosquitto's PBKDF2-SHA512 form")
    active: Mapped[bool] = mapped_column(default=True)
    online: Mapped[bool | None]
    heard_at: Mapped[datetime | None]


class Device(Base):
    """电子定位腕带: a dedicated positioning device (IM 37: never a phone)."""

    __tablename__ = "device"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True, doc="as in MQTT topics")
    imei: Mapped[str | None] = mapped_column(String(15), unique=True)
    model: Mapped[str | None] = mapped_column(String(64))
    protocol: Mapped[Protocol] = mapped_column(words(Protocol), default=Protocol.NATIVE)
    gateway_id: Mapped[int] = mapped_column(ForeignKey("gateway.id"), index=True)

    gateway: Mapped[Gateway] = relationship()


class Binding(Base):
    """A device on a person's wrist, from fitting to removal; each side is bound at most once."""

    __tablename__ = "binding"
    __table_args__ = (
        Index("ix_binding_device_id_bound_at", "device_id", "bound_at"),
        *(
            Index(
                f"uq_binding_{column}_now",
                column,
                unique=True,
                sqlite_where=text("unbound_at IS NULL"),
                postgresql_where=text("unbound_at IS NULL"),
            )
            for column in ("device_id", "case_id")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("supervised_case.id"))
    bound_at: Mapped[datetime]
    unbound_at: Mapped[datetime | None]
    collected_at: Mapped[datetime | None] = mapped_column(doc="back in an officer's hand since")

    device: Mapped[Device] = relationship()
    case: Mapped[Case] = relationship()


class DeviceState(Base):
    """One packed row a device: the latest fix, the last sign of life, all zone states.

    Whoever changes it raises `revision`, and ingest writes only over the revision it read: two
    ingesters, or an officer taking the bracelet off meanwhile, never overwrite each other.
    """

    __tablename__ = "device_state"

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    heard_at: Mapped[datetime] = mapped_column(doc="receipt of anything at all")
    time: Mapped[datetime | None] = mapped_column(doc="of the latest fix, by its own clock")
    seq: Mapped[int | None] = mapped_column(BigInteger)
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    accuracy_m: Mapped[float | None]
    source: Mapped[str | None] = mapped_column(String(4))
    battery: Mapped[float | None]
    strap_open: Mapped[bool | None]
    zones: Mapped[bytes] = mapped_column(LargeBinary, default=b"", doc="packed")
    revision: Mapped[int] = mapped_column(default=0)


class StateSnapshot(Base):
    """A device's zone states before its first fix of a UTC day: where a replay begins."""

    __tablename__ = "state_snapshot"

    device_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    time: Mapped[datetime | None] = mapped_column(doc="of the fix before")
    seq: Mapped[int | None] = mapped_column(BigInteger)
    zones: Mapped[bytes] = mapped_column(LargeBinary, doc="packed")


class ReplayDue(Base):
    """Late fixes of a device wait to be folded into its past, from `since` on."""

    __tablename__ = "replay_due"

    device_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[datetime] = mapped_column(doc="time of the earliest late fix")
    marked_at: Mapped[datetime]
