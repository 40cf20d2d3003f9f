"""Enrol by program: cases, teams, consent, face, the phone page's code, positioning orders."""

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import contains_eager, joinedload

from correction_service import access, locale
from correction_service.api import person_schemas as schema
from correction_service.casework import orders
from correction_service.casework.order_facts import Fact
from correction_service.face.verdict import EnrolmentVerdict
from correction_service.people import cases, consents, enrolments, persons, phones, photos
from correction_service.problems import problem, said
from correction_service.scope import case_for, visible
from models.case import Case
from models.errors import DomainError
from models.phone import ACTIVATION_FOR
from models.user import Permission

blueprint = APIBlueprint("persons", __name__, url_prefix="/api/v1", tag="Enrolment")


@blueprint.get("/cases")
@blueprint.input(schema.PageIn, location="query", arg_name="asked")
@blueprint.output(schema.CasesOut)
@blueprint.doc(summary="List the cases you may see", responses=[401, 403, 422])
@access.needs(Permission.SEE_CASES)
def list_cases(asked: schema.PageIn) -> schema.CasesOut:
    """List cases by id, a page at a time."""
    query = (
        select(Case)
        .join(Case.person)
        .options(contains_eager(Case.person), joinedload(Case.office))
        .where(visible(access.user()))
    )
    if asked.state is not None:
        query = query.where(Case.state == asked.state)
    if asked.office_id is not None:
        query = query.where(Case.office_id == asked.office_id)
    start = (asked.page - 1) * asked.per_page
    with access.reading() as session:
        page = query.order_by(Case.id).offset(start).limit(asked.per_page + 1)
        found = [schema.CaseOut.of(session, case) for case in session.scalars(page)]
    more = len(found) > asked.per_page
    return schema.CasesOut(cases=found[: asked.per_page], page=asked.page, more=more)


@blueprint.post("/cases/search")
@blueprint.input(schema.SearchIn, arg_name="asked")
@blueprint.output(schema.CasesOut)
@blueprint.doc(summary="Find a case", responses=[401, 403, 422])
@access.needs(Permission.SEE_CASES)
def search(asked: schema.SearchIn) -> schema.CasesOut:
    """Find by part of a name or case number, or by an exact document or phone number."""
    with access.reading() as session:
        found = persons.find(session, access.user(), asked.query)
        shown = [schema.CaseOut.of(session, case) for case in found]
    return schema.CasesOut(cases=shown, page=1, more=False)


@blueprint.post("/cases")
@blueprint.input(schema.EnrolIn, arg_name="entry")
@blueprint.output(schema.CaseOut, status_code=201)
@blueprint.doc(summary="Enrol a person", responses=[401, 403, 409, 422])
@access.needs(Permission.ENROL)
def enrol(entry: schema.EnrolIn) -> schema.CaseOut:
    """Enter a person and a case; the case number is given by the service."""
    with access.writing() as session:
        case = persons.enrol(session, access.user(), entry.form(), access.now())
        return schema.CaseOut.of(session, case)


@blueprint.get("/cases/<int:case_id>")
@blueprint.output(schema.CaseOut)
@blueprint.doc(summary="One case", responses=[401, 403, 404])
@access.needs(Permission.SEE_CASES)
def get_case(case_id: int) -> schema.CaseOut:
    """Return one case."""
    with access.reading() as session:
        return schema.CaseOut.of(session, case_for(session, access.user(), case_id))


@blueprint.post("/cases/<int:case_id>/report-in")
@blueprint.input(schema.ReportIn, arg_name="report")
@blueprint.output(schema.CaseOut)
@blueprint.doc(summary="Record reporting in", responses=[401, 403, 404, 409, 422])
@access.needs(Permission.ENROL)
def report_in(case_id: int, report: schema.ReportIn) -> schema.CaseOut:
    """Begin correction; refused without a proper team."""
    with access.writing() as session:
        case = cases.report_in(session, access.user(), case_id, report.reported_on, access.now())
        return schema.CaseOut.of(session, case)


@blueprint.post("/cases/<int:case_id>/state")
@blueprint.input(schema.StateIn, arg_name="asked")
@blueprint.output(schema.CaseOut)
@blueprint.doc(summary="Change a case's state", responses=[401, 403, 404, 409, 422])
@access.needs(Permission.SUPERVISE)
def change_state(case_id: int, asked: schema.StateIn) -> schema.CaseOut:
    """Take a case to another state; `released` and `terminated` end positioning and face data."""
    with access.writing() as session:
        user, now = access.user(), access.now()
        note, since, end = asked.note, asked.since, asked.end
        to = asked.state
        case = cases.move(session, user, case_id, to, note=note, now=now, since=since, end=end)
        photos.expire(session, access.service().settings, now)
        return schema.CaseOut.of(session, case)


@blueprint.post("/cases/<int:case_id>/team")
@blueprint.input(schema.MemberIn, arg_name="member")
@blueprint.output(schema.MemberOut, status_code=201)
@blueprint.doc(summary="Put someone on the team", responses=[401, 403, 404, 422])
@access.needs(Permission.ENROL)
def add_member(case_id: int, member: schema.MemberIn) -> dict[str, int]:
    """Add a member to the correction team."""
    with access.writing() as session:
        user = access.user()
        return {"id": cases.add_team_member(session, user, case_id, **dict(member)).id}


@blueprint.get("/cases/<int:case_id>/consent")
@blueprint.output(schema.ConsentOut)
@blueprint.doc(summary="Consent to the face check", responses=[401, 403, 404])
@access.needs(Permission.SEE_CASES)
def get_consent(case_id: int) -> dict[str, object]:
    """Return the answer in force and the wording that it is of."""
    return _consent(case_id)


def _consent(case_id: int) -> dict[str, object]:
    with access.reading() as session:
        latest = consents.latest(session, case_for(session, access.user(), case_id).person)
        version = latest.text_version if latest else consents.VERSION
        return {
            "given": latest.given if latest else None,
            "text_version": version,
            "at": latest.at if latest else None,
            "wording": {each: list(consents.wording(version, each)) for each in consents.LANGUAGES},
        }


@blueprint.post("/cases/<int:case_id>/consent")
@blueprint.input(schema.ConsentIn, arg_name="answer")
@blueprint.output(schema.ConsentOut)
@blueprint.doc(summary="Record consent, refusal or withdrawal", responses=[401, 403, 404, 422])
@access.needs(Permission.ENROL)
def put_consent(case_id: int, answer: schema.ConsentIn) -> dict[str, object]:
    """Record an answer; without consent the template and the enrolment photo go at once."""
    with access.writing() as session:
        user, now = access.user(), access.now()
        person = cases.open_case_for(session, user, case_id, Permission.ENROL).person
        if answer.given:
            consents.give(session, person, user, now, answer.text_version)
        else:
            consents.withdraw(session, person, user, now)
            photos.expire(session, access.service().settings, now)
    return _consent(case_id)


@blueprint.post("/cases/<int:case_id>/face/assess")
@blueprint.input(schema.PhotoIn, location="form_and_files", arg_name="given")
@blueprint.output(schema.PhotoOut)
@blueprint.doc(summary="Ask what is wrong with a photo", responses=[401, 403, 404, 409, 422, 503])
@access.needs(Permission.ENROL)
def assess_photo(case_id: int, given: schema.PhotoIn) -> schema.PhotoOut:
    """Judge one photo; nothing is kept of it."""
    service = access.service()
    with access.reading() as session:
        enrolments.begin(session, access.user(), case_id)
    seen = enrolments.assess(service.verifier, given.photo.read(), service.settings)
    return schema.PhotoOut.of(seen, locale.chosen())


@blueprint.post("/cases/<int:case_id>/face")
@blueprint.input(schema.PhotosIn, location="form_and_files", arg_name="given")
@blueprint.output(schema.FaceOut, status_code=201)
@blueprint.doc(summary="Enrol a face", responses=[401, 403, 404, 409, 422, 503])
@access.needs(Permission.ENROL)
def enrol_face(case_id: int, given: schema.PhotosIn) -> dict[str, object] | Response:
    """Make a template of three or more photos. A refusal lists what is wrong with each."""
    service = access.service()
    with access.reading() as session:
        enrolments.begin(session, access.user(), case_id)
    files = [photo.read() for photo in given.photos]
    verdict = enrolments.judge(service.verifier, files, service.settings)
    try:
        with access.writing() as session:
            user, now, settings = access.user(), access.now(), service.settings
            template = enrolments.record(
                session, user, case_id, verdict, files, settings=settings, now=now
            )
    except DomainError as refusal:
        return _refused(refusal, verdict)
    return {"template_id": template.id, "photos": _seen(verdict)}


def _refused(refusal: DomainError, verdict: EnrolmentVerdict) -> Response:
    language = locale.chosen()
    title = " ".join([said(refusal), *(getattr(r.words, language) for r in verdict.reasons)])
    photos_seen = [photo.model_dump() for photo in _seen(verdict)]
    return problem(refusal.status, refusal.code, title, field=refusal.field, photos=photos_seen)


def _seen(verdict: EnrolmentVerdict) -> list[schema.PhotoOut]:
    return [schema.PhotoOut.of(photo, locale.chosen()) for photo in verdict.photos]


@blueprint.post("/cases/<int:case_id>/activation-code")
@blueprint.output(schema.CodeOut, status_code=201)
@blueprint.doc(summary="Offer a new activation code", responses=[401, 403, 404])
@access.needs(Permission.ENROL)
def activation_code(case_id: int) -> dict[str, object]:
    """Give a code for the phone page; earlier codes, PINs and sessions end."""
    with access.writing() as session:
        case = cases.open_case_for(session, access.user(), case_id, Permission.ENROL)
        code = phones.offer(session, case.person, access.now())
    return {"code": code, "expires_at": access.now() + ACTIVATION_FOR}


@blueprint.post("/cases/<int:case_id>/orders")
@blueprint.input(schema.OrderIn, arg_name="asked")
@blueprint.output(schema.OrderOut, status_code=201)
@blueprint.doc(summary="Decide a positioning order", responses=[401, 403, 404, 409, 422])
@access.needs(Permission.APPROVE_ORDERS)
def decide_order(case_id: int, asked: schema.OrderIn) -> schema.OrderOut:
    """Order positioning; from today on it starts at once."""
    with access.writing() as session:
        facts = [Fact(fact.kind, fact.id, fact.document) for fact in asked.facts]
        wanted = orders.Wanted(**{**dict(asked), "facts": facts})
        order = orders.decide(session, access.user(), case_id, wanted, access.now())
        return schema.OrderOut.of(order)


@blueprint.post("/orders/<int:order_id>/lift")
@blueprint.output(schema.OrderOut)
@blueprint.doc(summary="Lift an order", responses=[401, 403, 404, 409])
@access.needs(Permission.SUPERVISE)
def lift_order(order_id: int) -> schema.OrderOut:
    """End an order at once because it is no longer needed."""
    with access.writing() as session:
        return schema.OrderOut.of(orders.lift(session, access.user(), order_id, access.now()))
