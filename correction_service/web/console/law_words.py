"""What measures, searches, leave and orders are called."""

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from models.discipline import FactKind, MeasureKind, MeasureState
from models.leave import LeaveReason, LeaveState
from models.leave_request import AskedHow, LeaveLevel, RequestState
from models.order import Ground
from models.order_evidence import EvidenceKind
from models.order_paper import Paper
from models.search import Finding, LetterKind, SearchState, StepKind

WORDS: dict[type[StrEnum], dict[StrEnum, Any]] = {
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
        RequestState.NOT_NEEDED: _l("no leave needed"),
    },
    AskedHow: {
        AskedHow.PAGE: _l("on the phone page"),
        AskedHow.PAPER: _l("on paper"),
        AskedHow.IN_PERSON: _l("in person"),
        AskedHow.CALL: _l("by a call"),
    },
    LeaveState: {
        LeaveState.APPROVED: _l("approved"),
        LeaveState.RETURNED: _l("signed off as back"),
        LeaveState.CANCELLED: _l("cancelled"),
    },
    Ground: {
        Ground.PROHIBITION_BREACHED: _l("a prohibition order was breached"),
        Ground.LEFT_WITHOUT_APPROVAL: _l("left the city or county without approval"),
        Ground.REFUSED_REPORTING_WARNED: _l("refused to report and was warned"),
        Ground.BREACH_PENALISED: _l("breached the rules and was penalised by the police"),
        Ground.REVOCATION_PROPOSED: _l("revocation or recommitment is to be proposed"),
    },
    FactKind: {
        FactKind.DUTY: _l("Check-in"),
        FactKind.CHECKIN: _l("Check-in"),
        FactKind.INCIDENT: _l("Incident"),
        FactKind.LEAVE: _l("Leave"),
        FactKind.MEASURE: _l("Rewards and penalties"),
        FactKind.ATTENDANCE: _l("Education missed"),
        FactKind.DOCUMENT: _l("Number of the document"),
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
}
