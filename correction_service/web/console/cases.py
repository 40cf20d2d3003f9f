"""One person's pages: timeline, where, check-ins, points, file; what is secret opens on demand."""

from datetime import UTC, datetime, timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from correction_service import access
from correction_service.casework import orders, timeline
from correction_service.casework.timeline import Entry, Kind
from correction_service.law import clock_rules
from correction_service.people import consents, persons, photos, templates
from correction_service.people.cases import lawful_next, leave_runs, legal_day, move, open_case_for
from correction_service.people.ends import End, lawful
from correction_service.presence import checkins, duties, help_requests, serving
from correction_service.scope import case_for, visible
from correction_service.web import typed
from correction_service.web.console import acts, duty_words, ledger, words
from correction_service.zones import bands
from models.case import ENDED, LEGAL_ZONE, Case, CaseState, EndedAs
from models.checkin import CheckIn, CheckInDuty, CheckInPlan, Way
from models.device import Binding, Device, DeviceState
from models.errors import Invalid, NotFound
from models.person import SEALED_FIELDS
from models.phone import PhoneAccess
from models.review import CheckInReview
from models.user import Permission
from models.volunteer import ContactKind
from models.zone import Zone

blueprint = APIBlueprint("cases", __name__, url_prefix="/cases", enable_openapi=False)
ROWS = 60
DUTIES = 10
HOURS = (6, 24, 72, 168, 720)


def head_of(session: Session, case_id: int) -> dict[str, Any]:
    """What every page of a person shows on top."""
    case = case_for(session, access.user(), case_id)
    now, today = access.now(), legal_day(access.now())
    binding = session.scalar(
        select(Binding)
        .where(Binding.case_id == case.id, Binding.unbound_at.is_(None))
        .options(joinedload(Binding.device).joinedload(Device.gateway))
    )
    return {
        "case": case,
        "today": today,
        "term": _term(case),
        "order": orders.in_force(session, case, now),
        "binding": binding,
        "device": session.get(DeviceState, binding.device_id) if binding else None,
        "asked": help_requests.open_of(session, case),
    }


def _term(case: Case) -> dict[str, int]:
    """Days of the term, days served, days left without today, the share served of a hundred."""
    today = legal_day(access.now())
    days = (case.term_end - case.term_start).days + 1
    served = min(max((today - case.term_start).days, 0), days)
    left = max((case.term_end - today).days, 0)
    return {"days": days, "served": served, "left": left, "percent": 100 * served // days}


@blueprint.get("/<int:case_id>")
@access.needs(Permission.SEE_CASES)
def page(case_id: int) -> ResponseReturnValue:
    """Everything that happened, newest first; kinds and the moment to go on from are in the URL."""
    allowed = [
        kind
        for kind in Kind
        if kind is not Kind.BRACELET or access.user().may(Permission.SEE_LOCATION)
    ]
    chosen = [kind for kind in allowed if kind in request.args.getlist("kind")] or allowed
    until = _moment(request.args.get("until")) or access.now() + timedelta(days=1)
    with access.reading() as session:
        head = head_of(session, case_id)
        rows, older = _paged(timeline.entries(session, head["case"], chosen, until, ROWS + 1))
        return render_template(
            "console/case/timeline.html",
            **head,
            tab="timeline",
            entries=rows,
            older=older,
            kinds=[(kind.value, words.word(kind)) for kind in allowed],
            chosen=chosen if chosen != allowed else [],
            contact_kinds=words.options(ContactKind),
            zone_names=_zone_names(session, case_id),
            void=duty_words.void,
        )


def _zone_names(session: Session, case_id: int) -> dict[int, str]:
    names = select(Zone.id, Zone.name).where(Zone.case_id == case_id)
    return dict(session.execute(names).all())


def _paged(rows: list[Entry]) -> tuple[list[Entry], datetime | None]:
    """Cut between two moments, so that what happened together stays on one page."""
    if len(rows) <= ROWS:
        return rows, None
    older = rows[ROWS].at
    return [row for row in rows if row.at > older] or rows, older


def _moment(text: str | None) -> datetime | None:
    """Read a moment of a URL; one without a zone is of the legal one."""
    try:
        read = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=LEGAL_ZONE)).astimezone(UTC)


@blueprint.get("/<int:case_id>/where")
@access.needs(Permission.SEE_LOCATION)
def where(case_id: int) -> ResponseReturnValue:
    """The trail of a chosen time on the map, and the zones' states under a time axis."""
    hours = request.args.get("hours", 6, type=int)
    hours = hours if hours in HOURS else HOURS[0]
    until = _moment(request.args.get("until")) or access.now()
    since = until - timedelta(hours=hours)
    with access.reading() as session:
        head = head_of(session, case_id)
        zones = bands.of_case(session, case_id, since, until)
        return render_template(
            "console/case/where.html",
            **head,
            tab="where",
            bands=zones,
            since=since,
            until=until,
            hours=hours,
            choices=HOURS,
        )


@blueprint.get("/<int:case_id>/checkins")
@access.needs(Permission.SEE_CASES)
def checked(case_id: int) -> ResponseReturnValue:
    """Check-ins with what came of them, duties, and the form for an officer's own."""
    with access.reading() as session:
        head = head_of(session, case_id)
        mine = CheckIn.case_id == case_id
        found_by = select(CheckInReview).options(joinedload(CheckInReview.confirmation))
        reviews = found_by.join(CheckInReview.checkin).where(mine)
        found = session.scalars(select(CheckIn).where(mine).order_by(CheckIn.id.desc()).limit(ROWS))
        asked = select(CheckInDuty).where(CheckInDuty.case_id == case_id)
        latest = session.scalars(asked.order_by(CheckInDuty.id.desc()).limit(DUTIES)).all()
        return render_template(
            "console/case/checkins.html",
            **head,
            tab="checkins",
            checkins=found.all(),
            reviews={r.checkin_id: r for r in session.scalars(reviews.order_by(CheckInReview.id))},
            duties=latest,
            gaps=serving.of_duties(session, latest, access.now()),
            void=duty_words.void,
            plan=session.get(CheckInPlan, case_id),
            ways=[(way.value, words.word(way)) for way in Way if way in checkins.ATTESTED],
        )


@blueprint.get("/<int:case_id>/points")
@access.needs(Permission.SEE_CASES)
def points(case_id: int) -> ResponseReturnValue:
    """The month's balance, drafts that wait, and the whole ledger."""
    with access.reading() as session:
        head = head_of(session, case_id)
        month = ledger.month_of(request.args.get("month"), head["today"])
        found = ledger.read(session, case_id, month, access.now())
        return render_template("console/case/points.html", **head, tab="points", **found)


@blueprint.get("/<int:case_id>/file")
@access.needs(Permission.SEE_CASES)
def file(case_id: int) -> ResponseReturnValue:
    """What is on file: case, contact, consents, face, phone, orders, zones, bracelet."""
    with access.reading() as session:
        head = head_of(session, case_id)
        case: Case = head["case"]
        zones = select(Zone).where(Zone.case_id == case_id).order_by(Zone.id.desc())
        template = templates.in_use(session, case.person)
        by_hand = lawful_next(case, leave_runs=leave_runs(session, case, access.now()))
        others = select(Case).where(Case.person_id == case.person_id, visible(access.user()))
        return render_template(
            "console/case/file.html",
            **head,
            tab="file",
            others=session.scalars(others.where(Case.id != case.id)).all(),
            consent=consents.latest(session, case.person),
            template=template,
            phone=session.get(PhoneAccess, case.person_id),
            report_by=clock_rules.report_by(session, case.effective_on),
            orders=orders.of(session, case),
            zones=session.scalars(zones).all(),
            next_states=[(state.value, words.word(state)) for state in by_hand],
            ends=[(it.value, words.word(it)) for it in lawful(case)],
        )


@blueprint.post("/<int:case_id>/state")
@access.needs(Permission.SUPERVISE)
def change_state(case_id: int) -> ResponseReturnValue:
    """Take the case to another state; an end is asked about once more, with what it ends."""
    asked = request.form.get("state", "")

    def act(session: Session) -> None:
        case_for(session, access.user(), case_id, Permission.SUPERVISE)  # else it is not theirs
        if asked not in set(CaseState):
            raise Invalid("Choose one of the list.", field="state")
        if CaseState(asked) in ENDED and "sure" not in request.form:
            raise Invalid("Tick that positioning and the face data end at once.", field="sure")
        user, now = access.user(), access.now()
        note, since, end = acts.note(), typed.maybe_day("since"), _end()
        move(session, user, case_id, CaseState(asked), note=note, now=now, since=since, end=end)
        photos.expire(session, access.service().settings, now)

    return acts.done(act, _l("The state is changed."), url_for("cases.file", case_id=case_id))


def _end() -> End | None:
    """How the case ends, where the form says so."""
    said = typed.maybe_one_of(EndedAs, "ended_as")
    return End(said, request.form.get("number", "")) if said else None


@blueprint.post("/<int:case_id>/reveal/<column>")
@access.needs(Permission.SUPERVISE)
def reveal(case_id: int, column: str) -> ResponseReturnValue:
    """Open one secret field; the look is logged."""
    if column not in SEALED_FIELDS:
        raise NotFound("There is no such page.")
    with access.writing() as session:
        value = persons.reveal(session, access.user(), case_id, column)
    return render_template("console/_revealed.html", value=value)


@blueprint.post("/<int:case_id>/face")
@access.needs(Permission.SEE_PHOTOS)
def face(case_id: int) -> ResponseReturnValue:
    """Return the latest enrolment photo's place; loading it is the look that is logged."""
    with access.reading() as session:
        person = open_case_for(session, access.user(), case_id, Permission.SEE_PHOTOS).person
        found = templates.enrolment_photos(session, person)
        return render_template("console/_face.html", photo=found[0] if found else None)


@blueprint.post("/<int:case_id>/attest")
@access.needs(Permission.SUPERVISE)
def attest(case_id: int) -> ResponseReturnValue:
    """Record a check-in that an officer took: by call, visit, at the counter or by video."""
    way = request.form.get("way", "")
    return acts.done(
        lambda session: checkins.attest(
            session,
            access.user(),
            case_id,
            way=Way(way) if way in set(Way) else Way.PHONE,
            note=acts.note(),
            now=access.now(),
        ),
        _l("The check-in is recorded."),
        url_for("cases.checked", case_id=case_id),
    )


@blueprint.post("/<int:case_id>/ask")
@access.needs(Permission.SUPERVISE)
def ask(case_id: int) -> ResponseReturnValue:
    """Ask for a check-in now; its clock starts when the message is proved to have arrived."""
    settings = access.service().settings

    def act(session: Session) -> None:
        case = case_for(session, access.user(), case_id, Permission.SUPERVISE)
        duties.on_demand(session, case, access.now(), settings)

    message = _l("A check-in is asked for. Its clock starts when the message has arrived.")
    return acts.done(act, message, url_for("cases.checked", case_id=case_id))


@blueprint.post("/<int:case_id>/help/<int:request_id>")
@access.needs(Permission.SUPERVISE)
def helped(case_id: int, request_id: int) -> ResponseReturnValue:
    """Close a request for help with what was done."""
    return acts.done(
        lambda session: help_requests.handle(
            session, access.user(), request_id, acts.note(), access.now()
        ),
        _l("Written down."),
        url_for("cases.page", case_id=case_id),
    )
