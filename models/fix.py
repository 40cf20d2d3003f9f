"""定位点: positions under an order in force, their packed days, and digests of what was refused."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.grid import STEPS, Coded, Scaled

SOURCES = ("gnss", "wifi", "lbs")
DATUMS = ("wgs84", "gcj02", "bd09")


class Fix(Base):
    """One position of a day that is not packed yet. Identity is (device, seq, time).

    Deleted by packing and by retention, so not append-only. The device is no foreign key: checking
    one costs as much as the insert, and devices are never deleted. On PostgreSQL the table is
    partitioned by UTC day.
    """

    __tablename__ = "fix"
    __table_args__ = (
        Index("ix_fix_time", "time", postgresql_using="brin"),
        {"postgresql_partition_by": "RANGE (time)"},
    )

    device_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time: Mapped[datetime] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    received: Mapped[datetime] = mapped_column(doc="to the millisecond")
    lat: Mapped[float] = mapped_column(Scaled(Integer, STEPS["lat"]), doc="degrees, WGS-84")
    lon: Mapped[float] = mapped_column(Scaled(Integer, STEPS["lon"]), doc="degrees, WGS-84")
    accuracy_m: Mapped[float | None] = mapped_column(Scaled(Integer, STEPS["accuracy_m"]))
    speed_mps: Mapped[float | None] = mapped_column(Scaled(Integer, STEPS["speed_mps"]))
    heading_deg: Mapped[float | None] = mapped_column(Scaled(SmallInteger, STEPS["heading_deg"]))
    battery: Mapped[float | None] = mapped_column(
        Scaled(SmallInteger, STEPS["battery"]), doc="share of a full one"
    )
    source: Mapped[str] = mapped_column(Coded(SOURCES))
    crs: Mapped[str] = mapped_column(Coded(DATUMS), default="wgs84", doc="datum it was sent in")
    strap_open: Mapped[bool | None]
    worn: Mapped[bool | None]


class PackedDay(Base):
    """All fixes of one device and one closed UTC day; a late fix makes another edition."""

    __tablename__ = "packed_day"

    device_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    edition: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    packed_at: Mapped[datetime]
    fixes: Mapped[int] = mapped_column(doc="how many")
    codec: Mapped[str] = mapped_column(String(16), doc="name and version of the packing")
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), doc="SHA-256 of data; in the log")
    data: Mapped[bytes] = mapped_column(LargeBinary)


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
    """Something not stored, with the reason: a digest and no coordinates.

    A storm of one refusal keeps its first payloads one by one and counts the others.
    """

    __tablename__ = "reject"
    __table_args__ = (Index("ix_reject_received", "received"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    received: Mapped[datetime]
    gateway: Mapped[str | None] = mapped_column(String(64))
    device: Mapped[str | None] = mapped_column(String(64))
    seq: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), doc="SHA-256 of the first payload")
    times: Mapped[int] = mapped_column(default=1, doc="how many payloads this row stands for")
