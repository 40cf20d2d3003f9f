"""Every setting, read once from the environment (CORRECTION_…) or from files of a secrets folder.

`.env.example` and docs/operations.md describe each; a test holds them to this list.
"""

from datetime import time
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from devices.topics import NAME

MIN_SECRET_KEY = 32  # characters


class Mode(StrEnum):
    """Production refuses to start without keys; the demo makes its own."""

    PRODUCTION = "production"
    DEMO = "demo"


class SmtpSecurity(StrEnum):
    """How the way to the mail server is encrypted; there is no way without."""

    STARTTLS = "starttls"
    TLS = "tls"


class Settings(BaseSettings):
    """The service's settings. Secrets may come as files named like the setting (lower case)."""

    model_config = SettingsConfigDict(env_prefix="CORRECTION_", extra="ignore", frozen=False)

    mode: Mode = Field(Mode.PRODUCTION, description="production, or demo on embedded parts")
    data_dir: Path = Field(Path("data"), description="folder of photos and, in the demo, of all")
    database_url: SecretStr = Field(
        SecretStr("sqlite:///data/correction.db"),
        description="SQLAlchemy address: sqlite:///… or postgresql+psycopg://…",
    )
    law_dir: Path | None = Field(
        None, description="folder whose holidays, clocks, limits or hotlines .toml replace ours"
    )
    key_ring: SecretStr | None = Field(
        None, description="key ring as JSON (or a secret file): wrapping keys and index key"
    )
    signing_key: SecretStr | None = Field(
        None, description="Ed25519 key, in hex, that signs heads of the log and packs of evidence"
    )
    witness_dir: Path | None = Field(
        None, description="folder outside, into which signed heads of the log are written hourly"
    )
    secret_key: SecretStr | None = Field(None, description="signs session cookies; ≥32 characters")
    public_url: str = Field(
        "http://127.0.0.1:8000", description="address that people type; https in production"
    )
    lawful_opens: time = Field(time(6), description="no check-in is asked before, local time")
    lawful_closes: time = Field(time(22), description="no check-in is asked after, local time")
    spot_check_minutes: int = Field(
        120, ge=15, description="time to answer a spot check, from its proved delivery"
    )
    spot_check_share: float = Field(
        0.3, ge=0, le=1, description="share of days with a spot check, where a plan asks for them"
    )
    challenge_seconds: int = Field(120, ge=20, description="life of one check-in attempt")
    draws_an_hour: int = Field(
        6, ge=2, description="so often a person is asked something new within an hour"
    )
    upload_grace_seconds: int = Field(
        600, ge=0, description="what was taken in an attempt's life may arrive so much later"
    )
    aim_lanes: int = Field(
        1, ge=0, le=8, description="pictures advised on at once while people aim; 0: no live advice"
    )
    session_minutes: int = Field(480, ge=5, description="an idle console session ends after")
    phone_session_minutes: int = Field(15, ge=1, description="an idle phone session ends after")
    match_photo_days: int = Field(28, ge=1, description="check-in photos of a match are kept")
    no_match_photo_days: int = Field(
        90, ge=1, description="check-in photos of a confirmed no-match are kept: to object with"
    )
    second_look_days: int = Field(
        3, ge=1, description="the head may confirm a no-match alone after so long without a second"
    )
    keep_enrolment_photo: bool = Field(
        True,  # noqa: FBT003 - pydantic's default
        description="keep enrolment photos, encrypted, for officers to compare with",
    )
    enrolment_photos: int = Field(
        3, ge=1, le=8, description="how many of them; with 3 a new model needs no new enrolment"
    )
    max_photo_bytes: int = Field(6_000_000, description="largest photo accepted, bytes")
    max_photo_megapixels: float = Field(
        25.0, gt=0, le=30, description="largest photo accepted, megapixels, up to 30"
    )
    face_workers: int = Field(1, ge=1, le=16, description="processes that verify faces")
    face_queue: int = Field(8, ge=1, description="captures that may wait before we say busy")
    face_calibration: Path | None = Field(
        None, description="file of `face calibrate --write`; none: of development faces"
    )
    face_embedder: Path | None = Field(
        None, description="file that describes an ONNX embedder to take SFace's place"
    )
    mqtt_host: str = Field("127.0.0.1", description="broker")
    mqtt_port: int = Field(1883, description="broker's port; 8883 with TLS")
    mqtt_username: str | None = Field(None, description="the service's own account at the broker")
    mqtt_password: SecretStr | None = Field(None, description="its password")
    mqtt_command_username: str | None = Field(
        None, description="account at the broker that may send commands only; else the service's"
    )
    mqtt_command_password: SecretStr | None = Field(None, description="its password")
    mqtt_ca_file: Path | None = Field(None, description="CA of the broker; turns TLS on")
    mqtt_client_id: str = Field("correction-ingest", description="stable, one an ingester")
    ingest_gateways: str = Field(
        "",
        pattern=rf"^({NAME}(,{NAME})*)?$",
        description="gateways that this ingester hears, by comma; none named: all",
    )
    ingest_share: str = Field(
        "",
        pattern=rf"^({NAME})?$",
        description="group in which several ingesters divide what they hear",
    )
    ingest_batch: int = Field(
        5000, ge=1, le=20_000, description="fixes and events in one transaction; SQLite takes 2000"
    )
    silent_minutes: int = Field(
        60, ge=5, description="a bound device not heard for this long is silent"
    )
    feed_silent_minutes: int = Field(
        5, ge=1, description="nothing of any bracelet for this long is a fault of the service"
    )
    service_minutes: int = Field(
        60, ge=5, le=480, description="a service session of a bracelet lasts at most so long"
    )
    pack_after_hours: int = Field(
        26, ge=1, description="a UTC day is packed so long after its end, when late fixes are in"
    )
    fix_days: int = Field(
        365, ge=1, description="fixes and device events are kept so long after their case ended"
    )
    file_years: int | None = Field(
        None,
        ge=1,
        le=100,
        description="a file may be destroyed so long after its last case ended; none: never",
    )
    technical_days: int = Field(
        90,
        ge=7,
        description="refusals, ingest's minutes, answered commands and what-ifs are kept so long",
    )
    what_if_wearer_days: int = Field(
        3000, ge=1, le=30_000, description="a what-if tries at most so many, else some by lot"
    )
    urgent_cover_minutes: int = Field(
        5, ge=0, description="an urgent incident unanswered so long goes to who covers; 0: never"
    )
    urgent_head_minutes: int = Field(
        10, ge=0, description="and after so much longer to the head; 0: never"
    )
    soon_cover_minutes: int = Field(60, ge=0, description="the same of one to look at soon")
    soon_head_minutes: int = Field(120, ge=0, description="the same of one to look at soon")
    watch_cover_minutes: int = Field(0, ge=0, description="the same of one to watch")
    watch_head_minutes: int = Field(0, ge=0, description="the same of one to watch")
    sms_url: str | None = Field(None, description="SMS gateway: POST to, phone, text")
    sms_token: SecretStr | None = Field(None, description="bearer token of the SMS gateway")
    webhook_url: str | None = Field(None, description="other carrier of notices: POST, no phone")
    webhook_secret: SecretStr | None = Field(None, description="HMAC-SHA256 key of webhook bodies")
    alert_webhook_url: str | None = Field(
        None, description="another system that is told of incidents and outages: POST, ids only"
    )
    alert_webhook_secret: SecretStr | None = Field(
        None, description="HMAC-SHA256 key of those bodies"
    )
    smtp_host: str | None = Field(None, description="mail server that alerts of staff go through")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port; 465 with tls")
    smtp_security: SmtpSecurity = Field(
        SmtpSecurity.STARTTLS, description="starttls, or tls from the first byte; never without"
    )
    smtp_username: str | None = Field(None, description="account at the mail server")
    smtp_password: SecretStr | None = Field(None, description="its password")
    smtp_from: str | None = Field(None, description="address that alerts come from")
    smtp_ca_file: Path | None = Field(None, description="CA of a mail server of one's own")
    delivery_token: SecretStr | None = Field(
        None, description="bearer token with which carriers report delivery"
    )
    delivery_report_minutes: int = Field(
        30, ge=1, description="a sent message whose arrival is not proved by then is called out"
    )
    tile_url: str | None = Field(None, description="map tiles {z}/{x}/{y}; none: outlines only")
    tile_datum: str = Field("wgs84", description="datum of the tiles: wgs84 or gcj02")
    tile_attribution: str = Field("", description="shown on the map when tiles are")
    metrics_token: SecretStr | None = Field(None, description="bearer token of /metrics")
    ingest_metrics_port: int | None = Field(
        None, ge=1, le=65535, description="port of ingest's figures; none: closed"
    )
    schedule_metrics_port: int | None = Field(
        None, ge=1, le=65535, description="port of schedule's figures; none: closed"
    )
    metrics_host: str = Field("127.0.0.1", description="address that those ports are bound to")
    proxies: int = Field(0, ge=0, description="reverse proxies whose headers are believed")

    @field_validator("secret_key")
    @classmethod
    def _secret_key_is_long(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key) < MIN_SECRET_KEY:
            msg = f"a key has at least {MIN_SECRET_KEY} characters: try `openssl rand -hex 32`"
            raise ValueError(msg)
        return key

    @property
    def map_datum(self) -> str:
        """The datum that maps are drawn in: their tiles', WGS-84 without tiles."""
        return self.tile_datum if self.tile_url else "wgs84"

    @model_validator(mode="after")
    def _lawful_hours_run_forward(self) -> "Settings":
        if self.lawful_opens >= self.lawful_closes:
            msg = "CORRECTION_LAWFUL_OPENS must be earlier than CORRECTION_LAWFUL_CLOSES"
            raise ValueError(msg)
        return self


def load(secrets_dir: Path | None = None) -> Settings:
    """Read the settings; `secrets_dir` holds files such as correction_key_ring."""
    if secrets_dir is None:
        return Settings()
    return Settings(_secrets_dir=secrets_dir)
