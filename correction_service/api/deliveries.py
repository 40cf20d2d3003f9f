"""Carriers report that a message arrived: the proof with which a spot check's clock starts."""

from datetime import datetime
from typing import Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from correction_service import access
from correction_service.audit import Actor
from correction_service.messages import notices
from models.errors import Forbidden

SECURITY = {"carrier": {"type": "http", "scheme": "bearer"}}
CARRIER = Actor("system", "carrier")
blueprint = APIBlueprint("deliveries", __name__, url_prefix="/api/v1", tag="Carriers")


class DeliveryIn(BaseModel):
    """A carrier's report."""

    reference: str = Field(
        max_length=100, pattern="^[A-Za-z0-9_-]+$", description="as it was given with the message"
    )
    state: Literal["delivered"]


class DeliveryOut(BaseModel):
    """When the message was first known to have arrived."""

    reference: str
    state: str
    delivered_at: datetime


@blueprint.before_request
def _known() -> None:
    """Turn strangers away before anything of theirs is read."""
    if not access.bears(access.service().settings.delivery_token):
        raise Forbidden("The token of delivery reports is missing or wrong.")


@blueprint.post("/deliveries")
@blueprint.input(DeliveryIn, arg_name="delivery")
@blueprint.output(DeliveryOut)
@blueprint.doc(
    summary="Report that a message arrived", security="carrier", responses=[403, 404, 422]
)
@access.bearer
def report(delivery: DeliveryIn) -> dict[str, object]:
    """Start the clock of what the message asks for. A second report changes nothing."""
    made = access.service()
    with made.database.transaction(CARRIER, "deliveries.report") as session:
        notice = notices.delivered(session, delivery.reference, access.now(), made.settings)
        return {
            "reference": notice.reference,
            "state": notice.state.value,
            "delivered_at": notice.delivered_at,
        }
