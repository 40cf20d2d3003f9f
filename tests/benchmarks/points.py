"""`points.close`: ledgers closed a second, against a loop that closes one person after another."""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from correction_service.assessment import months
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database, open_database, upgrade
from correction_service.settings import Mode, Settings
from models.agency import Agency, AgencyLevel, Office
from models.assessment import PointsMonth
from models.case import Case
from models.points import PointsEntry
from models.user import Role, User
from tests.benchmarks.figure import Figure
from tests.county import make_case

CASES, ONE_BY_ONE, COUNTRY = 50_000, 300, 700_000
EVERY, ITEMS = 4, (("checkin_missed", -5), ("volunteering", 2), ("leave_signoff_late", -2))
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
BEFORE = datetime(2026, 10, 20, 4, 0, tzinfo=UTC)


def measure() -> Iterator[Figure]:
    """Close a month of an invented register, every fourth person with three entries."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/points.db"
        upgrade(url)
        settings = Settings.model_validate(
            {"mode": Mode.DEMO, "data_dir": Path(folder), "database_url": url}
        )
        database = open_database(settings)
        with database.transaction(SYSTEM, "bench") as session:
            _fill(session)
        began = time.perf_counter()
        closed = months.run(database, FIRST, NOW)
        ours = closed.first / (time.perf_counter() - began)
        theirs = ONE_BY_ONE / _one_by_one(database)
        database.close()
    details = {"cases": closed.first, "country_s": COUNTRY / ours}
    baseline = "ORM, one person after another"
    yield Figure("points.close", ours, "people/s", baseline, theirs, ours / theirs, details)


def _fill(session: Session) -> None:
    """One person's case as often as there are cases: a close reads no person."""
    book = points.install_default(session)
    agency = Agency(name="县", level=AgencyLevel.COUNTY, division="520303")
    user = User(username="u", name="u", role=Role.OFFICER, agency=agency, password_hash="!")
    made = make_case(session, Office(name="所", agency=agency), 1, reported_on=date(2026, 1, 3))
    session.add(user)
    session.flush()
    kept = [column.name for column in Case.__table__.columns if column.name != "id"]
    case = {name: getattr(made, name) for name in kept}
    rows = [case | {"number": f"B{number:07d}"} for number in range(CASES - 1)]
    session.execute(insert(Case), rows)
    entry = {
        "rulebook_id": book.id,
        "happened_on": date(2026, 10, 15),
        "reason": "核实",
        "made_by": user.id,
        "made_at": BEFORE,
    }
    for item, worth in ITEMS:
        ids = session.scalars(select(Case.id).where(Case.id % EVERY == 0))
        its = entry | {"item": item, "points": worth}
        session.execute(insert(PointsEntry), [its | {"case_id": case_id} for case_id in ids])


def _one_by_one(database: Database) -> float:
    """Return the seconds it takes to reckon and write down the month of one person at a time."""
    began = time.perf_counter()
    with database.reading() as session:
        ids = session.scalars(select(Case.id).order_by(Case.id).limit(ONE_BY_ONE)).all()
    for case_id in ids:
        with database.transaction(SYSTEM, "bench") as session:
            case = session.get_one(Case, case_id)
            reckoned = points.balance(session, case_id, FIRST, NOW)
            book = points.rulebook_on(session, FIRST, case.agency_id)
            session.add(
                PointsMonth(
                    case_id=case_id,
                    month=FIRST,
                    edition=2,
                    rulebook_id=book.id,
                    days=case.days_under(FIRST, LAST),
                    base=reckoned.base,
                    held=0,
                    total=reckoned.total,
                    as_of=NOW,
                    closed_at=NOW,
                )
            )
    return time.perf_counter() - began
