"""The officers' console: who needs me now, people, reviews, incidents, flags, points."""

from correction_service.web.console import (
    audit,
    calls,
    cases,
    devices,
    enrol,
    enrol_face,
    enrol_import,
    enrol_steps,
    enrol_tracking,
    errands,
    flags,
    frame,
    home,
    incidents,
    ingest,
    people,
    points,
    reviews,
    services,
    shifts,
    users,
    zones,
)

BLUEPRINTS = tuple(
    module.blueprint
    for module in (
        frame,
        home,
        people,
        cases,
        reviews,
        incidents,
        shifts,
        flags,
        points,
        calls,
        devices,
        ingest,
        users,
        audit,
        enrol,
        enrol_face,
        enrol_import,
        enrol_steps,
        enrol_tracking,
        zones,
        errands,
        services,
    )
)
