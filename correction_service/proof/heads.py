"""Heads of the log: its size and root, signed, for a witness who keeps them where we cannot write.

Whoever rewrites the log must make it give an earlier root again, or the witness's heads do not fit.
"""

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.proof import signing, verifier
from models.audit import AuditLeaf, AuditRoot
from models.audit_proof import Tree
from models.errors import Invalid, Refused

Head = dict[str, Any]
LOG = "correction-service audit"


def newest(session: Session, key: Ed25519PrivateKey) -> Head:
    """The head of what is sealed now, signed; `Refused` where nothing is."""
    root = session.scalars(select(AuditRoot).order_by(AuditRoot.size.desc()).limit(1)).first()
    if root is None:
        raise Refused("Nothing is sealed yet.", code="not_sealed")
    return signed(root, key)


def signed(root: AuditRoot, key: Ed25519PrivateKey) -> Head:
    """One root as a signed head."""
    head = {
        "log": LOG,
        "size": root.size,
        "sha256": root.hash.hex(),
        "at": root.at.isoformat(),
        "key": signing.public(key),
    }
    return head | {"signature": key.sign(verifier.head_text(head)).hex()}


def export(session: Session, key: Ed25519PrivateKey, folder: Path) -> Path | None:
    """Write the newest head into the witness's folder; None where it is there already.

    The file appears whole or not at all.
    """
    head = newest(session, key)
    path = folder / f"head-{head['size']:012d}.json"
    if path.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(head, indent=1) + "\n")
    part.replace(path)
    return path


def tree(session: Session, size: int) -> Tree:
    """The tree of the first `size` leaves."""
    hashes = select(AuditLeaf.hash).where(AuditLeaf.position < size).order_by(AuditLeaf.position)
    return Tree(session.scalars(hashes).all())


def still_holds(session: Session, head: Head) -> bool:
    """Whether today's log began as an earlier head says: nothing before it changed.

    `Invalid` for what is no head of ours.
    """
    try:
        sign, key = bytes.fromhex(head["signature"]), bytes.fromhex(head["key"])
        size, root = int(head["size"]), bytes.fromhex(head["sha256"])
        genuine = verifier.signed(key, verifier.head_text(head), sign)
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("This is no head of a log.", field="head") from error
    if not genuine:
        raise Invalid("The head is not signed by its key.", field="head")
    last = session.scalars(select(AuditRoot).order_by(AuditRoot.size.desc()).limit(1)).first()
    if last is None or last.size < size:
        return False
    whole = tree(session, last.size)
    path = whole.consistency(size)
    return verifier.grew((size, root), (last.size, whole.root()), path)
