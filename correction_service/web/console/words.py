"""The words of the console for every code: short, plain, and never a verdict."""

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from correction_service.casework.timeline import Kind
from correction_service.messages.alerts import Alert
from devices.messages import CommandKind
from models.case import CaseState, Category, Level
from models.checkin import DutyKind, DutyState, Liveness, Outcome, Way
from models.command import CommandState
from models.consent import ConsentPurpose
from models.discipline import MeasureKind, MeasureState
from models.help_request import HelpKind
from models.identity import IdKind, Sex
from models.incident import Cause, IncidentKind, IncidentState, Severity, Tier
from models.leave import LeaveReason, LeaveState
from models.leave_request import LeaveLevel, RequestState
from models.notice import NoticeState
from models.order import Ground
from models.order_evidence import EvidenceKind
from models.order_paper import Paper
from models.points import DraftState
from models.review import ReviewDecision, Standing
from models.risk import FlagKind, FlagState
from models.risk_score import Band, Family
from models.search import Finding, LetterKind, SearchState, StepKind
from models.service import ServiceKind
from models.user import Role
from models.what_if import WhatIfState
from models.zone import BoundarySource, ZoneKind, ZoneState

WORDS: dict[type[StrEnum], dict[StrEnum, Any]] = {
    Category: {
        Category.PUBLIC_SURVEILLANCE: _l("public surveillance"),
        Category.SUSPENDED_SENTENCE: _l("suspended sentence"),
        Category.PAROLE: _l("parole"),
        Category.OUTSIDE_PRISON: _l("serving outside prison"),
    },
    CaseState: {
        CaseState.AWAITING_REPORT: _l("awaiting report"),
        CaseState.UNDER_CORRECTION: _l("under correction"),
        CaseState.ON_LEAVE: _l("on leave"),
        CaseState.LOST_CONTACT: _l("cannot be reached"),
        CaseState.ABSCONDED: _l("out of supervision"),
        CaseState.DETAINED: _l("detained"),
        CaseState.TRANSFERRING: _l("transferring"),
        CaseState.RELEASED: _l("released"),
        CaseState.TERMINATED: _l("terminated"),
    },
    Level: {
        Level.STRICT: _l("strict"),
        Level.ORDINARY: _l("ordinary"),
        Level.LENIENT: _l("lenient"),
    },
    MeasureKind: {
        MeasureKind.COMMENDATION: _l("Commendation"),
        MeasureKind.ADMONITION: _l("Admonition"),
        MeasureKind.WARNING: _l("Warning"),
        MeasureKind.PUBLIC_SECURITY: _l("Public-security penalty"),
        MeasureKind.REVOKE_SUSPENSION: _l("Revocation of the suspended sentence"),
        MeasureKind.REVOKE_PAROLE: _l("Revocation of parole"),
        MeasureKind.RECOMMITMENT: _l("Recommitment to prison"),
    },
    MeasureState: {
        MeasureState.PREPARED: _l("prepared"),
        MeasureState.DECIDED: _l("decided by the county"),
        MeasureState.REFUSED: _l("not agreed to"),
        MeasureState.GRANTED: _l("granted"),
        MeasureState.DENIED: _l("denied"),
    },
    SearchState: {
        SearchState.DRAFT: _l("proposed"),
        SearchState.OPEN: _l("being searched for"),
        SearchState.FOUND: _l("found"),
        SearchState.DROPPED: _l("dropped"),
    },
    Finding: {
        Finding.BACK: _l("found, and back under supervision"),
        Finding.REFUSING: _l("found, and refusing supervision"),
        Finding.CUSTODY: _l("found in custody"),
        Finding.DEAD: _l("found dead"),
    },
    StepKind: {
        StepKind.CALL: _l("call"),
        StepKind.VISIT: _l("visit"),
        StepKind.FAMILY: _l("asked the family"),
        StepKind.TEAM: _l("asked the team"),
        StepKind.WORK: _l("asked at work or school"),
        StepKind.CUSTODY: _l("asked for custody"),
        StepKind.HOSPITAL: _l("asked the hospitals"),
        StepKind.OTHER: _l("something else"),
    },
    LetterKind: {
        LetterKind.POLICE: _l("police: notice to assist"),
        LetterKind.PROCURATORATE: _l("procuratorate: informed"),
    },
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
    LeaveReason: {
        LeaveReason.MEDICAL: _l("medical treatment"),
        LeaveReason.STUDY: _l("study"),
        LeaveReason.LITIGATION: _l("a lawsuit"),
        LeaveReason.FAMILY: _l("an important family matter"),
        LeaveReason.WORK: _l("important work"),
    },
    LeaveLevel: {
        LeaveLevel.OFFICE: _l("the judicial office decides"),
        LeaveLevel.COUNTY: _l("the county decides"),
        LeaveLevel.UPPER: _l("one level up decides, the procuratorate is informed"),
    },
    RequestState: {
        RequestState.ASKED: _l("asked for"),
        RequestState.APPROVED: _l("approved"),
        RequestState.REFUSED: _l("refused"),
        RequestState.WITHDRAWN: _l("withdrawn by the person"),
    },
    LeaveState: {
        LeaveState.APPROVED: _l("approved"),
        LeaveState.RETURNED: _l("signed off as back"),
        LeaveState.CANCELLED: _l("cancelled"),
    },
    ServiceKind: {
        ServiceKind.FIT: _l("fitting"),
        ServiceKind.BATTERY_SWAP: _l("battery swap"),
        ServiceKind.REPLACE: _l("replacement"),
        ServiceKind.REMOVE: _l("removal"),
    },
    FlagKind: {
        FlagKind.LATE_TO_REPORT: _l("Has not reported in"),
        FlagKind.CHECKIN_MISSED: _l("Check-in missed"),
        FlagKind.CHECKIN_UNFINISHED: _l("Check-in not completed"),
        FlagKind.DEVICE_SILENT: _l("Bracelet not heard"),
        FlagKind.ORDER_ENDING: _l("Positioning order ends"),
        FlagKind.TERM_ENDING: _l("Term ends"),
        FlagKind.DEDUCTION_MOOT: _l("A deduction to take back?"),
        FlagKind.SLIPPING_AWAY: _l("May be slipping away"),
    },
    Band: {
        Band.NONE: _l("nothing seen that adds up"),
        Band.AMBER: _l("amber: look this week"),
        Band.RED: _l("red: look today"),
    },
    Family: {
        Family.CHECK_INS: _l("check-ins"),
        Family.DEVICE: _l("bracelet"),
        Family.MOVEMENT: _l("movement"),
        Family.LEAVE: _l("leave"),
        Family.CONTACT: _l("contact"),
        Family.HISTORY: _l("history"),
    },
    FlagState: {
        FlagState.OPEN: _l("open"),
        FlagState.HANDLED: _l("handled"),
        FlagState.PASSED: _l("passed by itself"),
    },
    Outcome: {
        Outcome.MATCH: _l("the same person"),
        Outcome.NO_MATCH: _l("not the same person, the machine thinks"),
        Outcome.UNCERTAIN: _l("the machine could not tell"),
        Outcome.NO_FACE: _l("no face seen"),
        Outcome.MANY_FACES: _l("several faces seen"),
        Outcome.POOR_IMAGE: _l("image too poor"),
        Outcome.FAULT: _l("fault on our side"),
        Outcome.ATTESTED: _l("an officer saw the person"),
    },
    Liveness: {
        Liveness.LIVE: _l("a living person"),
        Liveness.NOT_LIVE: _l("perhaps a picture or screen"),
        Liveness.CANNOT_TELL: _l("could not tell whether live"),
        Liveness.NOT_JUDGED: _l("liveness not judged"),
    },
    ReviewDecision: {
        ReviewDecision.MATCH: _l("the same person"),
        ReviewDecision.NO_MATCH: _l("not the same person"),
        ReviewDecision.CONCERN: _l("a concern"),
    },
    Standing: {
        Standing.FINAL: _l("stands"),
        Standing.PROVISIONAL: _l("provisional until a second person agrees"),
        Standing.CONFIRMED: _l("confirmed by a second person"),
    },
    Way: {
        Way.PHONE: _l("phone page"),
        Way.KIOSK: _l("kiosk"),
        Way.OFFICER_CALL: _l("call by an officer"),
        Way.OFFICER_VISIT: _l("visit by an officer"),
        Way.OFFICER_COUNTER: _l("at the counter"),
        Way.OFFICER_VIDEO: _l("video call"),
    },
    DutyKind: {
        DutyKind.SCHEDULED: _l("scheduled"),
        DutyKind.SPOT: _l("spot check"),
        DutyKind.ON_DEMAND: _l("asked by an officer"),
    },
    DutyState: {
        DutyState.AWAITING_DELIVERY: _l("not delivered yet: does not count"),
        DutyState.DUE: _l("due"),
        DutyState.DONE: _l("done"),
        DutyState.LATE: _l("late"),
        DutyState.MISSED: _l("missed"),
        DutyState.VOID: _l("suspended: does not count"),
    },
    DraftState: {
        DraftState.DRAFT: _l("waits for an officer"),
        DraftState.CONFIRMED: _l("confirmed"),
        DraftState.REFUSED: _l("refused"),
    },
    HelpKind: {
        HelpKind.CALL_BACK: _l("asks to be called back"),
        HelpKind.HELP: _l("asks for help"),
        HelpKind.VIDEO_CALL: _l("asks to check in by video call"),
        HelpKind.VISIT: _l("asks to check in during a visit"),
    },
    NoticeState: {
        NoticeState.QUEUED: _l("waits to be sent"),
        NoticeState.SENT: _l("sent, delivery not proved"),
        NoticeState.DELIVERED: _l("delivered"),
        NoticeState.TO_CALL: _l("an officer calls"),
    },
    Ground: {
        Ground.PROHIBITION_BREACHED: _l("a prohibition order was breached"),
        Ground.LEFT_WITHOUT_APPROVAL: _l("left the city or county without approval"),
        Ground.REFUSED_REPORTING_WARNED: _l("refused to report and was warned"),
        Ground.BREACH_PENALISED: _l("breached the rules and was penalised by the police"),
        Ground.REVOCATION_PROPOSED: _l("revocation or recommitment is to be proposed"),
    },
    EvidenceKind: {
        EvidenceKind.INCIDENT: _l("incident found true"),
        EvidenceKind.LEAVE: _l("late return from leave"),
        EvidenceKind.WARNING: _l("formal warning"),
        EvidenceKind.PENALTY: _l("public-security penalty"),
        EvidenceKind.PROPOSAL: _l("proposal to revoke or recommit"),
        EvidenceKind.DOCUMENT: _l("other document"),
    },
    Paper: {
        Paper.PERSON_TOLD: _l("the person is told the term, duties and consequences"),
        Paper.PROCURATORATE_COPY: _l("copy to the procuratorate"),
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
    ConsentPurpose: {ConsentPurpose.FACE_CHECK: _l("face check on the phone")},
    IdKind: {
        IdKind.RESIDENT: _l("resident ID"),
        IdKind.PASSPORT: _l("passport"),
        IdKind.HK_MACAO_PERMIT: _l("Hong Kong or Macao permit"),
        IdKind.TAIWAN_PERMIT: _l("Taiwan permit"),
        IdKind.OTHER: _l("other document"),
    },
    Kind: {
        Kind.CHECKINS: _l("Check-ins"),
        Kind.INCIDENTS: _l("Incidents"),
        Kind.FLAGS: _l("Flags"),
        Kind.POINTS: _l("Points"),
        Kind.MESSAGES: _l("Messages"),
        Kind.BRACELET: _l("Bracelet"),
        Kind.FILE: _l("File"),
    },
    Sex: {Sex.FEMALE: _l("female"), Sex.MALE: _l("male")},
    Role: {
        Role.OFFICER: _l("officer"),
        Role.OFFICE_HEAD: _l("head of office"),
        Role.COUNTY_HEAD: _l("head of the county agency"),
        Role.UPPER_AGENCY: _l("upper agency"),
        Role.PROCURATOR: _l("procurator"),
        Role.VOLUNTEER: _l("volunteer"),
        Role.ADMINISTRATOR: _l("administrator"),
    },
}

SOURCES = {
    "gnss": _l("satellites"),
    "wifi": _l("WiFi"),
    "lbs": _l("cell towers"),
}


BANDS = {Band.AMBER: _l("amber"), Band.RED: _l("red")}
WAYS = {"mail": _l("e-mail"), "webhook": _l("webhook")}


def word(value: StrEnum) -> str:
    """Return the words of a code in the reader's language."""
    return str(WORDS[type(value)][value])


def errand(kind: str) -> str:
    """Return what a bracelet was asked for."""
    return word(CommandKind(kind))


def family(name: str) -> str:
    """Return what a family of evidence is called."""
    return word(Family(name))


def band(name: str) -> str:
    """Return what a band is called, before the colon that says what to do."""
    return str(BANDS[Band(name)])


def alerted(kind: str) -> str:
    """Return of what an alert told."""
    return word(Alert(kind))


def way(topic: str) -> str:
    """Return by what an alert was to go."""
    return str(WAYS[topic])


def source(name: str) -> str:
    """Return what a position was found by."""
    return str(SOURCES[name])


def options(kind: type[StrEnum]) -> list[tuple[str, str]]:
    """Return (code, words) of every member, for a list to choose from."""
    return [(member.value, word(member)) for member in kind]
