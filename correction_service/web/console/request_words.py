"""The words of what people ask as of right and of what they tell, on phone and console."""

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from models.change_report import ChangeKind, ReportWay
from models.person_request import Addressee, KeptField, PersonRequestState, RequestKind

WORDS: dict[type[StrEnum], dict[StrEnum, Any]] = {
    RequestKind: {
        RequestKind.COPY: _l("A copy of one's data"),
        RequestKind.CORRECTION: _l("A correction"),
        RequestKind.PETITION: _l("A petition or complaint"),
    },
    Addressee: {
        Addressee.AGENCY: _l("the county agency"),
        Addressee.PROCURATORATE: _l("the people’s procuratorate"),
    },
    PersonRequestState: {
        PersonRequestState.OPEN: _l("waits for an answer"),
        PersonRequestState.GRANTED: _l("agreed"),
        PersonRequestState.DECLINED: _l("not agreed"),
    },
    KeptField: {
        KeptField.NAME: _l("name"),
        KeptField.BIRTH: _l("date of birth"),
        KeptField.ID_NUMBER: _l("document number"),
        KeptField.PHONE: _l("phone number"),
        KeptField.ADDRESS: _l("address"),
        KeptField.SENTENCE: _l("sentence or term"),
        KeptField.CHECKINS: _l("check-ins"),
        KeptField.POINTS: _l("an entry of points"),
        KeptField.OTHER: _l("something else"),
    },
    ChangeKind: {
        ChangeKind.HOME: _l("home"),
        ChangeKind.JOB: _l("job or school"),
        ChangeKind.FAMILY: _l("family matters"),
        ChangeKind.HARM: _l("somebody draws into harm"),
        ChangeKind.OTHER: _l("something else"),
    },
    ReportWay: {
        ReportWay.PHONE_PAGE: _l("phone page"),
        ReportWay.CALL: _l("by phone call"),
        ReportWay.PAPER: _l("on paper"),
        ReportWay.IN_PERSON: _l("in person"),
    },
}
