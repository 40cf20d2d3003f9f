"""What lessons, activities, volunteers and contacts are called."""

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from models.activity import (
    ActivityKind,
    ActivityState,
    AttendanceState,
    AttendanceWay,
    Excuse,
    Spot,
)
from models.volunteer import ContactKind, VolunteerState

WORDS: dict[type[StrEnum], dict[StrEnum, Any]] = {
    ActivityKind: {
        ActivityKind.EDUCATION: _l("education"),
        ActivityKind.PUBLIC_BENEFIT: _l("public-benefit activity"),
    },
    ActivityState: {
        ActivityState.PLANNED: _l("planned"),
        ActivityState.CLOSED: _l("list closed"),
        ActivityState.CANCELLED: _l("called off"),
    },
    AttendanceState: {
        AttendanceState.INVITED: _l("invited"),
        AttendanceState.ATTENDED: _l("was there"),
        AttendanceState.EXCUSED: _l("excused"),
        AttendanceState.MISSED: _l("was not there"),
    },
    AttendanceWay: {
        AttendanceWay.OFFICER: _l("by an officer's word"),
        AttendanceWay.FACE: _l("by face check"),
        AttendanceWay.OFFLINE: _l("on the list of a room without network"),
    },
    Excuse: {
        Excuse.ILLNESS: _l("illness"),
        Excuse.CUSTODY: _l("custody"),
        Excuse.APPROVED_LEAVE: _l("approved leave"),
        Excuse.UNABLE: _l("unable to do it"),
        Excuse.NOT_TOLD: _l("the invitation did not arrive in time"),
        Excuse.SUSPENDED: _l("not under supervision then"),
        Excuse.OUTAGE: _l("our pages did not answer"),
        Excuse.OTHER: _l("another good reason"),
    },
    Spot: {
        Spot.INSIDE: _l("at the place"),
        Spot.OUTSIDE: _l("away from the place"),
        Spot.UNKNOWN: _l("no position"),
        Spot.NOT_ASKED: _l("no place to check"),
    },
    VolunteerState: {
        VolunteerState.PROPOSED: _l("proposed"),
        VolunteerState.ACCEPTED: _l("accepted"),
        VolunteerState.ENDED: _l("ended"),
    },
    ContactKind: {
        ContactKind.VISIT: _l("visit"),
        ContactKind.CALL: _l("call"),
        ContactKind.TALK: _l("talk"),
        ContactKind.REPORT: _l("report that the person brought"),
    },
}
