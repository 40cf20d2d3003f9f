"""The log: who did or looked at what; how much of it is sealed; verified anew on demand."""

from collections.abc import Sequence

from apiflask import APIBlueprint
from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select, true
from sqlalchemy.orm import Session

from correction_service import access, audit_log
from correction_service.scope import agency_ids, visible
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
    """Match what an agency answers for: acts of its accounts, and on its cases and people.

    Whoever stands at the top of the tree sees all of it, the service's own acts too.
    """
    if user.agency.parent_id is None:
        return true()
    accounts = select(cast(User.id, String)).where(User.agency_id.in_(agency_ids(user.agency_id)))
    cases = select(cast(Case.id, String)).where(visible(user))
    people = select(cast(Case.person_id, String)).where(visible(user))
    return or_(
        and_(AuditRecord.actor_kind == "user", AuditRecord.actor_id.in_(accounts)),
        and_(AuditRecord.actor_kind == "person", AuditRecord.actor_id.in_(people)),
        and_(AuditRecord.subject_kind == "supervised_case", AuditRecord.subject_id.in_(cases)),
        and_(AuditRecord.subject_kind == "person", AuditRecord.subject_id.in_(people)),
    )


def _names(session: Session, rows: Sequence[AuditRecord]) -> dict[str, str]:
    """Return the names of the accounts that acted, by id as the log has it."""
    ids = {int(row.actor_id) for row in rows if row.actor_kind == "user"}
    found = select(cast(User.id, String), User.name).where(User.id.in_(ids))
    return dict(session.execute(found).all())
