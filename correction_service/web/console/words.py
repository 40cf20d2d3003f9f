"""The words of the console for every code: short, plain, and never a verdict."""

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from correction_service.casework.timeline import Kind
from correction_service.messages.alerts import Alert
from correction_service.web.console import incident_words, law_words, learning_words, request_words
from devices.messages import CommandKind
from models.case import CaseState, Category, EndedAs, Level
from models.checkin import DutyKind, DutyState, Liveness, Outcome, Way
from models.consent import ConsentPurpose
from models.help_request import HelpKind
from models.identity import IdKind, Sex
from models.level_change import LevelBasis
from models.notice import NoticeState
from models.person import Person
from models.points import DraftState
from models.review import ReviewDecision, Standing
from models.risk import FlagKind, FlagState
from models.risk_score import Band, Family
from models.user import Role

WORDS: dict[type[StrEnum], dict[StrEnum, Any]] = {
    **incident_words.WORDS,
    **law_words.WORDS,
    **learning_words.WORDS,
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
        CaseState.TRANSFERRED: _l("moved away"),
    },
    EndedAs: {
        EndedAs.TERM_OVER: _l("term over"),
        EndedAs.PARDON: _l("pardon"),
        EndedAs.SUSPENSION_REVOKED: _l("suspended sentence revoked"),
        EndedAs.PAROLE_REVOKED: _l("parole revoked"),
        EndedAs.RECOMMITTED: _l("recommitted to prison"),
        EndedAs.DEATH: _l("death"),
        EndedAs.OTHER: _l("another end"),
    },
    Level: {
        Level.STRICT: _l("strict"),
        Level.ORDINARY: _l("ordinary"),
        Level.LENIENT: _l("lenient"),
    },
    LevelBasis: {
        LevelBasis.INTAKE: _l("assessment at intake"),
        LevelBasis.CONDUCT: _l("conduct under supervision"),
        LevelBasis.SUGGESTION: _l("closed quarters of points"),
        LevelBasis.OTHER: _l("another reason"),
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
        FlagKind.ENROL_ANEW: _l("Face to enrol anew"),
        FlagKind.CHECKIN_EVIDENCE: _l("Signs beside check-ins"),
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
        Kind.CONTACT: _l("Visits and calls"),
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
    **request_words.WORDS,
}

SOURCES = {
    "gnss": _l("satellites"),
    "wifi": _l("WiFi"),
    "lbs": _l("cell towers"),
}


BANDS = {Band.AMBER: _l("amber"), Band.RED: _l("red")}
WAYS = {"mail": _l("e-mail"), "webhook": _l("webhook")}


def named(person: Person) -> str:
    """What a person is called; of a destroyed file nothing is left to call them by."""
    return str(_l("[file destroyed]")) if person.erased else person.name


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
