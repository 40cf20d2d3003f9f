"""The key that the service signs with: its own, apart from the key ring, and never in a backup."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from correction_service.settings import Mode, Settings

SEED_BYTES = 32


def fresh() -> str:
    """Make a signing key, in hex as the setting has it."""
    return Ed25519PrivateKey.generate().private_bytes_raw().hex()


def load(settings: Settings) -> Ed25519PrivateKey:
    """Read the signing key from the settings; the demo makes one (mode 0600) and keeps it.

    `ValueError` where production has none, or where it is no key.
    """
    if settings.signing_key is not None:
        return read(settings.signing_key.get_secret_value())
    if settings.mode is not Mode.DEMO:
        msg = "CORRECTION_SIGNING_KEY is not set; `correction-service keys signing` prints a key"
        raise ValueError(msg)
    path = settings.data_dir / "signing_key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(fresh())
    return read(path.read_text())


def read(text: str) -> Ed25519PrivateKey:
    """Read a key in hex; `ValueError` names the setting that it belongs to."""
    try:
        seed = bytes.fromhex(text.strip())
    except ValueError:
        seed = b""
    if len(seed) != SEED_BYTES:
        msg = "CORRECTION_SIGNING_KEY is not 64 hexadecimal digits"
        raise ValueError(msg)
    return Ed25519PrivateKey.from_private_bytes(seed)


def public(key: Ed25519PrivateKey) -> str:
    """The public key, in hex: what a witness compares with."""
    return key.public_key().public_bytes_raw().hex()
