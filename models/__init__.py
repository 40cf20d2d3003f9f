"""What is true: tables and the rules about them; no web, no wire, no clock, no I/O.

Importing the package makes every table known to `models.base.Base.metadata`.
"""

from models import (
    agency,
    audit,
    boundary,
    case,
    checkin,
    consent,
    device,
    face,
    fix,
    help_request,
    incident,
    job,
    notice,
    order,
    outbox,
    person,
    phone,
    points,
    risk,
    user,
    zone,
)

__all__ = [
    "agency",
    "audit",
    "boundary",
    "case",
    "checkin",
    "consent",
    "device",
    "face",
    "fix",
    "help_request",
    "incident",
    "job",
    "notice",
    "order",
    "outbox",
    "person",
    "phone",
    "points",
    "risk",
    "user",
    "zone",
]
