"""Whatever is entered, taken back, objected to and closed: nothing is edited, all adds up."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service import hours
from correction_service.assessment import months, objections
from correction_service.assessment.months import Closed, Span
from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from models.agency import Office
from models.assessment import ObjectionState, PointsMonth
from models.errors import Refused
from models.points import PointsEntry
from models.user import Role, User
from tests.county import County, add_draft, make_case
from tests.service.test_points_close import NOVEMBER

ITEMS = ("checkin_missed", "stand_in", "volunteering", "leave_signoff_late", "warning")
ENTER, REVERSE, OBJECT, UPHOLD, DISMISS, CLOSE = range(6)
STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=14)
BEGAN = datetime(2026, 12, 5, 4, 0, tzinfo=UTC)


class Ledger:
    """One case's ledger under any sequence of acts, an act a day."""

    def __init__(self, session: Session, county: County) -> None:
        self.session = session
        self.case = make_case(session, session.get_one(Office, county.office), 2)
        session.flush()
        self.officer = county.users[Role.OFFICER]
        self.head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        self.now = BEGAN
        points.install_default(session)

    @property
    def entries(self) -> Sequence[PointsEntry]:
        return points.ledger(self.session, self.case.id)[::-1]

    def act(self, step: int, pick: int) -> None:
        """Do one thing, if it can be done; a refusal leaves everything as it was."""
        self.now += timedelta(days=1)
        if step == ENTER:
            fact = f"fact:{self.now:%m%d}"
            made = add_draft(self.session, self.case.id, ITEMS[pick], fact)
            points.confirm(self.session, made, self.officer, self.now, "核实")
        elif step == CLOSE:
            span = Span(NOVEMBER, hours.day_start(hours.local_day(self.now)))
            months.close_some(self.session, span, [self.case.id], self.now, Closed(NOVEMBER))
        elif pick < len(self.entries):
            self._to(self.entries[pick], step)

    def _to(self, entry: PointsEntry, step: int) -> None:
        made = objections.of(self.session, self.case.id).get(entry.id)
        try:
            if step == REVERSE:
                points.reverse(self.session, entry, self.officer, self.now, "更正")
            elif step == OBJECT:
                objections.object_to(self.session, self.case, entry.id, "有异议", now=self.now)
            elif made is not None:
                state = ObjectionState.UPHELD if step == UPHOLD else ObjectionState.DISMISSED
                objections.answer(
                    self.session, self.head, made.id, state, note="答复", now=self.now
                )
        except Refused:
            return

    def rows(self) -> dict[tuple[str, int], tuple[object, ...]]:
        """Every row that may only grow, by table and id, as it is in the database."""
        found: dict[tuple[str, int], tuple[object, ...]] = {}
        for table in (PointsEntry, PointsMonth):
            mine = select(table.__table__).where(table.case_id == self.case.id)
            for row in self.session.execute(mine):
                found[table.__tablename__, row.id] = tuple(row)
        return found


def held(ledger: Ledger) -> set[int]:
    """What an open objection made in time keeps out, reckoned here anew."""
    open_ones = objections.of(ledger.session, ledger.case.id).values()
    of = {it.entry_id for it in open_ones if it.state is ObjectionState.OPEN and it.holds}
    return {entry.id for entry in ledger.entries if {entry.id, entry.reverses_id} & of}


def adds_up(ledger: Ledger) -> None:
    shown = points.balance(
        ledger.session, ledger.case.id, NOVEMBER, ledger.now + timedelta(minutes=1)
    )
    sums: Counter[str] = Counter()
    for entry in ledger.entries:
        if entry.id not in held(ledger):
            sums[entry.item] += entry.points
    capped = {
        "volunteering": min(sums["volunteering"], 6),
        "leave_signoff_late": max(sums["leave_signoff_late"], -10),
    }
    assert shown.total == min(max(93 + sum({**sums, **capped}.values()), 0), 120)


def can_be_reckoned_anew(ledger: Ledger) -> None:
    mine = select(PointsMonth).where(PointsMonth.case_id == ledger.case.id)
    for edition in ledger.session.scalars(mine):
        span = Span(edition.month, edition.as_of)
        anew = months.figures_of(ledger.session, span, [ledger.case.id])[ledger.case.id]
        assert {name: getattr(edition, name) for name in anew} == anew


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_sequence_adds_up_edits_nothing_and_closes_again_alike(
    database: Database, county: County, steps: list[tuple[int, int]]
) -> None:
    with database.transaction(SYSTEM, "test") as session, session.begin_nested() as undone:
        ledger = Ledger(session, county)
        before: dict[tuple[str, int], tuple[object, ...]] = {}
        for step, pick in steps:
            ledger.act(step, pick)
            after = ledger.rows()
            assert {key: after.get(key) for key in before} == before
            before = after
            adds_up(ledger)
        can_be_reckoned_anew(ledger)
        undone.rollback()
