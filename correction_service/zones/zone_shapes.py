"""Shapes of zones as they are stored: each once, however many zones have it."""

import hashlib
import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.area import GeoJson
from models.zone import ZoneShape


def stored(session: Session, geometry: GeoJson) -> ZoneShape:
    """The stored shape of this geometry: the known one, or a new one."""
    digest = hashlib.sha256(json.dumps(geometry, sort_keys=True).encode()).digest()
    known = session.scalar(select(ZoneShape).where(ZoneShape.digest == digest))
    return known or ZoneShape(digest=digest, geometry=geometry)
