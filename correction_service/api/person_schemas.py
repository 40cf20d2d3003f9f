"""What the enrolment API takes and gives. No answer carries an ID number, a phone or an address."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from apiflask.fields import UploadFile
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from correction_service.face.verdict import Assessment
from correction_service.law import clock_rules
from correction_service.people.ends import End
from correction_service.people.intake import EnrolForm
from models.case import Case, CaseState, Category, EndedAs, Level
from models.identity import IdKind, Sex
from models.order import Ground, PositioningOrder
from models.order_evidence import EvidenceKind


class EnrolIn(BaseModel):
    """One person and one case."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100)
    id_kind: IdKind = IdKind.RESIDENT
    id_number: str = Field(max_length=32, description="checked by GB 11643 if a resident ID")
    sex: Sex | None = Field(None, description="needed without a resident ID")
    born_on: date | None = Field(None, description="needed without a resident ID")
    phone: str | None = Field(None, max_length=32)
    address: str | None = Field(None, max_length=200)
    category: Category
    deciding_authority: str = Field(max_length=100)
    effective_on: date
    term_start: date
    term_end: date
    office_id: int

    def form(self) -> EnrolForm:
        """The entry as the use case takes it."""
        return EnrolForm(**dict(self))


class CaseOut(BaseModel):
    """A case without anything that is sealed."""

    id: int
    number: str
    person_id: UUID
    name: str
    sex: Sex
    minor: bool
    office_id: int
    office: str
    category: Category
    level: Level
    state: CaseState
    ended_as: EndedAs | None
    effective_on: date
    report_by: date | None
    reported_on: date | None
    term_start: date
    term_end: date

    @classmethod
    def of(cls, session: Session, case: Case) -> Self:
        """Take what may be shown."""
        shown = {name: getattr(case, name, None) for name in cls.model_fields}
        person = {"name": case.person.name, "sex": case.person.sex, "office": case.office.name}
        report_by = clock_rules.report_by(session, case.effective_on)
        return cls.model_validate({**shown, **person, "report_by": report_by})


class PageIn(BaseModel):
    """Which part of a list."""

    state: CaseState | None = None
    office_id: int | None = None
    page: int = Field(1, ge=1, le=100_000)
    per_page: int = Field(50, ge=1, le=200)


class CasesOut(BaseModel):
    """One page of cases, by id, and whether more follow."""

    cases: list[CaseOut]
    page: int
    more: bool


class SearchIn(BaseModel):
    """Part of a name or case number, or an exact document or phone number; never in a URL."""

    query: str = Field(min_length=1, max_length=100)


class ReportIn(BaseModel):
    """The day of reporting in."""

    reported_on: date


class StateIn(BaseModel):
    """Another state of a case, and why."""

    state: CaseState
    note: str = Field(max_length=1000, description="why, and on which paper")
    since: date | None = Field(
        None, description="the day on which custody began; required for `detained`, else unused"
    )
    ended_as: EndedAs | None = Field(
        None, description="how it ends; required for `terminated`; `released` is `term_over` else"
    )
    number: str = Field(
        "", max_length=400, description="of the pardon, decision or death certificate that ends it"
    )

    @property
    def end(self) -> End | None:
        """How the case ends, as the use case takes it."""
        return End(self.ended_as, self.number) if self.ended_as else None


class MemberIn(BaseModel):
    """One member of a correction team."""

    name: str = Field(max_length=100)
    sex: Sex
    part: str = Field(
        description="officer, family, neighbour, employer, volunteer, guardian, other"
    )
    username: str = Field("", description="their account in your agency, if any")


class MemberOut(BaseModel):
    """A member's id."""

    id: int


class ConsentIn(BaseModel):
    """An answer to the wording of `text_version`; false refuses or withdraws."""

    given: bool
    text_version: str = "face_check.v1"


class ConsentOut(BaseModel):
    """The answer in force; `given` is null when nobody asked yet."""

    given: bool | None
    text_version: str
    at: datetime | None
    wording: dict[str, list[str]] = Field(description="paragraphs by language")


class PhotoIn(BaseModel):
    """One photo: JPEG, PNG or WebP."""

    photo: UploadFile


class PhotosIn(BaseModel):
    """Three to eight photos of one person."""

    photos: list[UploadFile]


class ReasonOut(BaseModel):
    """Why a photo is not good enough, with advice in the caller's language."""

    code: str
    words: str


class PhotoOut(BaseModel):
    """What was seen in one photo."""

    accepted: bool
    faces: int
    reasons: list[ReasonOut]

    @classmethod
    def of(cls, seen: Assessment, language: str) -> Self:
        """Say it in a language."""
        reasons = [
            ReasonOut(code=reason.value, words=getattr(reason.words, language))
            for reason in seen.reasons
        ]
        return cls(accepted=seen.accepted, faces=seen.faces, reasons=reasons)


class FaceOut(BaseModel):
    """A face was enrolled."""

    template_id: UUID
    photos: list[PhotoOut]


class CodeOut(BaseModel):
    """An activation code for the phone page; it is not to be had a second time."""

    code: str
    expires_at: datetime


class FactIn(BaseModel):
    """A fact under an order: an incident or leave by its id, all else by its document's number."""

    kind: str = Field(max_length=32, examples=list(EvidenceKind))
    id: int | None = None
    document: str = Field("", max_length=200)


class OrderIn(BaseModel):
    """An order for three months at most, on a ground of LCC 29; no score, level or points."""

    ground: Ground
    evidence: str = Field(max_length=2000)
    facts: list[FactIn] = Field(max_length=50)
    starts_on: date
    ends_on: date


class OrderOut(BaseModel):
    """An order."""

    id: int
    case_id: int
    ground: Ground
    starts_at: datetime
    ends_at: datetime
    lifted_at: datetime | None

    @classmethod
    def of(cls, order: PositioningOrder) -> Self:
        """Take what may be shown; the evidence stays in the file."""
        return cls.model_validate({name: getattr(order, name) for name in cls.model_fields})
