"""The phone page of supervised people, and the kiosk at the counter."""

from correction_service.web.phone import (
    checkin,
    door,
    frame,
    home,
    kiosk,
    leave,
    points,
    rights,
    shell,
)

__all__ = ["BLUEPRINTS", "checkin", "door", "home", "leave", "points", "rights", "shell"]

BLUEPRINTS = (frame.blueprint, kiosk.blueprint)
