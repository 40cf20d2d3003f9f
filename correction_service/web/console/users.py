"""Accounts, for the administrator: add, set a new password, close, open again."""

import secrets

from apiflask import APIBlueprint
from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from correction_service import access, accounts
from correction_service.problems import said
from correction_service.scope import agency_ids
from correction_service.web.console import acts, words
from models.agency import Agency, Office
from models.errors import DomainError, Invalid, NotFound
from models.user import Permission, Role, User

blueprint = APIBlueprint("users", __name__, url_prefix="/users", enable_openapi=False)
PASSWORD_BYTES = 12


@blueprint.get("/")
@access.needs(Permission.ADMINISTER)
def index() -> ResponseReturnValue:
    """List the accounts of the agency and those under it."""
    return _page()


def _page(values: object = None, error: DomainError | None = None, shown: str = "") -> str:
    under = agency_ids(access.user().agency_id)
    with access.reading() as session:
        users = select(User).where(User.agency_id.in_(under)).order_by(User.username)
        offices = select(Office).where(Office.agency_id.in_(under)).order_by(Office.id)
        agencies = select(Agency).where(Agency.id.in_(under)).order_by(Agency.id)
        return render_template(
            "console/users.html",
            users=session.scalars(
                users.options(joinedload(User.office), joinedload(User.agency))
            ).all(),
            agencies=[(agency.id, agency.name) for agency in session.scalars(agencies)],
            offices=[(office.id, office.name) for office in session.scalars(offices)],
            roles=words.options(Role),
            values=values or {},
            fault=error.field if error else None,
            error=said(error) if error else None,
            shown=shown,
        )


@blueprint.post("/")
@access.needs(Permission.ADMINISTER)
def add() -> ResponseReturnValue:
    """Add an account; its first password is shown once."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    try:
        with access.writing() as session:
            _add(session, password)
    except DomainError as refusal:
        return _page(request.form, refusal), refusal.status
    return _page(shown=password)


def _add(session: Session, password: str) -> None:
    form, role = request.form, request.form.get("role", "")
    username, name = form.get("username", "").strip(), form.get("name", "").strip()
    if not username:
        raise Invalid("The user name is missing.", field="username")
    if not name:
        raise Invalid("The name is missing.", field="name")
    if role not in set(Role):
        raise Invalid("Choose a role.", field="role")
    office = _office(session, form.get("office", type=int))
    accounts.add(
        session,
        username=username,
        name=name,
        role=Role(role),
        agency=office.agency if office else _agency(session, form.get("agency", type=int)),
        office=office,
        password=password,
    )


def _office(session: Session, office_id: int | None) -> Office | None:
    if office_id is None:
        return None
    office = session.get(Office, office_id)
    if office is None or not _mine(session, office.agency_id):
        raise Invalid("There is no such office among yours.", field="office")
    return office


def _agency(session: Session, agency_id: int | None) -> Agency:
    agency = session.get(Agency, agency_id or access.user().agency_id)
    if agency is None or not _mine(session, agency.id):
        raise Invalid("There is no such agency among yours.", field="agency")
    return agency


def _mine(session: Session, agency_id: int) -> bool:
    return agency_id in set(session.scalars(agency_ids(access.user().agency_id)))


def _account(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None or not _mine(session, user.agency_id):
        raise NotFound("There is no such account.")
    return user


@blueprint.post("/<int:user_id>/reset")
@access.needs(Permission.ADMINISTER)
def reset(user_id: int) -> ResponseReturnValue:
    """Set a new password, shown once; open sessions end."""
    with access.writing() as session:
        password = accounts.reset(session, _account(session, user_id).username)
    return _page(shown=password)


@blueprint.post("/<int:user_id>/mail")
@access.needs(Permission.ADMINISTER)
def write_to(user_id: int) -> ResponseReturnValue:
    """Set where alerts are sent; empty: nowhere."""
    address = request.form.get("email", "")
    return acts.done(
        lambda session: accounts.write_to(session, _account(session, user_id), address),
        _l("Saved."),
        url_for("users.index"),
    )


@blueprint.post("/<int:user_id>/close")
@access.needs(Permission.ADMINISTER)
def close(user_id: int) -> ResponseReturnValue:
    """Close an account; its sessions end at once."""
    return acts.done(
        lambda session: accounts.close(session, _account(session, user_id), access.user().id),
        _l("The account is closed."),
        url_for("users.index"),
    )


@blueprint.post("/<int:user_id>/reopen")
@access.needs(Permission.ADMINISTER)
def reopen(user_id: int) -> ResponseReturnValue:
    """Open a closed account again."""
    return acts.done(
        lambda session: accounts.reopen(session, _account(session, user_id)),
        _l("The account is open again."),
        url_for("users.index"),
    )
