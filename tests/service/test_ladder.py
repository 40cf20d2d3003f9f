"""Each limb of the ladder by its name: its law, what it asks for, and what is another limb's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import pytest
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.discipline import ladder, measures
from correction_service.discipline.measures import File
from models.case import Case, Category
from models.discipline import Measure, MeasureKind, MeasureState
from models.errors import DomainError
from models.user import Role, User
from tests.county import DAY, NOW, County

K = MeasureKind
OCTOBER = date(2026, 10, 1)  # a month from then is 31 days


@dataclass(frozen=True)
class Limb:
    """What the law asks for: days that fit and days that do not, earlier decisions, months in."""

    law: str
    fits: int | None = None
    not_fits: int | None = None
    after: tuple[MeasureKind, int] | None = None
    reported_by: date | None = None
    category: Category = Category.SUSPENDED_SENTENCE
    only: bool = False  # for no other category


PAROLE, PRISON = Category.PAROLE, Category.OUTSIDE_PRISON
LIMBS: Mapping[str, Limb] = {
    "commendation.four_conditions": Limb("LCC 28, IM 33 (R)", reported_by=date(2026, 5, 20)),
    "commendation.outstanding_deed": Limb("LCC 28, IM 33 (R)"),
    "admonition.late_or_out": Limb("IM 34 (S)", fits=10, not_fits=11),
    "admonition.minor_breach": Limb("IM 34 (S)"),
    "admonition.education_skipped": Limb("IM 34 (S)"),
    "admonition.other_minor": Limb("IM 34 (S)"),
    "warning.prohibition_minor": Limb("IM 35 (S)"),
    "warning.late_or_out": Limb("IM 35 (S)", fits=11, not_fits=10),
    "warning.graver_breach": Limb("IM 35 (S)"),
    "warning.health_report": Limb("IM 35 (S)", category=PRISON, only=True),
    "warning.unchanged": Limb("IM 35 (S)", after=(K.ADMONITION, 2)),
    "public_security.breach": Limb("LCC 59 (R)"),
    "revoke_suspension.prohibition_serious": Limb("LCC 46, IM 46 (S)", only=True),
    "revoke_suspension.out_over_a_month": Limb("LCC 46, IM 46 (S)", fits=32, not_fits=31),
    "revoke_suspension.unchanged_after_penalty": Limb(
        "LCC 46, IM 46 (S)", after=(K.PUBLIC_SECURITY, 1)
    ),
    "revoke_suspension.unchanged": Limb("LCC 46, IM 46 (S)", after=(K.WARNING, 2)),
    "revoke_suspension.other_serious": Limb("LCC 46, IM 46 (S)", only=True),
    "revoke_parole.out_over_a_month": Limb(
        "LCC 46, IM 47 (R)", fits=32, not_fits=31, category=PAROLE
    ),
    "revoke_parole.unchanged": Limb("LCC 46, IM 47 (R)", after=(K.WARNING, 2), category=PAROLE),
    "revoke_parole.other_breach": Limb("LCC 46, IM 47 (R)", category=PAROLE, only=True),
    "recommitment.not_eligible": Limb("LCC 49 (V)", category=PRISON, only=True),
    "recommitment.serious_breach": Limb("LCC 49 (V)", category=PRISON, only=True),
    "recommitment.ground_ceased": Limb("LCC 49 (V)", category=PRISON, only=True),
}


def test_the_ladder_has_these_limbs_and_no_other() -> None:
    shipped = {f"{kind}.{code}" for kind, rung in ladder.rungs().items() for code in rung.limbs}
    assert shipped == set(LIMBS)


def earlier(session: Session, county: County, after: tuple[MeasureKind, int] | None) -> list[str]:
    """Decisions in force, as facts."""
    kind, count = after or (K.ADMONITION, 0)
    granted = kind is K.PUBLIC_SECURITY
    made = [
        Measure(
            case_id=county.case, kind=kind, limb="x", law="x", found="x", happened_on=DAY,
            prepared_by=county.users[Role.OFFICER], prepared_at=NOW,
            state=MeasureState.GRANTED if granted else MeasureState.DECIDED,
        )
        for _ in range(count)
    ]  # fmt: skip
    session.add_all(made)
    session.flush()
    return [f"measure:{it.id}" for it in made]


@pytest.mark.parametrize("name", LIMBS)
def test_a_limb_rests_on_what_its_article_says_and_on_nothing_less(
    database: Database, county: County, name: str
) -> None:
    limb = LIMBS[name]
    kind, _, code = name.partition(".")
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.category, case.reported_on = limb.category, limb.reported_by or case.reported_on
        facts = ["document:1", *earlier(session, county, limb.after)]
        unchanged = "仍不改正" if limb.after else ""
        file = File(
            kind=K(kind), limb=code, facts=facts, found="属实", happened_on=OCTOBER,
            days=limb.fits, unchanged=unchanged,
        )  # fmt: skip
        assert prepare(session, county, file).law == limb.law
        for less in short_of(limb, file):
            with pytest.raises(DomainError):
                prepare(session, county, less)
        if limb.reported_by is not None:
            case.reported_on = date(2026, 5, 21)  # a day short of six months
            with pytest.raises(DomainError, match="6 months"):
                prepare(session, county, file)
        if limb.only:
            case.category = PAROLE if limb.category is not PAROLE else PRISON
            with pytest.raises(DomainError):
                prepare(session, county, file)


def short_of(limb: Limb, file: File) -> list[File]:
    """The same file with less than the limb asks for."""
    found = [replace(file, facts=[])]
    if limb.fits is not None:
        found += [replace(file, days=limb.not_fits), replace(file, days=None)]
    if limb.after is not None:
        found += [replace(file, facts=file.facts[:-1]), replace(file, unchanged="")]
    return found


def prepare(session: Session, county: County, file: File) -> Measure:
    officer = session.get_one(User, county.users[Role.OFFICER])
    return measures.prepare(session, officer, county.case, file, NOW)
