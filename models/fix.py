"""定位点: positions under an order in force, and digests of what was refused."""

from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Fix(Base):
    """One position. Identity is (device, seq, time); deleted by retention, so not append-only."""

    __tablename__ = "fix"

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    time: Mapped[datetime] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    received: Mapped[datetime]
    lat: Mapped[float] = mapped_column(Float(53), doc="degrees, WGS-84")
    lon: Mapped[float] = mapped_column(Float(53), doc="degrees, WGS-84")
    accuracy_m: Mapped[float | None]
    source: Mapped[str | None] = mapped_column(String(4), doc="gnss, wifi or lbs")
    crs: Mapped[str] = mapped_column(String(5), default="wgs84", doc="datum it was sent in")
    speed_mps: Mapped[float | None]
    heading_deg: Mapped[float | None]
    battery: Mapped[float | None]
    strap_open: Mapped[bool | None]
    worn: Mapped[bool | None]


class DeviceEvent(Base):
    """A strap, power or distress message; never filtered, kept with its raw bytes."""

    __tablename__ = "device_event"

    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    time: Mapped[datetime] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    received: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str | None] = mapped_column(String(2000))
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class Reject(Base):
    """Something not stored, with the reason: a digest and no coordinates."""

    __tablename__ = "reject"
    __table_args__ = (Index("ix_reject_received", "received"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    received: Mapped[datetime]
    gateway: Mapped[str | None] = mapped_column(String(64))
    device: Mapped[str | None] = mapped_column(String(64))
    seq: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), doc="SHA-256 of the payload")
