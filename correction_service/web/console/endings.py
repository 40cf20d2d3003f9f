"""The end of cases: the queue of thirty days, last steps, exit bans, receipts of deletion."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from apiflask import APIBlueprint
from flask import Response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from correction_service import access
from correction_service.enforcement import deletions, endings, exit_bans, past_terms
from correction_service.enforcement.deletions import Hold, Kept, Rule
from correction_service.enforcement.exit_bans import BanState
from correction_service.forms.catalogue import catalogue
from correction_service.people import ends
from correction_service.people.cases import legal_day
from correction_service.people.intake import ID_KIND_WORDS
from correction_service.web.console import spreadsheets
from correction_service.web.console.cases import head_of
from correction_service.web.console.life import names
from models.audit import AuditRecord
from models.case import Case
from models.user import Permission, User

blueprint = APIBlueprint("endings", __name__, url_prefix="/endings", enable_openapi=False)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BANS = {
    BanState.TO_LIFT: _l("to be lifted: the case has ended"),
    BanState.TO_HAND_OVER: _l("to be handed over or withdrawn: the case has moved away"),
    BanState.TO_REPORT: _l("to be reported"),
    BanState.REPORTED: _l("reported"),
    BanState.LIFTED: _l("lifted"),
}

HOLDS = {
    Hold.OBJECTION: _l("an objection is open"),
    Hold.SEARCH: _l("a search is not ended"),
    Hold.PROCEEDINGS: _l("proceedings are pending"),
    Hold.REQUEST: _l("a request of the person is not answered"),
    Hold.OPINION: _l("an opinion of the procuratorate is not answered"),
    Hold.EXIT_BAN: _l("an exit ban is reported and not lifted"),
    Hold.CORRECTION: _l("a correction of the sentence is not decided"),
    Hold.PAPERS: _l("the file is not sent to the new place"),
    Hold.TERM: _l("the sentence is still served at another place"),
    Hold.OTHER_CASE: _l("another case of the person is not over, or not long enough"),
    Hold.NOT_OVER: _l("the term of the file is not over any more"),
}


@blueprint.get("/")
@access.needs(Permission.SEE_CASES)
def index() -> ResponseReturnValue:
    """List whose term ends within thirty days, and whose papers are still open."""
    with access.reading() as session:
        return render_template(
            "console/life/endings.html",
            rows=endings.queue(session, access.user(), access.now()),
            today=legal_day(access.now()),
        )


@blueprint.get("/cases/<int:case_id>")
@access.needs(Permission.SEE_CASES)
def of_case(case_id: int) -> ResponseReturnValue:
    """Show what is to be done at the end of one case."""
    with access.reading() as session:
        head = head_of(session, case_id)
        (found,) = endings.endings(session, [head["case"]], head["today"])
        return render_template(
            "console/case/ending.html",
            **head,
            tab="life",
            found=found.checklist,
            pending=found.pending,
            offer=found.offer,
            codes=ends.CODES,
            names=names(session, found.checklist),
            titles={kind: form.title for kind, form in catalogue().items()},
            back=url_for("endings.of_case", case_id=case_id),
        )


@blueprint.get("/deletions")
@access.needs(Permission.SEE_AUDIT)
def deleted() -> ResponseReturnValue:
    """Show what was deleted of closed cases, and which are kept although their time is over."""
    with access.reading() as session:
        rule, user = _rule(session), access.user()
        return render_template(
            "console/life/deletions.html",
            rule=rule,
            rows=(rows := deletions.receipts(session, user)),
            names=_names(session, rows),
            held=_held(session, user, rule, access.now()),
            holds=HOLDS,
        )


def _held(session: Session, user: User, rule: Rule, now: datetime) -> list[Kept]:
    """What is held of terms that were over before and of cases that ended, each case once."""
    found = (*past_terms.held(session, user, now), *deletions.held(session, user, rule, now))
    return list({case.id: (case, why) for case, why in found}.values())


@blueprint.get("/deletions.csv")
@access.needs(Permission.SEE_AUDIT)
def deleted_csv() -> ResponseReturnValue:
    """Give the receipts as a file, each with its place in the log; those of files all."""
    rule = ("name", "days", "basis", "mark")
    act = ("years", "list", "proposed_by", "agreed_by", "counted_in")
    heads = ("case", "on", "kind", "rows", "sha256", *rule, "since", "until", "record", *act)
    with access.reading() as session:
        rows = deletions.to_keep(session, access.user())
        names = _names(session, rows)
        lines = [
            (
                case.number,
                it.detail["on"],
                kind,
                gone["rows"],
                gone["digest"],
                *_of(it, rule),
                *it.detail.get("span", (None, None)),
                it.id,
                it.detail["rule"].get("years"),
                it.detail.get("list"),
                *([names[by] for by in it.detail.get("by", ())] or (None, None)),
                it.detail.get("counted_in"),
            )
            for it, case in rows
            for kind, gone in _gone(it)
        ]
    return spreadsheets.answer("deletions", [heads, *lines])


def _gone(record: AuditRecord) -> Iterable[tuple[str, Mapping[str, object]]]:
    """What went by kind; one line, too, of a receipt that names the one in which it is counted."""
    uncounted = {"": {"rows": None, "digest": None}}
    return sorted((record.detail["kinds"] or uncounted).items())


def _of(record: AuditRecord, names: Sequence[str]) -> list[object]:
    return [record.detail["rule"][name] for name in names]


def _names(session: Session, rows: Sequence[tuple[AuditRecord, Case]]) -> dict[int, str]:
    """Who proposed and who agreed, where people decided a deletion."""
    ids = {by for it, _ in rows for by in it.detail.get("by", ())}
    return {each: session.get_one(User, each).name for each in ids}


def _rule(session: Session) -> Rule:
    return deletions.rule(session, access.service().settings)


@blueprint.get("/exit-bans")
@access.needs(Permission.SUPERVISE)
def bans() -> ResponseReturnValue:
    """List the exit bans, what is to be done first."""
    with access.reading() as session:
        rows = exit_bans.listed(session, access.user())
        return render_template("console/life/exit_bans.html", rows=rows, states=BANS)


@blueprint.post("/exit-bans")
@access.needs(Permission.SUPERVISE)
def export() -> ResponseReturnValue:
    """Give the reported bans as a workbook; the look at each number is logged."""
    kinds = {kind.value: said[0] for kind, said in ID_KIND_WORDS.items()}
    with access.writing() as session:
        data = exit_bans.workbook(session, access.user(), kinds, access.now())
    headers = {
        "Content-Disposition": "attachment; filename=exit-bans.xlsx",
        "Cache-Control": "no-store",
    }
    return Response(data, mimetype=XLSX, headers=headers)
