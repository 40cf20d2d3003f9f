"""Encryption at rest: a key ring wraps one data key a person; that key seals the person's columns.

AES-256-GCM throughout (NIST SP 800-38D), a fresh 96-bit nonce for each message. The associated data
is `table.column.id`, so that a sealed value moved to another row or column does not open. Rotation
wraps the data keys anew and leaves the columns alone; destroying a wrapped key erases a person
under an append-only log.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed value did not open: wrong key, wrong row, or changed bytes."""


def seal(key: bytes, plain: bytes, place: str) -> bytes:
    """Encrypt for one `place` (`table.column.id`): nonce followed by ciphertext and tag."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, place.encode())


def unseal(key: bytes, sealed: bytes, place: str) -> bytes:
    """Decrypt what `seal` made for the same place; `SealBroken` otherwise."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken(place.rsplit(".", 1)[0]) from error


class _Stored(msgspec.Struct):
    current: str
    keys: dict[str, str]
    index: str


@dataclass(frozen=True)
class KeyRing:
    """The wrapping keys by name, the name in use, and the key of the blind indexes."""

    current: str
    keys: dict[str, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> "KeyRing":
        """Make a ring with one wrapping key, named k1."""
        return cls("k1", {"k1": secrets.token_bytes(KEY_BYTES)}, secrets.token_bytes(KEY_BYTES))

    @classmethod
    def loads(cls, text: str) -> "KeyRing":
        """Read a ring as `dumps` writes it; `ValueError` says what is wrong with it."""
        try:
            stored = msgspec.json.decode(text, type=_Stored)
            keys = {name: b64decode(key, validate=True) for name, key in stored.keys.items()}
            index_key = b64decode(stored.index, validate=True)
        except (msgspec.MsgspecError, ValueError) as error:
            msg = f"the key ring is not valid JSON with current, keys and index: {error}"
            raise ValueError(msg) from error
        if stored.current not in keys:
            msg = f"the key ring has no key named {stored.current}"
            raise ValueError(msg)
        if any(len(key) != KEY_BYTES for key in (*keys.values(), index_key)):
            msg = f"every key of the key ring has {KEY_BYTES} bytes, in base64"
            raise ValueError(msg)
        return cls(stored.current, keys, index_key)

    def dumps(self) -> str:
        """The ring as JSON, keys in base64. For a file of mode 0600 and nowhere else."""
        keys = {name: b64encode(key).decode() for name, key in self.keys.items()}
        stored = _Stored(self.current, keys, b64encode(self.index_key).decode())
        return msgspec.json.encode(stored).decode()

    def rotated(self, name: str) -> "KeyRing":
        """A ring with a new key `name` in use and the old ones kept for opening."""
        if name in self.keys:
            msg = f"the key ring already has a key named {name}"
            raise ValueError(msg)
        fresh = {**self.keys, name: secrets.token_bytes(KEY_BYTES)}
        return KeyRing(name, fresh, self.index_key)

    def wrap(self, data_key: bytes, place: str) -> bytes:
        """Seal a data key under the key in use; the key's name goes before it."""
        name = self.current.encode()
        return bytes([len(name)]) + name + seal(self.keys[self.current], data_key, place)

    def unwrap(self, wrapped: bytes, place: str) -> bytes:
        """Open a wrapped data key; `SealBroken` when its key is not on the ring."""
        name = wrapped[1 : 1 + wrapped[0]].decode()
        if name not in self.keys:
            raise SealBroken(place.rsplit(".", 1)[0])
        return unseal(self.keys[name], wrapped[1 + wrapped[0] :], place)

    def wrapped_under(self, wrapped: bytes) -> str:
        """Name the key that a wrapped data key needs."""
        return wrapped[1 : 1 + wrapped[0]].decode()

    def blind(self, column: str, value: str) -> bytes:
        """Return the 32-byte blind index of an exact value, for look-up and uniqueness."""
        return hmac.digest(self.index_key, f"{column}\0{value}".encode(), hashlib.sha256)
