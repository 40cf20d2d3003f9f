"""Every route that names something of a case: there for its own office, for another it is not."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from correction_service import access
from correction_service.audit import SYSTEM
from correction_service.db import Database
from models.assessment import LevelSuggestion, Objection
from models.audit import AuditRecord
from models.case import Case, Level
from models.checkin import CheckIn
from models.company import CompanyBan, CompanyBanCase
from models.discipline import Measure, MeasureKind
from models.leave import Leave, LeaveReason
from models.leave_request import LeaveLevel, LeaveProof, LeaveRequest
from models.order_paper import OrderPaper, Paper
from models.points import PointsDraft, PointsEntry
from models.printed_form import FormKind, PrintedForm
from models.reconciliation import DifferenceKind, Reconciliation, RegisterDifference
from models.search import SearchRecord
from models.user import PERMISSIONS, Permission, Role, User
from tests.county import NOW, County
from tests.desk import Desk, grey_picture
from tests.pages import SignedInClient
from tests.tracked import HUICHUAN, Tracked

SPAN = {"since": "2026-11-20T02:00:00Z", "until": "2026-11-20T08:00:00Z"}
JSON = {  # what any of the bodies needs
    "reported_on": "2026-11-03",
    "state": "detained",
    "note": "见通知书",
    "name": "某",
    "sex": "female",
    "part": "family",
    "given": True,
    "ground": "breach_penalised",
    "evidence": "处罚决定书",
    "facts": [{"kind": "penalty", "document": "公（汇）行罚 2026-17"}],
    "starts_on": "2026-11-20",
    "ends_on": "2026-12-20",
    "kind": "exclusion",
    "circle": {"lat": HUICHUAN[0], "lon": HUICHUAN[1], "radius_m": 300},
}
FORM = {"note": "见通知书", "state": "detained", "decision": "refused"}
FILES = {"persons.assess_photo": "photo", "persons.enrol_face": "photos"}
LEAST = 50  # routes; fewer would mean that the walk missed its way


def on_leave(case_id: int) -> Leave:
    return Leave(
        case_id=case_id,
        reason=LeaveReason.WORK,
        divisions=["520100"],
        starts_at=NOW,
        ends_at=NOW + timedelta(days=2),
        note="外出审批表",
    )


def asking(case_id: int) -> LeaveRequest:
    return LeaveRequest(
        case_id=case_id,
        reason=LeaveReason.WORK,
        regular=False,
        divisions=["520100"],
        starts_at=NOW + timedelta(days=9),
        ends_at=NOW + timedelta(days=11),
        why="出差",
        level=LeaveLevel.OFFICE,
        days=2,
        asked_at=NOW,
    )


def differing(session: Session, case_id: int, county: County) -> int:
    found = RegisterDifference(kind=DifferenceKind.NOT_THERE, case_id=case_id)
    head = county.users[Role.COUNTY_HEAD]
    made = Reconciliation(
        agency_id=county.agency,
        source="法院",
        listed=0,
        agreed=0,
        made_by=head,
        made_at=NOW,
        differences=[found],
    )
    session.add(made)
    session.flush()
    return found.id


def kept_apart(case_id: int, county: County) -> CompanyBan:
    return CompanyBan(
        agency_id=county.agency,
        basis="禁止令",
        valid_from=NOW,
        made_by=county.users[Role.OFFICER],
        made_at=NOW,
        members=[CompanyBanCase(case_id=case_id)],
    )


def objected(entry: PointsEntry) -> Objection:
    return Objection(
        entry=entry,
        case_id=entry.case_id,
        text="系统故障",
        made_at=NOW,
        timely=True,
        holds=True,
        due_on=NOW.date(),
    )


def suggested(entry: PointsEntry) -> LevelSuggestion:
    return LevelSuggestion(
        case_id=entry.case_id,
        quarter=NOW.date().replace(month=10, day=1),
        rulebook_id=entry.rulebook_id,
        level=Level.LENIENT,
        grounds={"means": {}, "penalties": {}, "months_in": 7},
        made_at=NOW,
    )


def penalised(case_id: int, county: County) -> Measure:
    return Measure(
        case_id=case_id,
        kind=MeasureKind.ADMONITION,
        limb="minor_breach",
        law="IM 34 (S)",
        found="未报告",
        happened_on=NOW.date(),
        prepared_by=county.users[Role.OFFICER],
        prepared_at=NOW,
    )


def printed(case: Case, county: County) -> PrintedForm:
    return PrintedForm(
        id=uuid4(),
        agency_id=county.agency,
        case=case,
        kind=FormKind.NOTIFICATION,
        year=NOW.year,
        serial=1,
        number="〔2026〕告字第1号",
        digest="0" * 64,
        sealed=b"",
        by=county.users[Role.OFFICER],
        at=NOW,
    )


@pytest.fixture
def ids(database: Database, county: County, tracked: Tracked, desk: Desk) -> dict[str, object]:
    """Something of the desk's case for every parameter; the county head sits at its office."""
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(User, county.users[Role.COUNTY_HEAD]).office_id = county.office
        draft = session.get_one(PointsDraft, desk.draft)
        entry = PointsEntry(
            case_id=desk.case,
            item=draft.item,
            rulebook_id=draft.rulebook_id,
            points=-1,
            happened_on=NOW.date(),
            reason="系统故障",
            made_by=county.users[Role.OFFICER],
            made_at=NOW,
        )
        leave, ban = on_leave(desk.case), kept_apart(desk.case, county)
        paper = OrderPaper(order_id=tracked.order, kind=Paper.PERSON_TOLD)
        wish = asking(desk.case)
        wish.proofs = [LeaveProof(photo_id=UUID(desk.photo))]
        objection, suggestion = objected(entry), suggested(entry)
        measure = penalised(desk.case, county)
        form = printed(session.get_one(Case, desk.case), county)
        search = SearchRecord(case_id=desk.case, reasons=[], drafted_at=NOW)
        session.add_all(
            [entry, leave, ban, paper, wish, objection, suggestion, measure, search, form]
        )
        session.flush()
        return {
            "case_id": desk.case,
            "incident_id": desk.incident,
            "flag_id": desk.flag,
            "draft_id": desk.draft,
            "entry_id": entry.id,
            "notice_id": desk.notice,
            "checkin_id": desk.checkin,
            "request_id": desk.help,
            "photo_id": desk.photo,
            "leave_id": leave.id,
            "asked_id": wish.id,
            "difference_id": differing(session, desk.case, county),
            "ban_id": ban.id,
            "objection_id": objection.id,
            "measure_id": measure.id,
            "record_id": search.id,
            "suggestion_id": suggestion.id,
            "place_id": 0,  # of no agency: an agency's places are of all its offices
            "zone_id": tracked.zone,
            "order_id": tracked.order,
            "paper_id": paper.id,
            "clock": "guardian",
            "kind": FormKind.NOTIFICATION.value,
            "printed_id": form.id,
            "member_id": session.get_one(Case, desk.case).team[0].id,
            "receipt": session.get_one(CheckIn, desk.checkin).receipt,
            "column": "phone",
        }


def routes(app: Flask) -> Iterator[Rule]:
    """What takes a parameter and is for a permission that the county head holds."""
    for rule in app.url_map.iter_rules():
        guard = access.guard_of(rule.endpoint, app.view_functions[rule.endpoint])
        held = isinstance(guard, Permission) and guard in PERMISSIONS[Role.COUNTY_HEAD]
        if rule.arguments and held:
            yield rule


def asked(app: Flask, rule: Rule, ids: dict[str, object], method: str) -> dict[str, Any]:
    """A whole request, so that nothing but the scope can refuse it."""
    adapter = app.url_map.bind("localhost")
    path = adapter.build(rule.endpoint, {name: ids[name] for name in rule.arguments}, method=method)
    if method == "GET":
        return {"path": path, "method": method, "query_string": SPAN}
    if field := FILES.get(rule.endpoint):
        return {"path": path, "method": method, "data": {field: (photo(), "a.jpg")}}
    if path.startswith("/api/"):
        return {"path": path, "method": method, "json": JSON}
    return {"path": path, "method": method, "data": FORM}


def photo() -> io.BytesIO:
    return io.BytesIO(grey_picture())


def walk(app: Flask, client: FlaskClient, ids: dict[str, object], method: str) -> dict[str, int]:
    return {
        f"{method} {rule.rule}": client.open(**asked(app, rule, ids, method)).status_code
        for rule in routes(app)
        if method in (rule.methods or ())
    }


def test_nothing_of_a_case_is_there_for_another_office(
    app: Flask,
    client_of: SignedInClient,
    database: Database,
    county: County,
    ids: dict[str, object],
) -> None:
    head = client_of(Role.COUNTY_HEAD)
    own = walk(app, head, ids, "GET")
    assert set(own.values()) <= {200, 409}, own  # 409: no consent to a face check yet
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).office_id = county.other_office
        session.flush()
        last = session.scalars(select(func.max(AuditRecord.id))).one()
    found = walk(app, head, ids, "GET") | walk(app, head, ids, "POST")
    assert len(found) >= LEAST
    assert {route: status for route, status in found.items() if status != 404} == {}
    with database.reading() as session:
        written = session.scalars(select(AuditRecord.action).where(AuditRecord.id > last))
        assert written.all() == []
