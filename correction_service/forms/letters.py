"""Letters of the procuratorate and the agency, set from an opinion or from its answer (LCC 62).

Both have a number of their own and are kept as rows that nobody changes, so a letter is set anew
each time, alike, and is neither numbered nor kept here.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from correction_service import audit
from correction_service.forms import facts
from correction_service.forms.catalogue import Letter, letters
from correction_service.oversight import opinions
from models.errors import NotFound
from models.opinion import Opinion, OpinionAnswer
from models.user import User

PROCURATORATE = "人民检察院"
DECIDED = {True: "对你院提出的意见予以采纳。", False: "对你院提出的意见未予采纳，理由如下。"}


def opinion(session: Session, user: User, opinion_id: int) -> tuple[dict[str, Any], datetime]:
    """An opinion as its paper says it, and when it was entered; that it was set is on record."""
    found = opinions.opinion_for(session, user, opinion_id)
    kind = Letter(f"opinion_{found.kind.value}")
    written = {"agency": PROCURATORATE, "day": facts.day(found.made_at), "number": found.number}
    return _set(session, kind, found) | written, found.made_at


def answer(session: Session, user: User, opinion_id: int) -> tuple[dict[str, Any], datetime]:
    """The answer to an opinion, or `NotFound` where there is none yet."""
    found = opinions.opinion_for(session, user, opinion_id)
    if found.answer is None:
        raise NotFound("This opinion is not answered yet.")
    made: OpinionAnswer = found.answer
    kind = Letter(f"answer_{found.kind.value}")
    written = {"agency": found.agency.name, "day": facts.day(made.made_at), "number": made.number}
    return _set(session, kind, found) | written, made.made_at


def _set(session: Session, kind: Letter, found: Opinion) -> dict[str, Any]:
    audit.viewed(session, "print_opinion", "opinion", found.id)
    form = letters()[kind]
    filled = form.filled(_facts(found), minor=False)
    body = [line for text in filled["body"] for line in text.splitlines() if line.strip()]
    return filled | {"body": body, "source": form.source, "mark": form.mark, "steps": []}


def _facts(found: Opinion) -> dict[str, str]:
    case, made = found.case, found.answer
    person = f"关于社区矫正对象{case.person.name}（案号{case.number}）" if case else ""
    return {
        "agency": found.agency.name,
        "about": person or "关于社区矫正工作",
        "text": found.text,
        "due_on": facts.day(found.due_on),
        "made_on": facts.day(found.made_at),
        "number": found.number,
        "decided": DECIDED[made.taken_up] if made else "",
        "answer": made.text if made else "",
    }
