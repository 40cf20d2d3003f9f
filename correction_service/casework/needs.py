"""What an item of the list of those who wait says: what it asks for, how pressing, of whom."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.case import Case
from models.change_report import ChangeReport
from models.help_request import HelpRequest
from models.incident import Incident, IncidentState, IncidentStep, Severity
from models.leave import Leave
from models.leave_request import LeaveRequest
from models.notice import Notice
from models.opinion import Opinion
from models.order_paper import OrderAssessment
from models.order_proposal import OrderProposal
from models.risk import RiskFlag
from models.search import SearchRecord
from models.transfer import Transfer

MOST = 100  # rows of one kind on the page; the lists behind it have all
SOON_WITHIN = timedelta(days=3)
_URGENCY = {Severity.URGENT: 0, Severity.SOON: 1, Severity.WATCH: 2}
_ATTENTION = {IncidentState.OPEN: 0, IncidentState.ACKNOWLEDGED: 1, IncidentState.ACTING: 2}


Subject = (
    Incident
    | HelpRequest
    | ChangeReport
    | RiskFlag
    | Notice
    | Leave
    | LeaveRequest
    | OrderAssessment
    | OrderProposal
    | Opinion
    | SearchRecord
    | Transfer
)


class Need(StrEnum):
    """What an item of the list asks for."""

    INCIDENT = "incident"
    HELP = "help"
    FLAG = "flag"
    CALL = "call"
    LEAVE = "leave"
    REQUESTS = "requests"
    RIGHTS = "rights"
    CHANGE = "change"
    EXTENSION = "extension"
    ORDER = "order"
    ORDER_BACK = "order_back"
    SEARCH = "search"
    MOVE = "move"
    OPINION = "opinion"
    CORRECTIONS = "corrections"
    DESTRUCTIONS = "destructions"
    RECEIPT = "receipt"
    REVIEWS = "reviews"
    CONCERNS = "concerns"
    DRAFTS = "drafts"
    RUNS = "runs"
    CLOCKS = "clocks"
    MEASURES = "measures"
    PAPERS = "papers"
    OBJECTIONS = "objections"
    LEVELS = "levels"
    PLANS = "plans"
    BRACELETS = "bracelets"


@dataclass(frozen=True)
class Item:
    """One line of the list; `case` and `subject` are empty where it stands for a queue."""

    need: Need
    severity: Severity
    since: datetime
    due: datetime | None = None
    case: Case | None = None
    subject: Subject | None = None
    count: int = 1
    passed: IncidentStep | None = None  # how an incident came to its owner, who did nothing yet

    @property
    def rank(self) -> tuple[int, int, float]:
        """Most urgent first; untouched before in hand; the nearest clock, then the newest."""
        untouched = 0
        if isinstance(self.subject, Incident):
            untouched = _ATTENTION[self.subject.state]
        clock = self.due.timestamp() if self.due else -self.since.timestamp()
        return _URGENCY[self.severity], untouched, clock


def queue(
    session: Session, need: Need, query: Select[Any], clock: InstrumentedAttribute[Any]
) -> Iterator[Item]:
    """One line for a whole queue: how many, and how long the oldest has waited."""
    count, oldest = counted(session, query, clock)
    if count:
        yield Item(need, Severity.WATCH, oldest, count=count)


def counted(
    session: Session, query: Select[Any], clock: InstrumentedAttribute[Any]
) -> tuple[int, Any]:
    """How many, and the first of their moments or days."""
    figures = query.order_by(None).with_only_columns(func.count(), func.min(clock))
    count, first = session.execute(figures).one()
    return count, first
