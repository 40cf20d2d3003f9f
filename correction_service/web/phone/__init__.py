"""The phone page of supervised people, and the kiosk at the counter."""

from correction_service.web.phone import (
    changes,
    checkin,
    consent,
    crisis,
    door,
    duties,
    frame,
    home,
    kiosk,
    learning,
    leave,
    move,
    orders,
    points,
    requests,
    rights,
    shell,
    studies,
)

__all__ = [
    "BLUEPRINTS",
    "changes",
    "checkin",
    "consent",
    "crisis",
    "door",
    "duties",
    "home",
    "learning",
    "leave",
    "move",
    "orders",
    "points",
    "requests",
    "rights",
    "shell",
    "studies",
]

BLUEPRINTS = (frame.blueprint, kiosk.blueprint)
