"""What bracelets, zones and incidents are called."""

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from correction_service.messages.alerts import Alert
from devices.messages import CommandKind
from models.command import CommandState
from models.incident import Cause, IncidentKind, IncidentState, Severity, Tier
from models.service import ServiceKind
from models.what_if import WhatIfState
from models.zone import BoundarySource, ZoneKind, ZoneState

WORDS: dict[type[StrEnum], dict[StrEnum, Any]] = {
    Severity: {
        Severity.URGENT: _l("urgent"),
        Severity.SOON: _l("soon"),
        Severity.WATCH: _l("watch"),
    },
    IncidentKind: {
        IncidentKind.LEFT_HOME_AREA: _l("Outside the home area"),
        IncidentKind.ENTERED_EXCLUSION: _l("Inside an exclusion zone"),
        IncidentKind.OUT_IN_CURFEW: _l("Not at the curfew address"),
        IncidentKind.STRAP_OPENED: _l("Strap opened"),
        IncidentKind.CASE_OPENED: _l("Bracelet case opened"),
        IncidentKind.SEPARATED: _l("Bracelet away from the wrist"),
        IncidentKind.JAMMED: _l("Radio disturbed"),
        IncidentKind.DEVICE_SILENT: _l("Bracelet not heard"),
        IncidentKind.POWER_OFF: _l("Bracelet switched off"),
        IncidentKind.SOS: _l("Help button pressed"),
        IncidentKind.IMPOSSIBLE_SPEED: _l("Impossible speed"),
        IncidentKind.IMPLAUSIBLE_ACCURACY: _l("Implausible accuracy"),
        IncidentKind.AWAY_FROM_PLACE: _l("Not at the place to be at"),
        IncidentKind.AWAY_FROM_DESTINATION: _l("Outside the approved destination"),
        IncidentKind.LEAVE_OVERDUE: _l("Not back from leave"),
        IncidentKind.CONTACT: _l("Near a person to keep away from"),
        IncidentKind.GATHERING: _l("Together with people to keep away from"),
    },
    IncidentState: {
        IncidentState.OPEN: _l("open"),
        IncidentState.ACKNOWLEDGED: _l("acknowledged"),
        IncidentState.ACTING: _l("being dealt with"),
        IncidentState.CLOSED: _l("closed"),
    },
    Tier: {
        Tier.COVER: _l("the covering officer"),
        Tier.HEAD: _l("the head"),
    },
    Alert: {
        Alert.ASSIGNED: _l("incidents for the officer on duty"),
        Alert.ESCALATED: _l("incidents that nobody answered"),
        Alert.HANDED_OVER: _l("incidents handed over"),
        Alert.REASSIGNED: _l("incidents given to an officer"),
        Alert.RAISED: _l("incidents that became more urgent"),
        Alert.OUTAGE: _l("nothing of any bracelet arrives"),
        Alert.OUTAGE_OVER: _l("bracelets are heard again"),
    },
    Cause: {
        Cause.LEFT_WITHOUT_APPROVAL: _l("left without approval"),
        Cause.APPROVED_ABSENCE: _l("absence was approved"),
        Cause.POSITION_DRIFT: _l("position drift"),
        Cause.NO_COVERAGE: _l("no coverage"),
        Cause.DEVICE_FAULT: _l("device fault"),
        Cause.BATTERY_EMPTY: _l("battery empty"),
        Cause.SERVICED: _l("fitted or serviced by staff"),
        Cause.TAMPERED: _l("tampered with"),
        Cause.EMERGENCY: _l("emergency"),
        Cause.RULE_WRONG: _l("the rule or zone was wrong"),
        Cause.OTHER: _l("other"),
    },
    ServiceKind: {
        ServiceKind.FIT: _l("fitting"),
        ServiceKind.BATTERY_SWAP: _l("battery swap"),
        ServiceKind.REPLACE: _l("replacement"),
        ServiceKind.REMOVE: _l("removal"),
    },
    ZoneKind: {
        ZoneKind.HOME: _l("home area"),
        ZoneKind.CURFEW: _l("curfew address"),
        ZoneKind.EXCLUSION: _l("exclusion zone"),
        ZoneKind.PLACE: _l("place to be at"),
        ZoneKind.DESTINATION: _l("destination of a leave"),
    },
    BoundarySource: {
        BoundarySource.DRAWN: _l("drawn by hand"),
        BoundarySource.ADMINISTRATIVE: _l("outline of a division"),
        BoundarySource.IMPORTED: _l("from a file or program"),
    },
    ZoneState: {
        ZoneState.INSIDE: _l("inside"),
        ZoneState.OUTSIDE: _l("outside"),
        ZoneState.UNKNOWN: _l("unknown"),
    },
    WhatIfState: {
        WhatIfState.WAITING: _l("waits for its turn"),
        WhatIfState.RUNNING: _l("is being tried"),
        WhatIfState.DONE: _l("done"),
        WhatIfState.CANCELLED: _l("cancelled"),
        WhatIfState.FAILED: _l("failed"),
    },
    CommandKind: {
        CommandKind.LOCATE: _l("say where it is"),
        CommandKind.VIBRATE: _l("vibrate"),
        CommandKind.MESSAGE: _l("show a message"),
        CommandKind.INTERVAL: _l("another interval"),
        CommandKind.CONFIGURE: _l("other settings"),
    },
    CommandState: {
        CommandState.ASKED: _l("not asked: the broker did not take it"),
        CommandState.SENT: _l("waits for an answer"),
        CommandState.DONE: _l("done"),
        CommandState.REFUSED: _l("refused by the bracelet or its gateway"),
        CommandState.EXPIRED: _l("reached the bracelet too late: not done"),
    },
}
