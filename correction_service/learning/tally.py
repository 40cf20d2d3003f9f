"""Minutes of education and public-benefit activity that count, a person a month."""

import calendar
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import hours
from models.activity import Activity, ActivityKind, Attendance, AttendanceState
from models.study import Study, StudyState


@dataclass(frozen=True)
class Credit:
    """What one person has of a month."""

    education_minutes: int = 0
    service_minutes: int = 0


def of_month(session: Session, case_id: int, day: date) -> Credit:
    """Reckon the month that `day` lies in, by when each activity began and each unit was read."""
    first = day.replace(day=1)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    query = (
        select(Activity.kind, func.sum(Attendance.minutes))
        .join(Attendance.activity)
        .where(
            Attendance.case_id == case_id,
            Attendance.state == AttendanceState.ATTENDED,
            Activity.starts_at >= hours.day_start(first),
            Activity.starts_at < hours.day_end(last),
        )
        .group_by(Activity.kind)
    )
    minutes = {kind: int(total or 0) for kind, total in session.execute(query)}
    read = select(func.sum(Study.minutes)).where(
        Study.case_id == case_id,
        Study.state == StudyState.COUNTED,
        Study.finished_at >= hours.day_start(first),
        Study.finished_at < hours.day_end(last),
    )
    lessons = minutes.get(ActivityKind.EDUCATION, 0) + (session.scalar(read) or 0)
    return Credit(lessons, minutes.get(ActivityKind.PUBLIC_BENEFIT, 0))
