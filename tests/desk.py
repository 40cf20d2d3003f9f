"""A morning at the desk: one of everything that waits for an officer, at one office."""

import io
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database, ring_of
from correction_service.people import photos
from correction_service.presence import help_requests
from correction_service.settings import Settings
from models.case import Case
from models.checkin import CheckIn, Liveness, Outcome, Way
from models.face import StoredPhoto
from models.help_request import HelpKind
from models.incident import Incident, IncidentKind
from models.notice import Notice, NoticeState
from models.risk import FlagKind, RiskFlag
from tests.county import NOW, County, add_draft
from tests.tracked import BEYOND, HUICHUAN, Tracked, heard, minutes, take

PHONE, ADDRESS = "13800001234", "遵义市汇川区上海路 12 号"


@dataclass(frozen=True)
class Desk:
    """Ids of what waits, all of the county's case."""

    case: int
    incident: int
    flag: int
    draft: int
    notice: int
    checkin: int
    help: int
    photo: str


@pytest.fixture
def desk(database: Database, settings: Settings, county: County, tracked: Tracked) -> Desk:
    """Everything at once: outside the home area, missed, unclear, not delivered, asking."""
    take(database, heard(minutes(NOW - timedelta(minutes=40), [HUICHUAN] * 8)))
    take(database, heard(minutes(NOW - timedelta(minutes=20), [BEYOND] * 8)))
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, county.case)
        case.person.put(ring_of(session), "phone", PHONE)
        case.person.put(ring_of(session), "address", ADDRESS)
        photo = _photo(session, settings, case, photos.Purpose.CHECKIN)
        _photo(session, settings, case, photos.Purpose.ENROLMENT)
        checkin = unclear(case, photo, "R0000001")
        notice = Notice(
            person_id=case.person_id,
            kind="spot_check",
            text_zh="请签到。",
            text_en="Please check in.",
            state=NoticeState.TO_CALL,
            created_at=NOW,
        )
        flag = missed(case, 17)
        session.add_all([checkin, notice, flag])
        asked_from = {"opens_at": NOW.isoformat()}
        draft = add_draft(
            session, case.id, "checkin_missed", "duty:17", date(2026, 11, 19), **asked_from
        )
        asked = help_requests.ask(session, case, HelpKind.CALL_BACK, NOW)
        incident = session.scalars(select(Incident)).one()
        assert incident.kind is IncidentKind.LEFT_HOME_AREA
        session.flush()
        return Desk(
            case=case.id,
            incident=incident.id,
            flag=flag.id,
            draft=draft.id,
            notice=notice.id,
            checkin=checkin.id,
            help=asked.id,
            photo=str(photo.id),
        )


def missed(case: Case, duty: int) -> RiskFlag:
    """A flag as the sweep raises it."""
    reason = {
        "fact": "checkin_missed",
        "at": NOW.isoformat(),
        "quality": "service_clock",
        "facts": {"opens": "2026-11-19 08:00", "until": "2026-11-19 22:00"},
        "innocent": ["phone_trouble", "illness"],
    }
    return RiskFlag(
        case=case,
        kind=FlagKind.CHECKIN_MISSED,
        key=f"duty:{duty}",
        day=date(2026, 11, 20),
        due=NOW - timedelta(hours=2),
        law="LCC 30, IM 34",
        reasons=[reason],
        raised_at=NOW,
    )


def unclear(case: Case, photo: StoredPhoto | None, receipt: str) -> CheckIn:
    """A check-in that the machine could not tell."""
    return CheckIn(
        case=case,
        at=NOW - timedelta(hours=1),
        way=Way.PHONE,
        outcome=Outcome.UNCERTAIN,
        liveness=Liveness.NOT_JUDGED,
        score=0.41,
        threshold=0.52,
        reasons=["close_to_threshold"],
        answers={},
        photo_id=photo.id if photo else None,
        receipt=receipt,
    )


def _photo(
    session: Session, settings: Settings, case: Case, purpose: photos.Purpose
) -> StoredPhoto:
    return photos.put(session, settings, case.person, grey_picture(), purpose=purpose, now=NOW)


def grey_picture() -> bytes:
    """A small JPEG without anybody on it."""
    file = io.BytesIO()
    Image.new("RGB", (48, 64), "grey").save(file, "JPEG")
    return file.getvalue()
