"""Print a form: gather its facts, set it, give it the next number, seal it. Printing is on record.

Typesetting takes a tenth of a second, so no transaction is open meanwhile: the next number is read
first, and the paper is kept under it. Where another was kept under that number meanwhile, the
database refuses the second, and `printed` sets it again with the next.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from correction_service import audit, typeset
from correction_service.db import ring_of
from correction_service.enforcement import plans
from correction_service.forms import facts, subjects, wordings
from correction_service.forms.catalogue import Form, Subject, catalogue
from correction_service.people.cases import legal_day, refuse_pending
from correction_service.scope import case_for
from models.case import LEGAL_ZONE, Case, CaseState
from models.errors import NotFound, Refused
from models.printed_form import FormKind, PrintedForm
from models.user import Permission, User

LAYOUT = "layout.typ"
OF_RELEASE = frozenset({FormKind.RELEASE_ANNOUNCEMENT, FormKind.RELEASE_CERTIFICATE})


@dataclass(frozen=True)
class Draft:
    """A form with its facts, before it has a number; not to be logged."""

    form: Form
    case_id: int
    subject_id: int | None
    filled: dict[str, Any] = field(repr=False)


def prepare(
    session: Session,
    user: User,
    case_id: int,
    kind: FormKind,
    subject_id: int | None = None,
    *,
    about: str = "",
    now: datetime,
) -> Draft:
    """Fill a form for somebody to look at; the numbers of documents that it opens are on record."""
    case = case_for(session, user, case_id, Permission.SUPERVISE)
    form = catalogue()[kind].about(about)
    if kind in OF_RELEASE:
        _refuse_before_release(session, case, now)
    known = facts.of_case(session, case) | subjects.facts(session, form, case, subject_id)
    form = wordings.worded(session, form, subject_id, now)
    if form.subject is Subject.ORDER:
        known |= wordings.facts(session, subject_id, now)
    if "id_number" in form.facts:
        known["id_number"] = _id_number(session, case)
    if "goals" in form.facts and (plan := plans.latest(session, case)) is not None:
        known |= plans.read(session, plan)._asdict() | {"review_on": facts.day(plan.review_on)}
    filled = form.filled(known, minor=case.minor) | {
        "agency": case.agency.name,
        "day": facts.day(now),
        "source": form.source,
        "mark": form.mark,
        "number": "（草稿）",
        "steps": subjects.steps(session, form, case, subject_id),
    }
    return Draft(form, case.id, subject_id, filled)


def _refuse_before_release(session: Session, case: Case, now: datetime) -> None:
    """A paper says that the term is over once it is, and that nothing holds it (LCC 44)."""
    if case.state is CaseState.TERMINATED:
        raise Refused("The case was terminated: nobody is released from it.")
    if case.state is CaseState.TRANSFERRED:
        raise Refused("The case has moved away: the new place releases from it.")
    if case.state is not CaseState.RELEASED and legal_day(now) < case.term_end:
        raise Refused("The papers of release are printed once the term has ended (LCC 44).")
    refuse_pending(session, case)


def _id_number(session: Session, case: Case) -> str:
    """Open it for a paper, also after the end: the certificate of release is made then."""
    audit.viewed(session, "view_id_number", "person", case.person.id)
    return case.person.reveal(ring_of(session), "id_number") or ""


def number(session: Session, draft: Draft, now: datetime) -> tuple[int, int, str]:
    """The next number of the agency's kind and year: year, serial, as printed."""
    case = session.get_one(Case, draft.case_id)
    year = now.astimezone(LEGAL_ZONE).year
    form = draft.form
    last = session.scalar(
        select(func.max(PrintedForm.serial)).where(
            PrintedForm.agency_id == case.agency_id,
            PrintedForm.kind == form.kind,
            PrintedForm.year == year,
        )
    )
    serial = (last or 0) + 1
    return year, serial, f"〔{year}〕{form.serial}第{serial}号"


def keep(
    session: Session,
    user: User,
    draft: Draft,
    *,
    numbered: tuple[int, int, str],
    pdf: bytes,
    now: datetime,
) -> PrintedForm:
    """Seal a paper under its number."""
    case = case_for(session, user, draft.case_id, Permission.SUPERVISE)
    year, serial, said = numbered
    printed = PrintedForm(
        id=uuid4(),
        case=case,
        case_id=case.id,
        agency_id=case.agency_id,
        kind=draft.form.kind,
        year=year,
        serial=serial,
        number=said,
        subject_id=draft.subject_id,
        about=draft.form.subject.value if draft.subject_id is not None else None,
        digest=hashlib.sha256(pdf).hexdigest(),
        by=user.id,
        at=now,
    )
    printed.put(ring_of(session), pdf)
    session.add(printed)
    session.flush()
    return printed


def paper(filled: Mapping[str, Any], now: datetime) -> bytes:
    """Set a filled form."""
    return typeset.pdf(__package__, LAYOUT, filled, now)


def of(session: Session, case: Case) -> Sequence[PrintedForm]:
    """What was printed of a case, newest first, without the papers themselves."""
    newest = (PrintedForm.at.desc(), PrintedForm.number)
    return session.scalars(
        select(PrintedForm).where(PrintedForm.case_id == case.id).order_by(*newest)
    ).all()


def view(session: Session, user: User, printed_id: UUID) -> tuple[PrintedForm, bytes]:
    """Open a printed paper for somebody; that they looked is on record."""
    query = select(PrintedForm).where(PrintedForm.id == printed_id)
    printed = session.scalar(query.options(joinedload(PrintedForm.case)))
    if printed is None:
        raise NotFound("There is no such form.")
    case_for(session, user, printed.case_id, Permission.SEE_CASES)
    audit.viewed(session, "view_form", "printed_form", printed.id)
    return printed, printed.reveal(ring_of(session))
