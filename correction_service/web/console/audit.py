"""The log: who did or looked at what; how much of it is sealed; verified anew on demand."""

from collections.abc import Sequence

from apiflask import APIBlueprint
from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from correction_service import access, audit_log
from correction_service.scope import agency_ids
from correction_service.sealer import unsealed
from models.audit import AuditRecord, AuditRoot
from models.case import Case
from models.user import Permission, User

blueprint = APIBlueprint("audit", __name__, url_prefix="/audit", enable_openapi=False)
PAGE = 100
COLUMNS = ("actor_kind", "actor_id", "action", "subject_kind", "subject_id")


@blueprint.get("/")
@access.needs(Permission.SEE_AUDIT)
def index() -> ResponseReturnValue:
    """Search by who, what and whom, newest first; the page has no person's name in its address."""
    return _page()


@blueprint.post("/verify")
@access.needs(Permission.SEE_AUDIT)
def verify() -> ResponseReturnValue:
    """Read the whole log again and say whether anything was changed, removed or moved."""
    with access.reading() as session:
        report = audit_log.verify(session)
    return _page(report)


def _page(report: audit_log.AuditReport | None = None) -> str:
    page = max(request.args.get("page", 1, type=int), 1)
    with access.reading() as session:
        query = select(AuditRecord).where(_mine(access.user()), *_chosen())
        query = query.order_by(AuditRecord.id.desc()).offset((page - 1) * PAGE).limit(PAGE + 1)
        rows = session.scalars(query).all()
        root = session.scalars(select(AuditRoot).order_by(AuditRoot.size.desc())).first()
        return render_template(
            "console/audit.html",
            rows=rows[:PAGE],
            more=len(rows) > PAGE,
            page=page,
            names=_names(session, rows[:PAGE]),
            root=root,
            waiting=session.scalar(select(func.count(AuditRecord.id)).where(unsealed())),
            report=report,
        )


def _chosen() -> list[ColumnElement[bool]]:
    return [
        getattr(AuditRecord, column) == request.args[column].strip()
        for column in COLUMNS
        if request.args.get(column, "").strip()
    ]


def _mine(user: User) -> ColumnElement[bool]:
    """Match what an agency and those under it answer for: acts of accounts, on cases and people.

    By the tree and not by the role: an administrator audits, though cases are closed to them.
    """
    tree = agency_ids(user.agency_id)
    accounts = select(cast(User.id, String)).where(User.agency_id.in_(tree))
    cases = select(cast(Case.id, String)).where(Case.agency_id.in_(tree))
    people = select(_undashed(cast(Case.person_id, String))).where(Case.agency_id.in_(tree))
    return or_(
        and_(AuditRecord.actor_kind == "user", AuditRecord.actor_id.in_(accounts)),
        and_(AuditRecord.actor_kind == "person", _undashed(AuditRecord.actor_id).in_(people)),
        and_(AuditRecord.subject_kind == "supervised_case", AuditRecord.subject_id.in_(cases)),
        and_(AuditRecord.subject_kind == "person", _undashed(AuditRecord.subject_id).in_(people)),
        and_(AuditRecord.subject_kind == "user_account", AuditRecord.subject_id.in_(accounts)),
    )


def _undashed(key: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[str]:
    """Write a person's id as SQLite keeps it; the log and PostgreSQL have it with dashes."""
    return func.replace(key, "-", "")


def _names(session: Session, rows: Sequence[AuditRecord]) -> dict[str, str]:
    """Return the names of the accounts that acted, by id as the log has it."""
    ids = {int(row.actor_id) for row in rows if row.actor_kind == "user"}
    found = select(cast(User.id, String), User.name).where(User.id.in_(ids))
    return dict(session.execute(found).all())
