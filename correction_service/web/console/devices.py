"""Devices: gateways and bracelets, when each was last heard, and what was turned away and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.hardware import collections
from correction_service.scope import agency_ids, visible
from correction_service.tracking import outages, ways
from correction_service.web.console import acts
from models.case import Case
from models.device import Binding, Device, DeviceState, Gateway
from models.errors import Forbidden
from models.fix import Reject
from models.person import Person
from models.user import Permission, User

blueprint = APIBlueprint("devices", __name__, url_prefix="/devices", enable_openapi=False)
LOOK_BACK = timedelta(hours=24)
MOST = 500


@dataclass(frozen=True)
class Worn:
    """A bracelet, its state, and its wearer where the user may know them."""

    device: Device
    state: DeviceState | None
    case_id: int | None
    name: str | None
    bound: bool


@blueprint.get("/")
@access.signed_in
def index() -> ResponseReturnValue:
    """Show what speaks to us, for those who follow positions or tend the service."""
    user, now = access.user(), access.now()
    if not (user.may(Permission.SEE_LOCATION) or user.may(Permission.ADMINISTER)):
        raise Forbidden("Your role does not include this.")
    settings = access.service().settings
    with access.reading() as session:
        silent_since = outages.silent_since(session, now, settings)
        gateways = session.scalars(select(Gateway).where(_mine(user)).order_by(Gateway.name)).all()
        return render_template(
            "console/devices.html",
            gateways=gateways,
            bracelets=[_worn(row) for row in session.execute(_bracelets(user))],
            silent_since=silent_since,
            quiet=ways.quiet(session, silent_since),
            rejects=_rejects(session, user),
            to_collect=_to_collect(session, user),
        )


@blueprint.post("/bindings/<int:binding_id>/collect")
@access.needs(Permission.ENROL)
def collect(binding_id: int) -> ResponseReturnValue:
    """Write down that a bracelet is back."""
    return acts.done(
        lambda session: collections.collect(session, access.user(), binding_id, access.now()),
        _l("The bracelet is back."),
        url_for("devices.index"),
    )


def _to_collect(session: Session, user: User) -> Sequence[Binding]:
    if not user.may(Permission.ENROL):
        return ()
    return session.scalars(collections.due(user, access.now()).limit(MOST)).all()


def _mine(user: User) -> Any:  # noqa: ANN401 - a condition on Gateway
    return Gateway.agency_id.in_(agency_ids(user.agency_id))


def _bracelets(user: User) -> Select[Device, DeviceState, int, int, str]:
    wearer = (Binding.device_id == Device.id) & Binding.unbound_at.is_(None)
    return (
        select(Device, DeviceState, Binding.id, Case.id.label("case_id"), Person.name)
        .join(Device.gateway)
        .outerjoin(DeviceState, DeviceState.device_id == Device.id)
        .outerjoin(Binding, wearer)
        .outerjoin(Case, (Case.id == Binding.case_id) & visible(user))
        .outerjoin(Person, Person.id == Case.person_id)
        .where(_mine(user))
        .order_by(Binding.id.is_(None), DeviceState.heard_at, Device.name)
        .limit(MOST)
    )


def _worn(row: Row[Device, DeviceState, int, int, str]) -> Worn:
    return Worn(row.Device, row.DeviceState, row.case_id, row.name, row.id is not None)


def _rejects(session: Session, user: User) -> list[tuple[str, int, Any]]:
    """Count by reason what the last day turned away: of own gateways, or of none we know."""
    names = select(Gateway.name).where(_mine(user))
    query = (
        select(Reject.reason, func.sum(Reject.times), func.max(Reject.received))
        .where(Reject.received > access.now() - LOOK_BACK, Reject.gateway.in_(names))
        .group_by(Reject.reason)
        .order_by(func.sum(Reject.times).desc())
    )
    return [(reason, count, last) for reason, count, last in session.execute(query)]
