"""入矫: what an officer, a program or a file says of a person and a case, read and checked.

Everything wrong is found at once and each fault names its field, so that one look mends all.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from models.case import Category
from models.errors import DomainError, Invalid
from models.identity import IdKind, Sex, normalise

Value = TypeVar("Value")
Kind = TypeVar("Kind", bound=StrEnum)

_PHONE = re.compile(r"\+?\d{7,20}")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]0?0:00(?::00)?)?")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_EARLIEST, _LATEST = date(1900, 1, 1), date(2199, 12, 31)
_SHEET_EPOCH = date(1899, 12, 30)  # day 0 of a spreadsheet; right from 1900-03-01 on
_NAME_LENGTH, _ADDRESS_LENGTH = 100, 200

# What each field is called, in Chinese and English: labels of the form, headers of files.
LABELS = {
    "name": ("姓名", "Name"),
    "id_kind": ("证件类型", "Document"),
    "id_number": ("证件号码", "Document number"),
    "sex": ("性别", "Sex"),
    "born_on": ("出生日期", "Date of birth"),
    "phone": ("联系电话", "Phone"),
    "address": ("居住地址", "Address"),
    "office": ("司法所", "Judicial office"),
    "category": ("矫正类别", "Category"),
    "deciding_authority": ("决定机关", "Deciding authority"),
    "effective_on": ("判决（决定）生效日期", "Judgment effective on"),
    "term_start": ("矫正期限起日", "Term starts on"),
    "term_end": ("矫正期限止日", "Term ends on"),
}

# Words of forms, of files, and the code values seen in public systems (R, not official).
CATEGORY_WORDS = {
    Category.PUBLIC_SURVEILLANCE: ("管制", "01"),
    Category.SUSPENDED_SENTENCE: ("缓刑", "02"),
    Category.PAROLE: ("假释", "03"),
    Category.OUTSIDE_PRISON: ("暂予监外执行", "04"),
}
ID_KIND_WORDS = {
    IdKind.RESIDENT: ("居民身份证", "身份证"),
    IdKind.PASSPORT: ("护照",),
    IdKind.HK_MACAO_PERMIT: ("港澳居民来往内地通行证", "港澳通行证", "回乡证"),
    IdKind.TAIWAN_PERMIT: ("台湾居民来往大陆通行证", "台胞证"),
    IdKind.OTHER: ("其他",),
}
SEX_WORDS = {Sex.FEMALE: ("女", "f"), Sex.MALE: ("男", "m")}


class Faults(Invalid):
    """All that is wrong with one entry; it speaks as the first of them."""

    def __init__(self, faults: Sequence[DomainError]) -> None:
        first = faults[0]
        super().__init__(first.message, field=first.field, code=first.code, **first.facts)
        self.status = first.status
        self.faults = tuple(faults)


@dataclass(frozen=True)
class EnrolForm:
    """One person and one case as they are to be entered."""

    name: str
    id_number: str
    category: Category
    deciding_authority: str
    effective_on: date
    term_start: date
    term_end: date
    office_id: int
    id_kind: IdKind = IdKind.RESIDENT
    sex: Sex | None = None
    born_on: date | None = None
    phone: str | None = None
    address: str | None = None


def read(texts: Mapping[str, str], offices: Mapping[str, int], today: date) -> EnrolForm:
    """Read a form or a row of text; `offices` gives the ids by what names them. Raises `Faults`."""
    reader = _Reader(texts)
    form = EnrolForm(
        name=reader.text("name"),
        id_kind=reader.choice("id_kind", IdKind, ID_KIND_WORDS, default=IdKind.RESIDENT),
        id_number=reader.text("id_number"),
        sex=reader.optional("sex", lambda text: _choice("sex", text, Sex, SEX_WORDS)),
        born_on=reader.optional("born_on", lambda text: day_of("born_on", text)),
        phone=reader.optional("phone", phone_number),
        address=reader.optional("address", str),
        category=reader.choice("category", Category, CATEGORY_WORDS),
        deciding_authority=reader.text("deciding_authority"),
        effective_on=reader.day("effective_on"),
        term_start=reader.day("term_start"),
        term_end=reader.day("term_end"),
        office_id=reader.take("office", lambda text: _office(text, offices), 0),
    )
    found = {fault.field for fault in reader.faults}
    faults = [fault for fault in check(form, today) if not _explained(fault, found)]
    if reader.faults or faults:
        raise Faults(sorted([*reader.faults, *faults], key=_place))
    return form


def _explained(fault: DomainError, found: set[str | None]) -> bool:
    """Whether a fault only follows from a field that could not be read."""
    days = {"effective_on", "term_start", "term_end"}
    return fault.field in found or (fault.field in days and bool(days & found))


def check(form: EnrolForm, today: date) -> list[DomainError]:
    """Return what cannot be right by itself, one fault a field, without looking at the register."""
    found = (*_text_faults(form), *_document_faults(form, today), *_term_faults(form, today))
    first = {fault.field: fault for fault in reversed(found)}
    return sorted(first.values(), key=_place)


def _place(fault: DomainError) -> int:
    """Order faults as the form asks for the fields."""
    return list(LABELS).index(fault.field) if fault.field in LABELS else len(LABELS)


def _text_faults(form: EnrolForm) -> Iterator[Invalid]:
    if not form.name.strip():
        yield Invalid("The name is missing.", field="name")
    if len(form.name) > _NAME_LENGTH:
        yield Invalid("The name is too long.", field="name")
    if len(form.address or "") > _ADDRESS_LENGTH:
        yield Invalid("The address is too long.", field="address")
    if not form.deciding_authority.strip():
        yield Invalid("The deciding authority is missing.", field="deciding_authority")
    if len(form.deciding_authority) > _NAME_LENGTH:
        yield Invalid("The name is too long.", field="deciding_authority")
    if form.phone:
        try:
            phone_number(form.phone)
        except Invalid as fault:
            yield fault


def _document_faults(form: EnrolForm, today: date) -> Iterator[Invalid]:
    try:
        normalise(form.id_kind, form.id_number)
    except Invalid as fault:
        yield fault
    if form.id_kind is not IdKind.RESIDENT and form.sex is None:
        yield Invalid("Without a resident ID the sex is entered by hand.", field="sex")
    if form.id_kind is not IdKind.RESIDENT and form.born_on is None:
        yield Invalid(
            "Without a resident ID the date of birth is entered by hand.", field="born_on"
        )
    if form.born_on is not None and form.born_on > today:
        yield Invalid("The date of birth is still to come.", field="born_on")


def _term_faults(form: EnrolForm, today: date) -> Iterator[Invalid]:
    if form.effective_on > today:
        yield Invalid(
            "The day on which the judgment took effect is still to come.", field="effective_on"
        )
    if form.term_end < form.term_start:
        yield Invalid("The term ends before it starts.", field="term_end")
    if form.term_end < form.effective_on:
        yield Invalid("The term ends before the judgment took effect.", field="term_end")
    if form.term_end < today:
        yield Invalid(
            "The term is over: nobody is supervised past its end (LCC 44).", field="term_end"
        )


def phone_number(text: str) -> str:
    """Return a phone number as it is stored, or `Invalid`: mainland mobiles without +86."""
    digits = re.sub(r"[\s\-()（）]", "", text).removeprefix("+86")
    if _MOBILE.fullmatch(digits):
        return digits
    if digits.startswith("1") or not _PHONE.fullmatch(digits):
        raise Invalid(
            "A mobile number has 11 digits, a fixed line its area code, others a + before.",
            field="phone",
        )
    return digits


def day_of(field: str, text: str) -> date:
    """Read 2026-11-22, 2026/11/22, 2026.11.22, 2026年11月22日, 20261122 or a sheet's day number."""
    parts = _DATE.fullmatch(text) or _COMPACT_DATE.fullmatch(text)
    try:
        if parts:
            day = date(*(int(part) for part in parts.groups()))
        elif re.fullmatch(r"\d{5}(\.0)?", text):
            day = _SHEET_EPOCH + timedelta(days=int(float(text)))
        else:
            day = datetime.fromisoformat(text).date()
    except ValueError:
        raise Invalid("Write the day as 2026-11-22.", field=field) from None
    if not _EARLIEST <= day <= _LATEST:
        raise Invalid("The year cannot be right.", field=field)
    return day


def _choice(field: str, text: str, kind: type[Kind], words: Mapping[Kind, Sequence[str]]) -> Kind:
    given = text.casefold()
    for member in kind:
        if given in {member.value, member.value.replace("_", " "), *words[member]}:
            return member
    choices = ", ".join("/".join((words[member][0], member.value)) for member in kind)
    raise Invalid("Choose one of: %(choices)s.", field=field, choices=choices)


def _office(text: str, offices: Mapping[str, int]) -> int:
    if text not in offices:
        raise Invalid("There is no such office among yours.", field="office")
    return offices[text]


class _Reader:
    """Take fields out of texts, noting each fault and going on."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self.faults: list[DomainError] = []

    def text(self, field: str) -> str:
        return self._texts.get(field, "").strip()

    def optional(self, field: str, convert: Callable[[str], Value]) -> Value | None:
        return self.take(field, convert, None) if self.text(field) else None

    def take(self, field: str, convert: Callable[[str], Value], otherwise: Value) -> Value:
        text = self.text(field)
        if not text:
            self.faults.append(Invalid("This is missing.", field=field))
            return otherwise
        try:
            return convert(text)
        except Invalid as fault:
            self.faults.append(fault)
            return otherwise

    def day(self, field: str) -> date:
        return self.take(field, lambda text: day_of(field, text), _EARLIEST)

    def choice(
        self,
        field: str,
        kind: type[Kind],
        words: Mapping[Kind, Sequence[str]],
        default: Kind | None = None,
    ) -> Kind:
        if default is not None and not self.text(field):
            return default
        placeholder = default or next(iter(kind))
        return self.take(field, lambda text: _choice(field, text, kind, words), placeholder)
