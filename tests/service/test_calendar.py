"""Legal days: when a period ends, over weekends, holidays and days worked for them."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from correction_service.db import open_database
from correction_service.law import legal_days, tables
from correction_service.law.legal_days import Calendar, Deadline, calendar, calendar_of
from correction_service.law.tables import Mark
from correction_service.settings import Settings

CALENDAR = calendar()
FRIDAY = date(2026, 11, 20)


def test_the_first_day_is_not_counted_and_the_last_is_in_time() -> None:
    ends = CALENDAR.deadline(FRIDAY, days=10)
    assert ends == Deadline(date(2026, 11, 30))
    assert (ends.exact, ends.over(date(2026, 11, 30)), ends.over(date(2026, 12, 1))) == (
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("start", "days", "ends"),
    [
        (date(2026, 11, 20), 1, date(2026, 11, 23)),  # a Saturday: the Monday after
        (date(2026, 9, 29), 5, date(2026, 10, 8)),  # 4 October: the first day after the holiday
        (date(2026, 9, 10), 10, date(2026, 9, 20)),  # a Sunday that is worked
        (date(2026, 2, 10), 5, date(2026, 2, 24)),  # into the Spring Festival
        (date(2025, 9, 27), 5, date(2025, 10, 9)),  # another year's notice
    ],
)
def test_a_period_that_ends_on_a_holiday_runs_to_the_next_working_day(
    start: date, days: int, ends: date
) -> None:
    assert CALENDAR.deadline(start, days=days) == Deadline(ends)


def test_working_days_leave_out_holidays_and_count_the_days_worked_for_them() -> None:
    before_the_holiday = date(2026, 9, 30)
    ends = CALENDAR.deadline(before_the_holiday, working_days=3)
    assert ends == Deadline(date(2026, 10, 10)), "the 8th, the 9th, and Saturday the 10th"
    assert CALENDAR.deadline(FRIDAY, working_days=5) == Deadline(date(2026, 11, 27))


@pytest.mark.parametrize(
    ("start", "months", "ends"),
    [
        (date(2026, 6, 30), 3, date(2026, 9, 30)),
        (date(2025, 11, 30), 3, date(2026, 2, 28)),  # no 30 February; the 28th is worked
        (date(2026, 7, 22), 2, date(2026, 9, 22)),
    ],
)
def test_a_month_ends_on_its_day_of_the_same_number(start: date, months: int, ends: date) -> None:
    assert CALENDAR.deadline(start, months=months) == Deadline(ends)


def test_a_year_whose_notice_is_missing_is_said_and_not_guessed() -> None:
    new_year = CALENDAR.deadline(date(2026, 12, 22), days=10)
    assert (new_year, new_year.exact) == (Deadline(date(2027, 1, 1), (2027,)), False)
    assert CALENDAR.deadline(date(2026, 12, 30), working_days=3).unknown == (2027,)
    assert CALENDAR.deadline(date(2026, 12, 30), days=1).exact


def test_a_year_that_is_not_on_file_goes_by_the_week_alone() -> None:
    nothing = Calendar({})
    assert (nothing.works(date(2026, 10, 1)), nothing.works(date(2026, 10, 4))) == (True, False)


@pytest.mark.parametrize("given", [{}, {"days": 1, "months": 1}, {"days": 1, "working_days": 1}])
def test_a_period_is_of_one_kind(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="working days"):
        CALENDAR.deadline(FRIDAY, **given)


def test_every_year_on_file_names_its_notice() -> None:
    assert set(CALENDAR.years) >= {2025, 2026}
    for year in CALENDAR.years.values():
        assert (str(year.number) in year.source, year.mark) == (True, Mark.VERIFIED)
        assert all(day.isoweekday() > legal_days.WEEKDAYS for day in year.worked)
        assert not year.off & year.worked


def test_a_countys_own_table_stands_in_for_the_shipped_one(
    tmp_path: Path, settings: Settings
) -> None:
    own = '[2027]\nsource = "a notice"\nmark = "R"\noff = [[2027-01-01, 2027-01-03]]\nworked = []\n'
    (tmp_path / tables.HOLIDAYS).write_text(own)
    database = open_database(settings.model_copy(update={"law_dir": tmp_path}))
    with database.reading() as session:
        found = calendar_of(session)
    database.close()
    assert found.deadline(date(2026, 12, 22), days=10) == Deadline(date(2027, 1, 4))
    assert list(found.years) == [2027]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[2027]\nsource", "holidays.toml"),
        (
            '[2027]\nsource="x"\nmark="R"\noff=[]\nworked=[2026-01-04]\n',
            "2026-01-04 stands under 2027",
        ),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / tables.HOLIDAYS).write_text(text)
    with pytest.raises(ValueError, match=fault):
        calendar(tmp_path)
