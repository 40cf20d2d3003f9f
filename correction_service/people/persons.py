"""Enrol people, find them, and keep what is known of them; what is secret opens on the record."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, time

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from correction_service import audit
from correction_service.db import ring_of
from correction_service.people import cases
from correction_service.people.intake import EnrolForm, Faults, check, phone_number
from correction_service.scope import visible
from models.agency import Office
from models.case import ENDED, Case, CaseState
from models.checkin import CheckInPlan
from models.errors import DomainError, Forbidden, Invalid, Refused
from models.identity import IdKind
from models.keys import KeyRing
from models.person import SEALED_FIELDS, Person, id_index, phone_index
from models.user import Permission, User

LOOK_UP_AT_ONCE = 500  # values in one IN list
FOUND_AT_MOST = 50
_DAILY = {"weekdays": "1234567", "opens": time(8), "closes": time(20)}  # until an officer sets it

Register = Mapping[bytes, Person]


def enrol(session: Session, user: User, form: EnrolForm, now: datetime) -> Case:
    """Enter a person and a case, with a number and a plan; `Faults` names all that is in the way.

    A person known by the same document gets a second case when the earlier ones have ended.
    """
    if faults := check(form, cases.legal_day(now)):
        raise Faults(faults)
    if not user.may(Permission.ENROL):
        raise Forbidden("Your role does not include this.")
    known = register(session, [form])
    mine = {office.id for office in cases.offices(session, user)}
    if faults := obstacles(session, [form], known, mine)[0]:
        raise Faults(faults)
    return admit(session, [form], known, now)[0]


def register(session: Session, forms: Iterable[EnrolForm]) -> Register:
    """Return who is known already among the documents of checked forms, by blind index."""
    ring = ring_of(session)
    wanted = list({_index(ring, form) for form in forms})
    known = {}
    for start in range(0, len(wanted), LOOK_UP_AT_ONCE):
        some = Person.id_index.in_(wanted[start : start + LOOK_UP_AT_ONCE])
        found = select(Person).where(some).options(selectinload(Person.cases)).with_for_update()
        known.update({person.id_index: person for person in session.scalars(found)})
    return known


def _index(ring: KeyRing, form: EnrolForm) -> bytes:
    return id_index(ring, form.id_kind, form.id_number)


def obstacles(
    session: Session, forms: Iterable[EnrolForm], known: Register, offices: set[int]
) -> list[list[DomainError]]:
    """Return, form by form, what stands in the way at the register or outside these offices."""
    ring = ring_of(session)
    return [list(_obstacles(form, known.get(_index(ring, form)), offices)) for form in forms]


def _obstacles(form: EnrolForm, person: Person | None, offices: set[int]) -> Iterable[DomainError]:
    if form.office_id not in offices:
        yield Invalid("There is no such office among yours.", field="office")
    if person is None:
        return
    if person.name != form.name.strip():
        yield Refused(
            "This document is on the register under another name.",
            field="name",
            code="name_differs",
        )
    running = next((case for case in person.cases if case.state not in ENDED), None)
    if running is not None:
        yield _enrolled_already(running, offices)


def _enrolled_already(running: Case, offices: set[int]) -> Refused:
    """Name the case where it is theirs; of one elsewhere they learn only that it is."""
    if running.office_id not in offices:
        return Refused(
            "This person already has a case at another office that has not ended.",
            field="id_number",
            code="already_enrolled",
        )
    return Refused(
        "This person already has a case that has not ended: %(number)s.",
        field="id_number",
        code="already_enrolled",
        number=running.number,
    )


def admit(
    session: Session, forms: Sequence[EnrolForm], known: Register, now: datetime
) -> list[Case]:
    """Write persons, cases and plans of forms that nothing stands in the way of."""
    offices = {form.office_id: session.get_one(Office, form.office_id) for form in forms}
    (agency_id,) = {office.agency_id for office in offices.values()}
    numbers = cases.numbers(session, agency_id, now)
    try:
        with session.begin_nested():
            made = [
                _case(
                    _person(session, form, known, now), form, offices[form.office_id], number, now
                )
                for form, number in zip(forms, numbers, strict=False)
            ]
            session.add_all(made)
            session.flush()
    except IntegrityError:
        raise Refused(
            "Someone else enrolled the same person a moment ago.", field="id_number"
        ) from None
    session.add_all(CheckInPlan(case_id=case.id, **_DAILY) for case in made)
    session.flush()
    return made


def _person(session: Session, form: EnrolForm, known: Register, now: datetime) -> Person:
    ring = ring_of(session)
    person = known.get(_index(ring, form)) or Person.enrol(
        ring,
        now,
        name=form.name,
        id_kind=form.id_kind,
        id_number=form.id_number,
        sex=form.sex,
        born_on=form.born_on,
    )
    if form.phone:
        person.put(ring, "phone", phone_number(form.phone))
    if form.address:
        person.put(ring, "address", form.address)
    return person


def _case(person: Person, form: EnrolForm, office: Office, number: str, now: datetime) -> Case:
    return Case(
        number=number,
        person=person,
        office=office,
        agency_id=office.agency_id,
        category=form.category,
        deciding_authority=form.deciding_authority.strip(),
        effective_on=form.effective_on,
        term_start=form.term_start,
        term_end=form.term_end,
        state=CaseState.AWAITING_REPORT,
        state_since=now,
        minor=person.minor_on(form.effective_on),
    )


def change_contact(
    session: Session, user: User, case_id: int, *, phone: str | None, address: str | None
) -> Person:
    """Set phone and address anew; None leaves a field alone, an empty text clears it."""
    person = cases.open_case_for(session, user, case_id, Permission.ENROL).person
    ring = ring_of(session)
    if phone is not None:
        person.put(ring, "phone", phone_number(phone) if phone.strip() else None)
    if address is not None:
        person.put(ring, "address", address.strip() or None)
    session.flush()
    return person


def reveal(session: Session, user: User, case_id: int, column: str) -> str | None:
    """Open the ID number, phone or address for someone who supervises; the look is logged."""
    person = cases.open_case_for(session, user, case_id, Permission.SUPERVISE).person
    if column not in SEALED_FIELDS:
        raise Invalid("There is no such field.", field="column")
    audit.viewed(session, f"view_{column}", "person", person.id)
    return person.reveal(ring_of(session), column)


def find(session: Session, user: User, query: str) -> Sequence[Case]:
    """Find cases in the user's scope by part of a name or number, an exact ID number or phone."""
    text = query.strip()
    if not text:
        return []
    found = select(Case).join(Case.person).where(visible(user), _matches(ring_of(session), text))
    found = found.options(selectinload(Case.person), selectinload(Case.office))
    return session.scalars(found.order_by(Case.id.desc()).limit(FOUND_AT_MOST)).all()


def _matches(ring: KeyRing, text: str) -> ColumnElement[bool]:
    secret: list[ColumnElement[bool]] = [Person.id_index.in_(list(_documents(ring, text)))]
    with suppress(Invalid):  # not a phone number: nobody is found by it
        secret.append(Person.phone_index == phone_index(ring, phone_number(text)))
    return or_(
        Person.name.contains(text, autoescape=True),
        Case.number.contains(text.upper(), autoescape=True),
        *secret,
    )


def _documents(ring: KeyRing, text: str) -> Iterable[bytes]:
    for kind in IdKind:
        try:
            yield id_index(ring, kind, text)
        except Invalid:
            continue  # no document of this kind reads so
