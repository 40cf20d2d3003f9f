"""Messages to a supervised person, and the proof that they arrived.

The clock of a spot check starts with that proof: the carrier's report, the phone page that showed
the message, or the officer who reached the person. Texts name neither the person nor the service:
others may see the screen.
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from correction_service import hours, outbox
from correction_service.settings import Settings
from models.case import Case
from models.checkin import CheckInDuty, CheckInPlan, DutyState
from models.errors import NotFound, Refused
from models.notice import Notice, NoticeState
from models.outbox import Outbox

LATE_MINUTES = 120  # where a case has no plan
LEAST_TO_ANSWER = timedelta(minutes=15)
TEXTS = {
    "spot_check": (
        "请在收到本消息后 {minutes} 分钟内打开手机页面签到。如有困难，请联系工作人员。",
        "Please check in on your phone page within {minutes} minutes, or call your officer.",
    ),
    "leave": (
        "您的外出申请已有结果，请打开手机页面查看。",
        "Your request for leave is decided: see your phone page.",
    ),
    "order": (
        "您有一份新的决定，请打开手机页面查看；工作人员会当面说明您的义务和权利。",
        "There is a new decision for you: see your phone page. Your officer will explain it.",
    ),
    "points": (
        "您的积分有一条新记录，请打开手机页面查看理由。如有异议，可以向工作人员提出。",
        "Your points have a new entry: your phone page has the reason, and you may object.",
    ),
    "objection": (
        "您的异议已有答复，请打开手机页面查看。如不服，可以向人民检察院反映。",
        "Your objection is answered: see your phone page. You may turn to the procuratorate.",
    ),
    "activity": (
        "您有一项新的学习或活动安排，请打开手机页面查看时间和地点。如不能参加，请告诉工作人员。",
        "Something is arranged for you: see when and where on your phone page, or say you cannot.",
    ),
    "activity_off": (
        "一项学习或活动已取消，请打开手机页面查看。",
        "Something arranged for you is called off: see your phone page.",
    ),
    "request": (
        "您提出的申请已有答复，请打开手机页面查看。如不服，可以向人民检察院反映。",
        "Your request is answered: see your phone page. You may turn to the procuratorate.",
    ),
    "change": (
        "您报告的情况，工作人员已经看过，请打开手机页面查看。",
        "An officer has read what you told us: see your phone page.",
    ),
    "transfer": (
        "您变更执行地的申请已有结果，请打开手机页面查看。",
        "Your request to move is decided: see your phone page.",
    ),
    "sentence": (
        "您的刑罚信息已依据文书更正，请打开手机页面查看，或联系工作人员。",
        "Your sentence was corrected by a paper: see your phone page, or ask your officer.",
    ),
    "level": (
        "您的管理等级有变化，请打开手机页面查看理由。如有异议，可以向工作人员提出。",
        "Your level has changed: your phone page has the reason, and you may object.",
    ),
    "measure": (
        "社区矫正机构对您作出一项决定，请打开手机页面查看，或联系工作人员。",
        "The agency has made a decision about you: see your phone page, or ask your officer.",
    ),
}


def queue(
    session: Session,
    case: Case,
    kind: str,
    now: datetime,
    *,
    duty: CheckInDuty | None = None,
    **facts: object,
) -> Notice:
    """Write a message of `TEXTS` for the person of a case; delivery takes it from the outbox."""
    zh, en = TEXTS[kind]
    notice = Notice(
        person_id=case.person_id,
        kind=kind,
        text_zh=zh.format(**facts),
        text_en=en.format(**facts),
        duty_id=duty.id if duty else None,
        reference=secrets.token_urlsafe(12),
        created_at=now,
    )
    session.add(notice)
    session.flush()
    session.add(
        Outbox(
            topic="notice",
            agency_id=case.agency_id,
            office_id=case.office_id,
            payload={"notice": notice.id},
            created_at=now,
        )
    )
    return notice


def delivered(session: Session, reference: str, now: datetime, settings: Settings) -> Notice:
    """Take a carrier's report that a message arrived; a second report changes nothing."""
    known = select(Notice).where(Notice.reference == reference).with_for_update()
    notice = session.scalars(known).one_or_none()
    if notice is None:
        raise NotFound("There is no message with this reference.", field="reference")
    _prove(session, notice, now, settings)
    return notice


def shown(session: Session, person_id: UUID, now: datetime, settings: Settings) -> list[Notice]:
    """The phone page shows the person their messages, newest first: that proves delivery."""
    mine = select(Notice).where(Notice.person_id == person_id).with_for_update()
    notices = list(session.scalars(mine.order_by(Notice.id.desc()).limit(50)))
    for notice in notices:
        _prove(session, notice, now, settings, channel="page")
    return notices


def called(
    session: Session, notice: Notice, by: int, now: datetime, settings: Settings, *, reached: bool
) -> None:
    """Record an officer's call; who was not reached stays on the list."""
    session.refresh(notice, with_for_update=True)
    if notice.state is NoticeState.DELIVERED:
        raise Refused("This message has already arrived.", code="already_delivered")
    notice.called_by = by
    notice.attempts += 1
    if reached:
        _prove(session, notice, now, settings, channel="call")


def over() -> ColumnElement[bool]:
    """Whether what a message asks for is done or dropped, whether or not it arrived."""
    waiting = CheckInDuty.state == DutyState.AWAITING_DELIVERY
    return exists().where(CheckInDuty.id == Notice.duty_id, ~waiting)


def _prove(
    session: Session,
    notice: Notice,
    now: datetime,
    settings: Settings,
    *,
    channel: str | None = None,
) -> None:
    if notice.state is NoticeState.DELIVERED:
        return
    notice.state, notice.delivered_at = NoticeState.DELIVERED, now
    notice.channel = channel or notice.channel
    if notice.duty_id is not None:
        duty = session.get_one(CheckInDuty, notice.duty_id, with_for_update=True)
        _begin(session, duty, now, settings)


def _begin(session: Session, duty: CheckInDuty, now: datetime, settings: Settings) -> None:
    """Start the duty's clock inside lawful hours, or void it when too little of the day is left."""
    if duty.state is not DutyState.AWAITING_DELIVERY:
        return
    opens, closes = hours.lawful(now, settings)
    until = min(now + timedelta(minutes=settings.spot_check_minutes), closes)
    if now < opens or until - now < LEAST_TO_ANSWER:
        duty.void("delivered_outside_hours")
    else:
        plan = session.get(CheckInPlan, duty.case_id)
        late_minutes = plan.late_minutes if plan else LATE_MINUTES
        duty.begin(now, until, timedelta(minutes=late_minutes))
    outbox.live(session, duty.case, "duty", duty.id, now)
