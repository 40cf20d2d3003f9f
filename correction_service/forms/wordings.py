"""What a form of an order is for: to use a device, to go on with it, or to end it.

The catalogue has the words of each. Which of them a paper has follows from the order as it stood at
that moment, so a paper is named alike whenever one looks at it.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.forms.catalogue import Form, Subject, Wording, catalogue
from correction_service.forms.facts import day, last_day
from models.order import PositioningOrder
from models.order_paper import OrderAssessment
from models.printed_form import PrintedForm


def worded(session: Session, form: Form, subject_id: int | None, at: datetime) -> Form:
    """A form in the words that its order asks for at a moment; any other form as it is."""
    if form.subject is not Subject.ORDER or not form.wordings or subject_id is None:
        return form
    order = session.get(PositioningOrder, subject_id)
    apt = _of(session, order, at) if order is not None else ()
    return next((form.wordings[it] for it in apt if it in form.wordings), form)


def _of(session: Session, order: PositioningOrder, at: datetime) -> list[Wording]:
    """What fits, the nearest first: the end of one that was lifted or is found needless.

    Not every form speaks of an end: the decision of an order that extends stays its extension.
    """
    lifted = order.lifted_at is not None and order.lifted_at <= at
    last = _assessment(session, order.id, at)
    ends = lifted or (last is not None and not last.needed)
    extends = order.extends_id is not None
    return [Wording.LIFTING] * ends + [Wording.EXTENSION] * extends


def facts(session: Session, order_id: int | None, at: datetime) -> Mapping[str, str]:
    """What only some wordings say: the order that it goes on from, and what was found."""
    order = session.get(PositioningOrder, order_id)
    if order is None:
        return {}
    before = session.get(PositioningOrder, order.extends_id) if order.extends_id else None
    own = _assessment(session, order.id, at)
    earlier = _assessment(session, before.id, order.approved_at) if before else None
    return {
        "earlier_starts_at": day(before.starts_at) if before else "",
        "earlier_ends_at": last_day(before) if before else "",
        "still_needed": earlier.found if earlier else "",
        "not_needed": own.found if own and not own.needed else "",
    }


def _assessment(session: Session, order_id: int, at: datetime) -> OrderAssessment | None:
    of_this = select(OrderAssessment).where(
        OrderAssessment.order_id == order_id, OrderAssessment.made_at <= at
    )
    return session.scalar(of_this.order_by(OrderAssessment.id.desc()).limit(1))


def title(session: Session, printed: PrintedForm) -> str:
    """What a printed paper is called."""
    form = catalogue()[printed.kind]
    return worded(session, form, printed.subject_id, printed.at).title


def of_order(session: Session, order_id: int, at: datetime) -> list[Form]:
    """Every form of an order, in the words that it has now."""
    of_orders = [form for form in catalogue().values() if form.subject is Subject.ORDER]
    return [worded(session, form, order_id, at) for form in of_orders]
