"""My points: every entry with its reason, the closed months, and objecting, which costs nothing."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import access, hours, locale
from correction_service.assessment import month_notices, months, objections
from correction_service.casework import orders, points
from correction_service.discipline import ladder, measures
from correction_service.people import cases
from correction_service.web import papers
from correction_service.web.phone.frame import blueprint
from correction_service.web.phone.home import month_of
from models.case import Case
from models.discipline import Measure
from models.errors import Refused
from models.points import Rulebook

MONTHS = 12


@blueprint.get("/points")
@access.person_only
def ledger() -> ResponseReturnValue:
    """Every entry with its reason; one taken back or objected to shows that it is."""
    with access.reading() as session:
        case = cases.latest_case(session, access.person_id())
        entries = points.ledger(session, case.id)
        taken_back = {entry.reverses_id for entry in entries if entry.reverses_id}
        books = {book.id: book.rules["items"] for book in session.scalars(select(Rulebook))}
        return render_template(
            "phone/points.html",
            case=case,
            entries=entries,
            taken_back=taken_back,
            books=books,
            month=month_of(session, case),
            months=months.of(session, case.id)[:MONTHS],
            objections=objections.of(session, case.id),
            measures=measures.served(session, case.id),
            ordered=bool(orders.of(session, case)),
            regain=_regain(session, case),
        )


def _regain(session: Session, case: Case) -> list[dict[str, Any]]:
    """What adds points by the rulebook in force, the most first; nothing where none is."""
    try:
        book = points.rulebook_on(session, hours.local_day(access.now()), case.agency_id)
    except Refused:
        return []
    adds = [it for it in book.rules["items"].values() if it["points"] > 0]
    return sorted(adds, key=lambda it: -it["points"])


@blueprint.get("/points/months/<int:month_id>.pdf")
@access.person_only
def month_paper(month_id: int) -> ResponseReturnValue:
    """Show a closed month as the paper that the office prints of it."""
    with access.reading() as session:
        case = cases.latest_case(session, access.person_id())
        month = month_notices.month_for(session, case, month_id)
        paper, closed_at = month_notices.paper(session, case, month), month.closed_at
    return papers.shown(month_notices.pdf(paper, closed_at), f"{month_id}.pdf")


@blueprint.post("/points/<int:entry_id>/object")
@access.person_only
def object_to(entry_id: int) -> ResponseReturnValue:
    """Object to an entry, in one's own words."""
    with access.writing() as session:
        case = cases.latest_case(session, access.person_id())
        text = request.form.get("text", "")
        objections.object_to(session, case, entry_id, text, now=access.now())
    flash(gettext("Your objection is taken. The county answers it; it costs you nothing."))
    return redirect(url_for("phone.ledger", _anchor=f"entry-{entry_id}"))


@blueprint.post("/points/objections/<int:objection_id>/carry-on")
@access.person_only
def carry_on(objection_id: int) -> ResponseReturnValue:
    """Turn to the procuratorate with an objection that was dismissed."""
    with access.writing() as session:
        case = cases.latest_case(session, access.person_id())
        objection = objections.carry_on(session, case, objection_id, access.now())
        entry_id = objection.entry_id
    flash(gettext("Noted: the procuratorate can read your objection and the answer."))
    return redirect(url_for("phone.ledger", _anchor=f"entry-{entry_id}"))


@blueprint.app_template_filter()
def ground(measure: Measure) -> str:
    """Say the ground of a measure in the reader's language."""
    found = ladder.limb(measure.kind, measure.limb)
    return found.zh if locale.chosen() == "zh" else found.en
