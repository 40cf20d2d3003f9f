"""Units to study on the phone, and each person's reading of them, counted once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from correction_service import outbox
from correction_service.scope import agency_ids, case_for, visible
from models.case import Case
from models.checkin import CheckIn, counted
from models.errors import Forbidden, Invalid, NotFound
from models.study import Study, StudyState, StudyUnit
from models.user import Permission, User

PAGE_BREAK = "---"
RIGHT = "*"
MOST_TEXT = 60_000
MOST_MINUTES = 240
LEAST_ANSWERS = 2


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What an officer writes: pages apart by lines of ---, questions as a block of lines.

    A question's first line asks, the others answer; the right one begins with an asterisk.
    Questions are apart by an empty line.
    """

    title: str
    text: str
    questions: str
    minors: bool
    minutes: int


def publish(session: Session, user: User, draft: Draft, now: datetime) -> StudyUnit:
    """Offer a unit to the people of the user's agency."""
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")
    if not draft.title.strip():
        raise Invalid("Say what it is.", field="title")
    if not 1 <= draft.minutes <= MOST_MINUTES:
        raise Invalid("A unit is worth 1 to %(most)d minutes.", field="minutes", most=MOST_MINUTES)
    unit = StudyUnit(
        agency_id=user.agency_id,
        title=draft.title.strip(),
        minors=draft.minors,
        pages=_pages(draft.text),
        questions=_questions(draft.questions),
        minutes=draft.minutes,
        made_by=user.id,
        made_at=now,
    )
    session.add(unit)
    session.flush()
    return unit


def _pages(text: str) -> list[str]:
    if len(text) > MOST_TEXT:
        raise Invalid("This text is too long.", field="text")
    pages: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip() == PAGE_BREAK:
            pages.append([])
        else:
            pages[-1].append(line)
    found = [page for page in ("\n".join(lines).strip() for lines in pages) if page]
    if not found:
        raise Invalid("There is nothing to read.", field="text")
    return found


def _questions(text: str) -> list[dict[str, object]]:
    blocks = text.replace("\r", "").strip().split("\n\n")
    return [_question(block.strip().splitlines()) for block in blocks if block.strip()]


def _question(lines: list[str]) -> dict[str, object]:
    asked, *answers = (line.strip() for line in lines)
    right = [number for number, answer in enumerate(answers) if answer.startswith(RIGHT)]
    if len(answers) < LEAST_ANSWERS or len(right) != 1:
        raise Invalid(
            "A question has a line that asks, at least two answers, and one of them begins "
            "with an asterisk: %(line)s",
            field="questions",
            line=asked,
        )
    texts = [answer.removeprefix(RIGHT).strip() for answer in answers]
    return {"question": asked, "answers": texts, "right": right[0]}


def withdraw(session: Session, user: User, unit_id: int, now: datetime) -> StudyUnit:
    """Offer a unit to nobody new; who reads it reads on."""
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")
    mine = select(StudyUnit).where(StudyUnit.id == unit_id, StudyUnit.agency_id == user.agency_id)
    unit = session.scalar(mine.with_for_update())
    if unit is None:
        raise NotFound("Your agency has no such unit.")
    unit.withdrawn_at = unit.withdrawn_at or now
    session.flush()
    return unit


def units(session: Session, user: User) -> Sequence[StudyUnit]:
    """Every unit of the user's agency and of those below it, the latest first."""
    query = select(StudyUnit).where(StudyUnit.agency_id.in_(agency_ids(user.agency_id)))
    return session.scalars(query.order_by(StudyUnit.id.desc()).limit(200)).all()


def offered(session: Session, case: Case) -> Sequence[StudyUnit]:
    """What a person may begin: of their agency, for their age, not begun yet."""
    begun = exists().where(Study.unit_id == StudyUnit.id, Study.case_id == case.id)
    query = select(StudyUnit).where(
        StudyUnit.agency_id == case.agency_id,
        StudyUnit.minors == case.minor,
        StudyUnit.withdrawn_at.is_(None),
        ~begun,
    )
    return session.scalars(query.order_by(StudyUnit.id)).all()


def mine(session: Session, case: Case) -> Sequence[Study]:
    """What a person has begun or read, the latest first."""
    query = select(Study).where(Study.case_id == case.id).options(joinedload(Study.unit))
    return session.scalars(query.order_by(Study.id.desc())).all()


def begin(session: Session, case: Case, unit_id: int, now: datetime) -> Study:
    """Open a unit, or go on where one was; the page of the face check is drawn now."""
    known = select(Study).where(Study.case_id == case.id, Study.unit_id == unit_id)
    study = session.scalar(known)
    if study is None:
        unit = next((it for it in offered(session, case) if it.id == unit_id), None)
        if unit is None:
            raise NotFound("There is no such unit for you.")
        study = Study(
            unit=unit,
            case=case,
            state=StudyState.READING,
            began_at=now,
            seen_at=now,
            page=0,
            spent_s=0,
            other_way=False,
            check_page=secrets.randbelow(len(unit.pages)),
        )
        session.add(study)
    session.flush()
    return study


def own(session: Session, case: Case, study_id: int) -> Study:
    """Return a person's own reading, to be changed."""
    query = select(Study).where(Study.id == study_id, Study.case_id == case.id)
    study = session.scalar(query.with_for_update())
    if study is None:
        raise NotFound("There is no such unit for you.")
    return study


def prove(session: Session, case: Case, study_id: int, now: datetime) -> bool:
    """Take the check-in made since the face was asked for; tell whether there was one."""
    study = own(session, case, study_id)
    since = study.asked_at or now
    query = select(CheckIn).where(CheckIn.case_id == case.id, CheckIn.at >= since, counted())
    checkin = session.scalars(query.order_by(CheckIn.id.desc())).first()
    if checkin is not None:
        study.prove(checkin, now)
        session.flush()
    return checkin is not None


def finish(
    session: Session, case: Case, study_id: int, answers: list[int | None], now: datetime
) -> bool:
    """End a reading; tell whether the answers are right. An officer hears of one to decide."""
    study = own(session, case, study_id)
    right = study.finish(answers, now)
    session.flush()
    if right:
        outbox.live(session, case, "study", study.id, now)
    return right


def decide(session: Session, user: User, study_id: int, minutes: int, now: datetime) -> Study:
    """An officer credits what was read without a face check: a talk about it will do."""
    study = session.get(Study, study_id)
    if study is None:
        raise NotFound("There is no such reading in your offices.")
    case_for(session, user, study.case_id, Permission.SUPERVISE)
    session.refresh(study, with_for_update=True)
    study.decide(minutes, user.id, now)
    session.flush()
    return study


def waiting(session: Session, user: User) -> Sequence[Study]:
    """What was read without a face check and waits for an officer, the oldest first."""
    query = select(Study).join(Study.case).where(visible(user), Study.state == StudyState.READ)
    rows = joinedload(Study.case).joinedload(Case.person), joinedload(Study.unit)
    return session.scalars(query.options(*rows).order_by(Study.id).limit(200)).all()
