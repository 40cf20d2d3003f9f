"""The procurator's seat: what the register shows by itself, and the lists in whole; all read-only.

A list names people, so every look at one is in the log, and the person reads of it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select
from sqlalchemy.orm import Session

from correction_service import access, audit, hours
from correction_service.assessment import rulebooks
from correction_service.casework import clocks
from correction_service.law import watch_rules
from correction_service.oversight import opinions, registers, watching
from correction_service.oversight.registers import Register
from correction_service.oversight.watching import Fact, Noticed
from correction_service.scope import visible
from correction_service.searches import searches
from correction_service.web.console import enrol_words
from models.errors import NotFound
from models.user import Permission, User

blueprint = APIBlueprint("oversight", __name__, url_prefix="/oversight", enable_openapi=False)
ROWS = 100
LOOK = "oversee_case"  # as the log has it
FACTS = {
    Fact.INCIDENT_FOUND_TRUE: _l("An officer closed the incident as found true."),
    Fact.STAND_IN_CONFIRMED: _l("Two officers found that somebody else checked in."),
    Fact.CUSTODY_CLOCK_RUNS: _l("The clock of custody runs, and the case is not suspended."),
    Fact.ASKED_IN_CUSTODY: _l("A check-in was asked of somebody detained."),
    Fact.DEDUCTED_IN_CUSTODY: _l("Points were taken for a day in custody."),
    Fact.NOT_REPORTED_IN: _l("Not reported in, and the last day is past."),
    Fact.REPORTED_IN_LATE: _l("Reported in after the last day."),
    Fact.BRACELET_ON: _l("The order is over, and a bracelet is still entered as worn."),
    Fact.ORDER_NOT_COPIED: _l("The order to position has no copy on file."),
    Fact.DECISION_NOT_COPIED: _l("The decision has no copy on file."),
    Fact.OBJECTION_OPEN: _l("The objection waits past its day."),
}
REGISTERS = {
    Register.ORDERS: _l("Orders to position"),
    Register.MEASURES: _l("Rewards and penalties"),
    Register.OBJECTIONS: _l("Objections"),
    Register.MINORS: _l("Minors"),
}
ASKED: dict[Register, Callable[[User], Select[Any]]] = {
    Register.ORDERS: registers.orders,
    Register.MEASURES: registers.measures,
    Register.OBJECTIONS: registers.objections,
    Register.MINORS: registers.minors,
}


@blueprint.get("/")
@access.needs(Permission.OVERSEE)
def index() -> ResponseReturnValue:
    """Show how much each rule lists, what runs, and the opinions; no person is named here."""
    user, now = access.user(), access.now()
    with access.reading() as session:
        running = clocks.running(session, visible(user), now)
        return render_template(
            "console/oversight.html",
            rules=watch_rules.rules_of(session).values(),
            listed={it: len(_noticed(session, it)) for it in watching.WATCHES},
            most=watching.MOST,
            registers=REGISTERS,
            overdue=sum(it.over(now) for it in running),
            searches=len(session.scalars(searches.running(user)).all()),
            opinions=session.scalars(opinions.of(user).limit(ROWS)).all(),
            today=hours.local_day(now),
        )


def _noticed(session: Session, name: str) -> list[Noticed]:
    return watching.noticed(session, access.user(), name, access.now())


@blueprint.get("/watch/<watch>")
@access.needs(Permission.OVERSEE)
def watch(watch: str) -> ResponseReturnValue:
    """List what one rule shows, each with its fact, and what may explain it."""
    if watch not in watching.WATCHES:
        raise NotFound("There is no such list.")
    with access.writing() as session:
        found = _noticed(session, watch)
        _looked(session, (it.case.id for it in found))
        return render_template(
            "console/oversight_watch.html",
            rule=watch_rules.rules_of(session)[watch],
            rows=found,
            facts=FACTS,
            link=_link,
        )


def _looked(session: Session, case_ids: Iterable[int]) -> None:
    audit.viewed(session, LOOK, "supervised_case", *sorted(set(case_ids)))


def _link(it: Noticed) -> str:
    """Where the file has the row that a rule lists."""
    table, row = it.subject.__tablename__, it.subject
    if table == "incident":
        return url_for("incidents.page", incident_id=row.id)  # type: ignore[attr-defined]
    if table == "measure":
        return url_for("discipline.page", measure_id=row.id)  # type: ignore[attr-defined]
    if table == "positioning_order":
        return url_for("orders.page", case_id=it.case.id, _anchor=f"order-{row.id}")  # type: ignore[attr-defined]
    ends = {
        "checkin": "cases.checked",
        "checkin_duty": "cases.checked",
        "legal_clock": "decisions.page",
        "points_entry": "cases.points",
        "points_objection": "cases.points",
    }
    return url_for(ends.get(table, "cases.file"), case_id=it.case.id)


@blueprint.get("/lists/<register>")
@access.needs(Permission.OVERSEE)
def register(register: str) -> ResponseReturnValue:
    """Show one list in whole, page by page."""
    if register not in set(Register):
        raise NotFound("There is no such list.")
    which = Register(register)
    page = max(request.args.get("page", 1, type=int), 1)
    with access.writing() as session:
        query = ASKED[which](access.user()).offset((page - 1) * ROWS).limit(ROWS + 1)
        found = session.scalars(query).all()
        rows = found[:ROWS]
        whose = [it if which is Register.MINORS else it.case for it in rows]
        _looked(session, (case.id for case in whose))
        return render_template(
            f"console/oversight_{which.value}.html",
            title=REGISTERS[which],
            rows=registers.rights(session, rows) if which is Register.MINORS else rows,
            page=page,
            more=len(found) > ROWS,
            today=hours.local_day(access.now()),
            parts=enrol_words.PARTS,
            books=rulebooks.by_id(session),
        )
