"""Printable forms: every kind sets, numbers follow, the paper is sealed and seen on record."""

import hashlib
import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.audit import SYSTEM
from correction_service.casework import clocks
from correction_service.db import Database
from correction_service.forms import prints
from correction_service.forms.catalogue import BLANK, Form, Subject, catalogue
from models.audit import AuditRecord
from models.case import Case, CaseState
from models.discipline import FactKind, Measure, MeasureFact, MeasureKind, MeasureState
from models.errors import Forbidden, NotFound, Refused
from models.leave import Leave, LeaveReason
from models.order import Ground, PositioningOrder
from models.printed_form import FormKind, PrintedForm
from models.search import SearchRecord, SearchState, SearchStep, StepKind
from models.user import Role, User
from tests.county import NOW, County, make_case
from tests.pages import SignedInClient

MARKS = {"V", "S", "R"}


def officer_of(session: Session, county: County) -> User:
    return session.get_one(User, county.users[Role.OFFICER])


def printed(database: Database, county: County, kind: FormKind = FormKind.NOTIFICATION) -> str:
    with database.transaction(SYSTEM, "test") as session:
        officer = officer_of(session, county)
        draft = prints.prepare(session, officer, county.case, kind, now=NOW)
        numbered = prints.number(session, draft, NOW)
        pdf = prints.paper(draft.filled | {"number": numbered[2]}, NOW)
        made = prints.keep(session, officer, draft, numbered=numbered, pdf=pdf, now=NOW)
        return made.number


def test_every_form_names_its_source_and_how_sure_its_text_is() -> None:
    assert all(form.source and form.mark in MARKS for form in catalogue().values())


def test_no_two_forms_are_numbered_alike() -> None:
    assert len({form.serial for form in catalogue().values()}) == len(FormKind)


def every_form() -> list[Form]:
    """The forms of the catalogue, in each of their wordings."""
    return [it for form in catalogue().values() for it in (form, *form.wordings.values())]


@pytest.mark.parametrize("form", every_form(), ids=lambda form: form.title)
def test_every_form_is_set_as_archivable_pdf_with_its_font_inside(form: Form) -> None:
    filled = form.filled({"name": "测试"}, minor=True)
    rest = {"agency": "某区", "day": "", "source": "", "mark": "R", "number": "1", "steps": []}
    pdf = prints.paper(filled | rest, NOW)
    assert pdf.startswith(b"%PDF-1.7")
    assert b"pdfaid:part" in pdf
    assert re.search(rb"/FontFile3?", pdf)


def test_what_a_fact_says_is_never_read_as_markup() -> None:
    form = catalogue()[FormKind.NOTIFICATION]
    filled = form.filled({"name": "#panic() *粗* $x$ \\"}, minor=False)
    rest = {"agency": "某区", "day": "", "source": "", "mark": "V", "number": "1", "steps": []}
    assert prints.paper(filled | rest, NOW)


def test_equal_forms_of_one_moment_are_equal_bytes() -> None:
    form = catalogue()[FormKind.PLAN]
    rest = {"agency": "某区", "day": "", "source": "", "mark": "V", "number": "1", "steps": []}
    filled = form.filled({}, minor=False) | rest
    assert prints.paper(filled, NOW) == prints.paper(filled, NOW)


def test_an_absent_fact_leaves_a_line_to_fill_in() -> None:
    filled = catalogue()[FormKind.NOTIFICATION].filled({"name": "测试"}, minor=False)
    assert BLANK in filled["body"][0]


def test_the_guardian_signs_for_a_minor_only() -> None:
    form = catalogue()[FormKind.NOTIFICATION]
    assert form.for_minors in form.filled({}, minor=True)["signatures"]
    assert form.for_minors not in form.filled({}, minor=False)["signatures"]


def test_numbers_follow_each_other_by_kind(database: Database, county: County) -> None:
    numbers = [printed(database, county) for _ in range(2)]
    assert numbers == ["〔2026〕告字第1号", "〔2026〕告字第2号"]
    assert printed(database, county, FormKind.PLAN) == "〔2026〕案字第1号"


def test_the_certificate_is_printed_when_the_case_has_ended(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state = CaseState.RELEASED
    assert printed(database, county, FormKind.RELEASE_CERTIFICATE) == "〔2026〕解字第1号"
    with database.reading() as session:
        looks = select(AuditRecord.action).where(AuditRecord.action == "view_id_number")
        assert len(session.scalars(looks).all()) == 1


@pytest.mark.parametrize("kind", sorted(prints.OF_RELEASE))
def test_the_papers_of_release_wait_for_the_end_and_for_what_holds_them(
    database: Database, county: County, kind: FormKind
) -> None:
    def prepare(session: Session, now: datetime) -> prints.Draft:
        officer = officer_of(session, county)
        return prints.prepare(session, officer, county.case, kind, now=now)

    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        ended = hours.day_start(case.term_end)
        with pytest.raises(Refused, match="once the term has ended"):
            prepare(session, ended - timedelta(minutes=1))
        assert prepare(session, ended).form.kind is kind
        clocks.begin_named(session, case, "pending_revocation", "撤缓建议 1 号", NOW)
        with pytest.raises(Refused, match="waits for it"):
            prepare(session, ended)
        case.state = CaseState.TERMINATED
        with pytest.raises(Refused, match="terminated"):
            prepare(session, ended)


def test_a_leave_has_the_days_by_which_it_was_decided(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        leave = Leave(
            case_id=county.case, reason=LeaveReason.WORK, divisions=["520100"], note="表 3",
            starts_at=NOW, ends_at=NOW + timedelta(days=7),
        )  # fmt: skip
        session.add(leave)
        session.flush()
        officer, kind = officer_of(session, county), FormKind.LEAVE_APPROVAL
        rows = prints.prepare(session, officer, county.case, kind, leave.id, now=NOW).filled["rows"]
        assert any("共7日" in cell for row in rows for cell in row)


def test_one_number_is_given_once(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = officer_of(session, county)
        draft = prints.prepare(session, officer, county.case, FormKind.PLAN, now=NOW)
        numbered = prints.number(session, draft, NOW)
        prints.keep(session, officer, draft, numbered=numbered, pdf=b"a", now=NOW)
        with pytest.raises(IntegrityError), session.begin_nested():
            prints.keep(session, officer, draft, numbered=numbered, pdf=b"b", now=NOW)


def test_the_paper_is_sealed_and_a_look_is_on_record(database: Database, county: County) -> None:
    printed(database, county)
    with database.transaction(SYSTEM, "test") as session:
        row = session.scalars(select(PrintedForm)).one()
        assert b"%PDF" not in row.sealed
        _, pdf = prints.view(session, officer_of(session, county), row.id)
        assert hashlib.sha256(pdf).hexdigest() == row.digest
        looked = select(AuditRecord).where(AuditRecord.action == "view_form")
        assert session.scalars(looked).one().subject_id == str(row.id)


def test_opening_the_id_number_for_a_form_is_on_record(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).state = CaseState.RELEASED
    printed(database, county, FormKind.RELEASE_CERTIFICATE)
    with database.reading() as session:
        looked = select(AuditRecord.id).where(AuditRecord.action == "view_id_number")
        assert len(session.scalars(looked).all()) == 1


def test_an_order_of_another_case_is_no_subject(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        office = session.get_one(Case, county.case).office
        other = make_case(session, office, 77)
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        order = PositioningOrder(
            case=other,
            ground=Ground.PROHIBITION_BREACHED,
            evidence="某事",
            starts_at=NOW,
            ends_at=NOW + timedelta(days=30),
            approved_by=head.id,
            approved_at=NOW,
        )
        session.add(order)
        session.flush()
        kind, officer = FormKind.POSITIONING_DECISION, officer_of(session, county)
        with pytest.raises(NotFound):
            prints.prepare(session, officer, county.case, kind, order.id, now=NOW)
        draft = prints.prepare(session, officer, other.id, kind, order.id, now=NOW)
        assert "某事" in draft.filled["body"][1]


def test_a_form_of_a_measure_takes_facts_and_statement_from_its_file(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = officer_of(session, county)
        case = session.get_one(Case, county.case)
        measure = Measure.prepare(
            case,
            MeasureKind.WARNING,
            limb="x",
            law="IM 35",
            found="三次未报告",
            happened_on=NOW.date(),
            prepared_by=officer.id,
            prepared_at=NOW,
        )
        measure.facts.append(MeasureFact(kind=FactKind.DUTY, reference="17"))
        measure.hear("手机坏了", officer.id, NOW)
        session.add(measure)
        session.flush()
        of_warning = (county.case, FormKind.WARNING_DECISION, measure.id)
        for state in (MeasureState.PREPARED, MeasureState.REFUSED):  # nobody decided to warn
            measure.state = state
            measure.decided_at = NOW if state is MeasureState.REFUSED else None
            session.flush()
            with pytest.raises(NotFound):
                prints.prepare(session, officer, *of_warning, now=NOW)
            approval = (county.case, FormKind.WARNING_APPROVAL, measure.id)
            assert prints.prepare(session, officer, *approval, now=NOW).filled["rows"]
        measure.state = MeasureState.DECIDED
        session.flush()
        said = "".join(prints.prepare(session, officer, *of_warning, now=NOW).filled["body"])
        assert all(it in said for it in ("三次未报告", "签到任务第17号", "手机坏了"))
        of_admonition = (county.case, FormKind.ADMONITION_DECISION, measure.id)
        with pytest.raises(NotFound):
            prints.prepare(session, officer, *of_admonition, now=NOW)


def test_the_record_of_a_search_prints_its_steps(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = officer_of(session, county)
        case = session.get_one(Case, county.case)
        record = SearchRecord(case=case, state=SearchState.DRAFT, reasons=[], drafted_at=NOW)
        record.declare(NOW.date(), NOW.date(), officer.id, NOW)
        record.steps.append(
            SearchStep(
                kind=StepKind.VISIT,
                happened_at=NOW,
                outcome="家中无人",
                made_by=officer.id,
                made_at=NOW,
            )
        )
        session.add(record)
        session.flush()
        draft = prints.prepare(
            session, officer, county.case, FormKind.SEARCH_RECORD, record.id, now=NOW
        )
        assert draft.filled["steps"][0][1] == "上门走访：家中无人"
        assert prints.paper(draft.filled, NOW).startswith(b"%PDF")


def test_a_procurator_opens_papers_and_prints_none(database: Database, county: County) -> None:
    printed(database, county)
    with database.transaction(SYSTEM, "test") as session:
        procurator = session.get_one(User, county.users[Role.PROCURATOR])
        row = session.scalars(select(PrintedForm)).one()
        assert prints.view(session, procurator, row.id)[1].startswith(b"%PDF")
        with pytest.raises(Forbidden):
            prints.prepare(session, procurator, county.case, FormKind.PLAN, now=NOW)


def test_the_page_prints_and_opens_again(client_of: SignedInClient, county: County) -> None:
    client = client_of(Role.OFFICER)
    page = f"/cases/{county.case}/forms"
    assert "Nothing yet" in client.get(page).text
    draft = client.post(f"{page}/notification/draft")
    assert draft.data.startswith(b"%PDF")
    assert "Nothing yet" in client.get(page).text
    assert client.post(f"{page}/notification").status_code == 302
    shown = client.get(page).text
    assert "告字第1号" in shown
    link = re.search(r"/cases/forms/[0-9a-f-]{36}", shown)
    assert link
    again = client.post(link[0])
    assert again.mimetype == "application/pdf"
    assert again.headers["Cache-Control"] == "no-store"


def test_a_form_that_needs_an_order_says_so(client_of: SignedInClient, county: County) -> None:
    client = client_of(Role.OFFICER)
    refused = client.post(f"/cases/{county.case}/forms/positioning_decision")
    assert refused.status_code == 404
    assert "Choose what the form is about." in refused.text
    assert Subject.ORDER in {form.subject for form in catalogue().values()}
