import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from iotcore import Broker

from devices.link import MqttSettings, Outbound, client
from devices.mqtt import Inbound, Outcome, Traffic, listen
from devices.publisher import Publisher
from tests.broker import MOSQUITTO, free_port, mosquitto
from tests.devices.wires import Heard, settings_for, until

FIX = "correction/v1/gw-1/dev-1/fix"
CONFIG = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10
[{version}.1]
name = "test"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
{tls}
[{version}.1.connections]
connection_timeout_ms = 5000
max_payload_size = 20480
max_inflight_count = 100
dynamic_filters = true
{auth}
"""


def round_trip(settings: MqttSettings) -> list[str]:
    """What a listener hears of one message, both ends connecting as `settings` say."""
    heard: list[str] = []

    def handle(batch: list[Inbound]) -> Outcome:
        heard.extend(message.payload.decode() for message in batch)
        return Outcome()

    stop, traffic = threading.Event(), Traffic()
    options = {"stop": stop, "traffic": traffic}
    thread = threading.Thread(target=listen, args=(settings, handle), kwargs=options)
    thread.start()
    try:
        until(lambda: traffic.connected)
        with Publisher(replace(settings, client_id="publisher")) as publisher:
            publisher.publish(Outbound(FIX, b"hello"))
        until(lambda: traffic.acknowledged == 1)
    finally:
        stop.set()
        thread.join()
    return heard


@contextmanager
def configured(folder: Path, version: str, *, tls: str = "", auth: str = "") -> Iterator[int]:
    port = free_port()
    file = folder / "broker.toml"
    file.write_text(CONFIG.format(version=version, port=port, tls=tls, auth=auth), encoding="utf-8")
    with Broker(config_path=str(file)):
        yield port


def certify(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test broker")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, SHA256())
    )
    certificate, secret = folder / "broker.pem", folder / "broker.key"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, secret


def test_mqtt_5_carries_messages_too(tmp_path: Path) -> None:
    with configured(tmp_path, "v5") as port:
        assert round_trip(replace(settings_for(port), version="5")) == ["hello"]


def test_a_ca_file_turns_tls_on(tmp_path: Path) -> None:
    certificate, secret = certify(tmp_path)
    tls = f'[v4.1.tls]\ncertpath = "{certificate}"\nkeypath = "{secret}"'
    with configured(tmp_path, "v4", tls=tls) as port:
        assert round_trip(replace(settings_for(port), ca_file=certificate)) == ["hello"]
        with Publisher(settings_for(port)) as plain, pytest.raises(TimeoutError):
            plain.publish(Outbound(FIX, b"in the clear"), timeout_s=0.5)


@pytest.mark.system
@pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto here: apt-get install mosquitto")
def test_large_and_small_messages_come_over_tls_in_order(tmp_path: Path) -> None:
    certificate, secret = certify(tmp_path)
    sent = ["x" * 1_000_000, *map(str, range(200)), "y" * 300_000]
    heard, stop, traffic = Heard(), threading.Event(), Traffic()
    with mosquitto(tmp_path, f"certfile {certificate}", f"keyfile {secret}") as port:
        settings = replace(settings_for(port), ca_file=certificate)
        options = {"stop": stop, "traffic": traffic}
        thread = threading.Thread(target=listen, args=(settings, heard), kwargs=options)
        thread.start()
        try:
            until(lambda: traffic.connected)
            with Publisher(replace(settings, client_id="publisher")) as publisher:
                for payload in sent:
                    publisher.publish(Outbound(FIX, payload.encode()))
            until(lambda: traffic.acknowledged == len(sent))
        finally:
            stop.set()
            thread.join()
    assert heard.payloads == sent


def test_a_password_comes_from_its_file(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("s3cret\n", encoding="utf-8")
    wrong.write_text("guess\n", encoding="utf-8")
    auth = '[v4.1.connections.auth]\ningest = "s3cret"'
    with configured(tmp_path, "v4", auth=auth) as port:
        named = replace(settings_for(port), username="ingest", password_file=right)
        assert round_trip(named) == ["hello"]
        guessing = replace(named, password_file=wrong)
        with Publisher(guessing) as publisher, pytest.raises(TimeoutError):
            publisher.publish(Outbound(FIX, b"hello"), timeout_s=0.5)


def test_a_missing_password_file_is_named_before_anything_connects(tmp_path: Path) -> None:
    settings = replace(settings_for(1), username="ingest", password_file=tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="none"):
        client(settings, lasting=False)
