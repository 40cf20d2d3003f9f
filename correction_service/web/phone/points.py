"""My points: every entry with its reason, the closed months, and objecting, which costs nothing."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select

from correction_service import access, locale
from correction_service.assessment import months, objections
from correction_service.casework import points
from correction_service.discipline import ladder, measures
from correction_service.presence import checkins
from correction_service.web.phone.frame import blueprint
from correction_service.web.phone.home import month_of
from models.discipline import Measure
from models.points import Rulebook

MONTHS = 12


@blueprint.get("/points")
@access.person_only
def ledger() -> ResponseReturnValue:
    """Every entry with its reason; one taken back or objected to shows that it is."""
    with access.reading() as session:
        case = checkins.current_case(session, access.person_id())
        entries = points.ledger(session, case.id)
        taken_back = {entry.reverses_id for entry in entries if entry.reverses_id}
        books = {book.id: book.rules["items"] for book in session.scalars(select(Rulebook))}
        return render_template(
            "phone/points.html",
            entries=entries,
            taken_back=taken_back,
            books=books,
            month=month_of(session, case),
            months=months.of(session, case.id)[:MONTHS],
            objections=objections.of(session, case.id),
            measures=measures.served(session, case.id),
        )


@blueprint.post("/points/<int:entry_id>/object")
@access.person_only
def object_to(entry_id: int) -> ResponseReturnValue:
    """Object to an entry, in one's own words."""
    with access.writing() as session:
        case = checkins.current_case(session, access.person_id())
        text = request.form.get("text", "")
        objections.object_to(session, case, entry_id, text, now=access.now())
    flash(gettext("Your objection is taken. The county answers it; it costs you nothing."))
    return redirect(url_for("phone.ledger", _anchor=f"entry-{entry_id}"))


@blueprint.post("/points/objections/<int:objection_id>/carry-on")
@access.person_only
def carry_on(objection_id: int) -> ResponseReturnValue:
    """Turn to the procuratorate with an objection that was dismissed."""
    with access.writing() as session:
        case = checkins.current_case(session, access.person_id())
        objection = objections.carry_on(session, case, objection_id, access.now())
        entry_id = objection.entry_id
    flash(gettext("Noted: the procuratorate can read your objection and the answer."))
    return redirect(url_for("phone.ledger", _anchor=f"entry-{entry_id}"))


@blueprint.app_template_filter()
def ground(measure: Measure) -> str:
    """Say the ground of a measure in the reader's language."""
    found = ladder.limb(measure.kind, measure.limb)
    return found.zh if locale.chosen() == "zh" else found.en
