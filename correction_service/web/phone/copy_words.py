"""The words of the copy of one's data: what each table and column is called, and its cells."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from correction_service.law import steps
from correction_service.locale import spoken
from correction_service.rights.sections import Cell, Section
from correction_service.web.console import words
from correction_service.web.console.transfers import STATES as MOVES
from correction_service.web.phone.rights import SEATS
from correction_service.web.phone.rights import WORDS as LOOKS
from models.case import LEGAL_ZONE
from models.milestone import Step
from models.person_request import RequestKind
from models.transfer import TransferState
from models.user import Role

SECTIONS = {
    "identity": _l("Who you are"),
    "sentence": _l("Your case"),
    "duties": _l("Check-ins asked of you"),
    "checkins": _l("Your check-ins"),
    "consents": _l("Your consents"),
    "photos": _l("Photos of you"),
    "points": _l("Your points"),
    "months": _l("Closed months"),
    "objections": _l("Your objections"),
    "measures": _l("Decisions about you"),
    "orders": _l("Orders for a bracelet"),
    "leaves": _l("Your leaves"),
    "zones": _l("Your areas"),
    "steps": _l("Steps of your case"),
    "levels": _l("Your supervision levels"),
    "prohibitions": _l("What courts forbid you"),
    "prohibition_reports": _l("Your reports on it"),
    "corrections": _l("Corrections of your sentence"),
    "moves": _l("Your moves to another place"),
    "lessons": _l("Lessons and public-benefit activity"),
    "studies": _l("What you studied on the phone"),
    "contacts": _l("Visits and calls"),
    "leave_requests": _l("Leave that you asked for"),
    "help": _l("Help that you asked for"),
    "changes": _l("Changes that you told of"),
    "publications": _l("Made public of you"),
    "messages": _l("Messages to you"),
    "requests": _l("Your requests"),
    "looks": _l("Who looked at your data"),
}
COLUMNS = {
    "what": _l("What"),
    "value": _l("As it is kept"),
    "name": _l("Name"),
    "sex": _l("Sex"),
    "born_on": _l("Date of birth"),
    "id_kind": _l("Kind of document"),
    "id_number": _l("Document number"),
    "phone": _l("Phone number"),
    "address": _l("Address"),
    "number": _l("Number"),
    "category": _l("Category"),
    "level": _l("Level"),
    "deciding_authority": _l("Deciding authority"),
    "effective_on": _l("Judgment effective"),
    "reported_on": _l("Reported in"),
    "term_start": _l("Term begins"),
    "term_end": _l("Term ends"),
    "state": _l("State"),
    "ended_as": _l("Ended by"),
    "ended_by": _l("Paper that ended it"),
    "office": _l("Office"),
    "opens_at": _l("From"),
    "closes_at": _l("Until"),
    "at": _l("When"),
    "way": _l("How"),
    "outcome": _l("What came of it"),
    "lat": _l("Latitude (WGS-84)"),
    "lon": _l("Longitude (WGS-84)"),
    "receipt": _l("Receipt"),
    "purpose": _l("What for"),
    "given": _l("Given"),
    "text_version": _l("Wording"),
    "taken_at": _l("Taken"),
    "deleted_at": _l("Deleted"),
    "happened_on": _l("Day"),
    "item": _l("Item"),
    "points": _l("Points"),
    "reason": _l("Reason"),
    "month": _l("Month"),
    "base": _l("Base"),
    "total": _l("Total"),
    "made_at": _l("When"),
    "text": _l("What you wrote"),
    "answer": _l("Answer"),
    "served_at": _l("Handed to you"),
    "kind": _l("Kind"),
    "law": _l("Law"),
    "decision": _l("Decision"),
    "starts_at": _l("From"),
    "ends_at": _l("Until"),
    "ground": _l("Ground"),
    "said": _l("In the words of the order"),
    "valid_from": _l("From"),
    "valid_to": _l("Until"),
    "created_at": _l("When"),
    "text_zh": _l("Message"),
    "delivered_at": _l("Arrived"),
    "asked_at": _l("When"),
    "asked_how": _l("How"),
    "seat": _l("Who"),
    "happened_at": _l("When"),
    "done_on": _l("Day"),
    "since": _l("Since"),
    "court": _l("Court"),
    "forbids": _l("What is forbidden"),
    "starts_on": _l("From"),
    "ends_on": _l("Until"),
    "lifted_on": _l("No longer in force from"),
    "step": _l("Step"),
    "decided_at": _l("Decided"),
    "before": _l("It stood"),
    "after": _l("It stands"),
    "asked_on": _l("When"),
    "why": _l("What you wrote"),
    "place": _l("Place"),
    "consult_number": _l("Number of the letter that asked"),
    "reply_number": _l("Number of the reply"),
    "reply_on": _l("Day of the reply"),
    "reply": _l("What the new place replied"),
    "report_by": _l("Report in by"),
    "sent_number": _l("Number of the letter with the file"),
    "sent_on": _l("File sent on"),
    "receipt_number": _l("Number of the receipt"),
    "title": _l("Title"),
    "minutes": _l("Minutes"),
    "excuse": _l("Excused by"),
    "began_at": _l("From"),
    "finished_at": _l("Finished"),
    "handled_at": _l("Dealt with"),
    "told_at": _l("When"),
    "change": _l("What changed"),
    "changed_on": _l("Changed on"),
    "read_at": _l("Read by an officer"),
}
NOTE = _l(
    "Left out is whatever is of other people, and what is still being looked into. Photos, "
    "positions of a bracelet by the day, and what was written of a visit are shown to you at your "
    "office on request."
)


def data(sections: Sequence[Section], now: datetime) -> dict[str, Any]:
    """The copy for programs: codes, ISO 8601 days and moments, null for what is not known."""
    return {
        "at": now.isoformat(),
        "note": str(NOTE),
        "tables": {
            it.name: [dict(zip(it.columns, row, strict=True)) for row in it.rows] for it in sections
        },
    }


def paper(sections: Sequence[Section], now: datetime) -> dict[str, Any]:
    """The copy for readers, in their language."""
    return {
        "title": gettext("A copy of my data"),
        "at": _said(now),
        "note": str(NOTE),
        "none": gettext("Nothing is kept."),
        "sections": [
            {
                "title": str(SECTIONS[it.name]),
                "head": [str(COLUMNS[name]) for name in it.columns],
                "rows": [[_cell(it, cell) for cell in row] for row in it.rows],
            }
            for it in sections
        ],
    }


def _cell(section: Section, cell: Cell) -> str:
    """What stands in a table: names of fields and codes of requests and looks in words too."""
    if "what" in section.columns and section.name != "looks" and cell in COLUMNS:
        return str(COLUMNS[str(cell)])
    if section.name == "looks" and isinstance(cell, Role | None):
        return str(SEATS[cell])
    if section.name == "looks" and cell in LOOKS:
        return str(LOOKS[str(cell)])
    if section.name == "requests" and cell in set(RequestKind):
        return words.word(RequestKind(str(cell)))
    return _said(cell)


def _said(cell: Cell) -> str:
    if cell is None:
        return str(gettext("unknown"))
    if isinstance(cell, bool):
        return str(gettext("yes") if cell else gettext("no"))
    if isinstance(cell, StrEnum):
        return _word(cell)
    if isinstance(cell, datetime):
        return f"{cell.astimezone(LEGAL_ZONE):%Y-%m-%d %H:%M}"
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def _word(code: StrEnum) -> str:
    if isinstance(code, Step):
        return spoken(steps.rules()[code].said)
    return str(MOVES[code]) if isinstance(code, TransferState) else words.word(code)
