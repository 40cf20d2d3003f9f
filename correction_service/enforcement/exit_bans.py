"""Exit bans (法定不准出境人员通报备案): reported at intake, lifted at release, and listed.

The ban itself is the exit administration's; the agency reports and lifts, and can show both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from io import BytesIO

import xlsxwriter
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, contains_eager

from correction_service import audit, hours
from correction_service.db import among, ring_of
from correction_service.scope import visible
from models.case import ENDED, Case, CaseState, EndedAs
from models.errors import Forbidden
from models.milestone import Milestone, Step
from models.person import Person
from models.user import User

MOST = 2000
HEADS = (
    "姓名",
    "证件类型",
    "证件号码",
    "案号",
    "矫正期限止",
    "通报日期",
    "通报文号",
    "撤销日期",
    "撤销文号",
)
WIDTH = 18


class BanState(StrEnum):
    """What is to be done about a ban."""

    TO_REPORT = "to_report"
    REPORTED = "reported"
    TO_LIFT = "to_lift"
    TO_HAND_OVER = "to_hand_over"
    LIFTED = "lifted"


ORDER = (
    BanState.TO_LIFT,
    BanState.TO_HAND_OVER,
    BanState.TO_REPORT,
    BanState.REPORTED,
    BanState.LIFTED,
)
AFTER = {
    CaseState.RELEASED: BanState.TO_LIFT,
    CaseState.TRANSFERRED: BanState.TO_HAND_OVER,
}

FREED = (EndedAs.DEATH, EndedAs.OTHER)  # a termination that leaves no sentence to serve


@dataclass(frozen=True)
class Ban:
    """One case with the report of its exit ban and the lifting."""

    case: Case
    reported: Milestone | None
    lifted: Milestone | None

    @property
    def state(self) -> BanState:
        """A ban is lifted when the case has ended by release, death or an acquittal.

        Until then it stands; after a revocation others answer for it.
        Of a case that moved away it goes on: the new place takes it over, or reports its own and
        this agency's is withdrawn.
        """
        if self.lifted is not None:
            return BanState.LIFTED
        if self.reported is None:
            return BanState.TO_REPORT
        if self.case.ended_as in FREED:
            return BanState.TO_LIFT
        return AFTER.get(self.case.state, BanState.REPORTED)


def listed(session: Session, user: User) -> list[Ban]:
    """The bans of the user's offices: what is to be done first, then those that stand.

    Of a destroyed file neither name nor number is left to list.
    """
    goes_on = Case.state == CaseState.TERMINATED  # and others answer for it
    ours = or_(~goes_on, Case.ended_as.in_(FREED))
    query = select(Case).join(Case.person).options(contains_eager(Case.person))
    query = query.where(visible(user), ours, Person.wrapped_key.is_not(None))
    query = query.order_by(Case.id.desc()).limit(MOST)
    cases = session.scalars(query).all()
    bans = _bans(session, cases)
    asked = [it for it in bans if it.reported or it.case.state not in ENDED]
    return sorted(asked, key=lambda it: ORDER.index(it.state))


def standing(of: type[Case]) -> ColumnElement[bool]:
    """Match cases that ended here while the ban that was reported is not lifted, or withdrawn."""
    written = [
        exists().where(Milestone.case_id == of.id, Milestone.step == step)
        for step in (Step.EXIT_BAN_REPORTED, Step.EXIT_BAN_LIFTED)
    ]
    ended = or_(of.state.in_(AFTER), of.ended_as.in_(FREED))
    return and_(ended, written[0], ~written[1])


def of(session: Session, case: Case) -> Ban:
    """The ban of one case."""
    return _bans(session, [case])[0]


def _bans(session: Session, cases: Sequence[Case]) -> list[Ban]:
    steps = (Step.EXIT_BAN_REPORTED, Step.EXIT_BAN_LIFTED)
    mine = among(session, Milestone.case_id, [case.id for case in cases])
    rows = session.scalars(
        select(Milestone).where(mine, Milestone.step.in_(steps)).order_by(Milestone.id)
    )
    written: Mapping[tuple[int, Step], Milestone] = {(it.case_id, it.step): it for it in rows}
    return [Ban(it, *(written.get((it.id, step)) for step in steps)) for it in cases]


def workbook(session: Session, user: User, kinds: Mapping[str, str], now: datetime) -> bytes:
    """The reported bans as XLSX for the exit administration; each opened number is on record.

    `kinds` names the kinds of documents. For the county alone: an office reports to it.
    """
    if not user.of_county:
        raise Forbidden("The list of exit bans is sent by the county.")
    bans = [it for it in listed(session, user) if it.reported is not None]
    audit.viewed(session, "view_id_number", "person", *(it.case.person_id for it in bans))
    into = BytesIO()
    with xlsxwriter.Workbook(into, {"in_memory": True}) as book:
        sheet = book.add_worksheet("法定不准出境人员")
        sheet.write_string(0, 0, f"法定不准出境人员通报备案表（{hours.local_day(now)}）")
        for row, cells in enumerate((HEADS, *(_cells(session, it, kinds) for it in bans)), 2):
            for column, cell in enumerate(cells):
                sheet.write_string(row, column, cell)  # a number of eighteen digits stays whole
        sheet.set_column(0, len(HEADS) - 1, WIDTH)
        sheet.freeze_panes(3, 0)
    return into.getvalue()


def _cells(session: Session, ban: Ban, kinds: Mapping[str, str]) -> tuple[str, ...]:
    person = ban.case.person
    papers = [
        (str(it.done_on), it.number or "") if it else ("", "") for it in (ban.reported, ban.lifted)
    ]
    return (
        person.name,
        kinds[person.id_kind.value],
        person.reveal(ring_of(session), "id_number") or "",
        ban.case.number,
        str(ban.case.term_end),
        *papers[0],
        *papers[1],
    )
