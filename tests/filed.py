"""Papers of one file that a route may name: what was found, asked, moved, printed of a case."""

from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from correction_service.db import ring_of
from models.agency import Agency, AgencyLevel
from models.case import Case
from models.change_report import ChangeKind, ChangeReport, ReportWay
from models.company import CompanyBan, CompanyBanCase
from models.discipline import Measure, MeasureKind
from models.file_destruction import FileDestruction
from models.opinion import Opinion, OpinionKind
from models.order import Ground
from models.order_proposal import OrderProposal, ProposalState
from models.person_request import Addressee, PersonRequest, RequestKind
from models.printed_form import FormKind, PrintedForm
from models.prohibition import ProhibitionOrder, ProhibitionReport
from models.reconciliation import DifferenceKind, Reconciliation, RegisterDifference
from models.search import SearchAttachment, SearchRecord, SearchStep, StepKind
from models.sentence_correction import SentenceCorrection
from models.transfer import Transfer
from models.user import Role
from tests.county import DAY, NOW, County


def differing(session: Session, case_id: int, county: County) -> int:
    found = RegisterDifference(kind=DifferenceKind.NOT_THERE, case_id=case_id)
    head = county.users[Role.COUNTY_HEAD]
    made = Reconciliation(
        agency_id=county.agency,
        source="法院",
        listed=0,
        agreed=0,
        made_by=head,
        made_at=NOW,
        differences=[found],
    )
    session.add(made)
    session.flush()
    return found.id


def entitled(session: Session, case_id: int) -> int:
    made = PersonRequest(
        case_id=case_id,
        kind=RequestKind.COPY,
        addressee=Addressee.AGENCY,
        asked_at=NOW,
        due_on=NOW.date(),
        basis="PIPL 45 (R)",
    )
    session.add(made)
    session.flush()
    return made.id


def told(session: Session, case_id: int) -> int:
    made = ChangeReport(
        case_id=case_id,
        kind=ChangeKind.JOB,
        way=ReportWay.PHONE_PAGE,
        receipt="7K3M-92QX",
        told_at=NOW,
    )
    session.add(made)
    session.flush()
    return made.id


def attached(session: Session, county: County, search: SearchRecord, photo: UUID) -> int:
    step = SearchStep(
        record=search,
        kind=StepKind.VISIT,
        happened_at=NOW,
        outcome="家中无人",
        made_by=county.users[Role.OFFICER],
        made_at=NOW,
    )
    made = SearchAttachment(step=step, photo_id=photo, digest="0" * 64, kind="image/jpeg", length=9)
    session.add(made)
    session.flush()
    return made.id


def kept_apart(case_id: int, county: County) -> CompanyBan:
    return CompanyBan(
        agency_id=county.agency,
        basis="禁止令",
        valid_from=NOW,
        made_by=county.users[Role.OFFICER],
        made_at=NOW,
        members=[CompanyBanCase(case_id=case_id)],
    )


def forbidden(case_id: int, county: County) -> ProhibitionOrder:
    by = {"made_by": county.users[Role.OFFICER], "made_at": NOW}
    return ProhibitionOrder(
        case_id=case_id,
        court="汇川区人民法院",
        number="（2026）黔0303刑初7号",
        forbids="禁止进入网吧、酒吧",
        starts_on=DAY,
        ends_on=DAY + timedelta(days=180),
        report_days=14,
        reports=[ProhibitionReport(reported_on=DAY, said="未进入", **by)],
        **by,
    )


def penalised(case_id: int, county: County) -> Measure:
    return Measure(
        case_id=case_id,
        kind=MeasureKind.ADMONITION,
        limb="minor_breach",
        law="IM 34 (S)",
        found="未报告",
        happened_on=NOW.date(),
        prepared_by=county.users[Role.OFFICER],
        prepared_at=NOW,
    )


def moving(case: Case, county: County) -> Transfer:
    there = Agency(name="凤冈县社区矫正中心", level=AgencyLevel.COUNTY, division="520327")
    return Transfer(
        case=case,
        from_agency_id=county.agency,
        from_office_id=county.office,
        to_agency=there,
        asked_on=NOW.date(),
        moves_on=NOW.date(),
        why="迁居",
        asked_by=county.users[Role.OFFICER],
    )


def put_right(case_id: int, county: County) -> SentenceCorrection:
    return SentenceCorrection(
        case_id=case_id,
        before={"term_end": "2027-10-31"},
        after={"term_end": "2027-06-30"},
        number="刑更 7",
        reason="减刑",
        proposed_by=county.users[Role.OFFICER],
        proposed_at=NOW,
    )


def printed(session: Session, case: Case, county: County) -> PrintedForm:
    form = PrintedForm(
        id=uuid4(),
        agency_id=county.agency,
        case=case,
        kind=FormKind.NOTIFICATION,
        year=NOW.year,
        serial=1,
        number="〔2026〕告字第1号",
        digest="0" * 64,
        by=county.users[Role.OFFICER],
        at=NOW,
    )
    form.put(ring_of(session), b"%PDF-1.7")
    return form


def opined(case_id: int, county: County) -> Opinion:
    return Opinion(
        agency_id=county.agency,
        case_id=case_id,
        kind=OpinionKind.CORRECTION,
        number="3",
        text="请依法纠正",
        due_on=NOW.date(),
        basis="LCC 62 (R)",
        made_by=county.users[Role.PROCURATOR],
        made_at=NOW,
    )


def prepared_order(case_id: int, county: County) -> OrderProposal:
    return OrderProposal(
        case_id=case_id,
        ground=Ground.LEFT_WITHOUT_APPROVAL,
        evidence="未经批准离开遵义市",
        facts=[["document", None, "询问笔录 9"]],
        starts_on=NOW.date(),
        ends_on=NOW.date(),
        prepared_by=county.users[Role.OFFICER],
        prepared_at=NOW,
        answered_by=county.users[Role.COUNTY_HEAD],
        answered_at=NOW,
        state=ProposalState.SENT_BACK,
        answer="缺少询问笔录",
    )


def destroying(case_id: int, county: County) -> FileDestruction:
    return FileDestruction(
        case_id=case_id,
        list_number="销 2031-4",
        proposed_by=county.users[Role.COUNTY_HEAD],
        proposed_at=NOW,
    )
