"""The sweep lists who may be slipping away: two kinds of evidence, and all that excuses them."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from correction_service.audit import SYSTEM
from correction_service.casework import flags as acting
from correction_service.casework import points, sweep, worklist
from correction_service.casework.findings import Scope
from correction_service.casework.needs import Need
from correction_service.db import Database
from correction_service.risk import facts as gathering
from correction_service.risk import overrides, slipping, weighing
from correction_service.settings import Settings
from models.audit import AuditRecord
from models.case import Case, CaseState
from models.errors import Invalid
from models.incident import Cause, IncidentKind, Severity
from models.leave import Leave, LeaveReason, LeaveState
from models.movement import MovementDay
from models.risk import INNOCENT, SENTENCES, FlagState, RiskFlag
from models.risk_score import Band, Family
from models.user import Role, User
from tests.county import NOW, County, add_draft
from tests.service.slipping import add_incident, closed, listed, slip
from tests.swept import TODAY

YESTERDAY = TODAY - timedelta(days=1)


def swept(database: Database, settings: Settings) -> Sequence[RiskFlag]:
    result = sweep.run(database, TODAY, NOW, settings)
    assert result.errors == []
    return listed(database)


def test_two_families_of_evidence_make_a_flag_that_says_all_it_rests_on(
    database: Database, county: County, settings: Settings
) -> None:
    strap = slip(database, county)
    [flag] = swept(database, settings)
    assert (flag.band, flag.weights, flag.law) == (Band.AMBER, "by-hand@1", "LCC 30")
    assert flag.points is not None
    assert flag.points >= weighing.weights().amber
    assert {it["subject"] for it in flag.reasons} == {f"incident:{strap}", "duty:1", "duty:2"}
    assert {it["family"] for it in flag.reasons} == {"device", "check_ins"}
    for it in flag.reasons:
        assert it["at"]
        assert it["points"] > 0
        assert SENTENCES[it["fact"]]
        assert it["quality"]
        assert it["innocent"]
        assert set(it["innocent"]) <= set(INNOCENT)


@pytest.mark.parametrize("protected", [True, False])
def test_what_was_found_protected_is_no_evidence(
    database: Database, county: County, settings: Settings, *, protected: bool
) -> None:
    slip(database, county)
    excuse = "illness" if protected else None
    with database.transaction(SYSTEM, "test") as session:
        for duty in (1, 2):
            draft = add_draft(session, county.case, "checkin_missed", f"duty:{duty}")
            officer = county.users[Role.OFFICER]
            points.refuse(session, draft, officer, NOW, "住院", excuse=excuse)
    assert bool(swept(database, settings)) is not protected


def test_one_family_is_no_flag_however_often_it_speaks(
    database: Database, county: County, settings: Settings
) -> None:
    for day in range(10):
        add_incident(database, county.case, IncidentKind.STRAP_OPENED, day)
    assert swept(database, settings) == []


@pytest.mark.parametrize(
    ("cause", "counts"),
    [
        (Cause.TAMPERED, 1),
        (Cause.SERVICED, 0),
        (Cause.DEVICE_FAULT, 0),
        (Cause.POSITION_DRIFT, 0),
        (Cause.APPROVED_ABSENCE, 0),
        (Cause.EMERGENCY, 0),
    ],
)
def test_what_an_officer_found_innocent_is_no_evidence(
    database: Database, county: County, cause: Cause, counts: int
) -> None:
    add_incident(database, county.case, IncidentKind.STRAP_OPENED, **closed(cause))
    with database.reading() as session:
        found = gathering.gather(session, weighing.weights(), NOW)
    assert len(found) == counts


def test_silence_of_a_bracelet_is_no_evidence(
    database: Database, county: County, settings: Settings
) -> None:
    add_incident(database, county.case, IncidentKind.DEVICE_SILENT)
    with database.reading() as session:
        assert len(gathering.gather(session, weighing.weights(), NOW)) == 0


def test_custody_takes_everything_off_the_list(
    database: Database, county: County, settings: Settings
) -> None:
    slip(database, county)
    swept(database, settings)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, county.case).move(CaseState.DETAINED, NOW)
    assert [flag.state for flag in swept(database, settings)] == [FlagState.PASSED]


def test_a_sweep_again_on_the_same_day_changes_nothing(
    database: Database, county: County, settings: Settings
) -> None:
    slip(database, county)
    swept(database, settings)
    with database.reading() as session:
        before = session.scalar(select(func.count()).where(AuditRecord.subject_kind == "risk_flag"))
    sweep.run(database, TODAY, NOW + timedelta(hours=3), settings)
    with database.reading() as session:
        after = session.scalar(select(func.count()).where(AuditRecord.subject_kind == "risk_flag"))
    assert (len(listed(database)), after) == (1, before)


def test_what_an_officer_has_looked_at_is_not_shown_again_and_what_is_new_is(
    database: Database, county: County, settings: Settings
) -> None:
    slip(database, county)
    swept(database, settings)
    with database.transaction(SYSTEM, "test") as session:
        flag = session.scalars(select(RiskFlag).where(RiskFlag.kind == "slipping_away")).one()
        acting.handle(session, flag, county.users[Role.OFFICER], "在家，手机坏了。", NOW)
    assert [flag.state for flag in swept(database, settings)] == [FlagState.HANDLED]
    later = NOW + timedelta(days=1)
    for kind in (IncidentKind.STRAP_OPENED, IncidentKind.LEFT_HOME_AREA):
        add_incident(database, county.case, kind, -0.5)
    sweep.run(database, TODAY + timedelta(days=1), later, settings)
    states = {flag.key: flag.state for flag in listed(database)}
    assert sorted(states.values()) == [FlagState.HANDLED, FlagState.OPEN]
    assert set(states) == {"after:0", f"after:{flag.id}"}


def test_movement_counts_from_the_days_end_and_never_on_leave(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        for day in (YESTERDAY, YESTERDAY - timedelta(days=3)):
            odd = {"new_place_m": 12_000, "other_night_m": 3_000, "unusually_far_m": 20_000}
            session.add(MovementDay(case_id=county.case, day=day, fixes=900, **odd))
        session.add(
            Leave(
                case_id=county.case,
                reason=LeaveReason.FAMILY,
                divisions=["520302"],
                starts_at=NOW - timedelta(days=5),
                ends_at=NOW - timedelta(days=2),
                note="-",
                state=LeaveState.RETURNED,
            )
        )
    with database.reading() as session:
        found = gathering.gather(session, weighing.weights(), NOW)
    names = [weighing.weights().names[item] for item in found.item]
    assert sorted(names) == ["new_place", "other_night", "unusually_far"]
    assert {gathering.subject(names[0], int(ref)) for ref in found.ref} == {f"day:{YESTERDAY}"}
    midnight = NOW.replace(hour=16) - timedelta(days=1)
    assert set(found.at_s) == {midnight.timestamp()}


def test_an_officers_word_stands_until_its_day_and_is_said(
    database: Database, county: County, settings: Settings
) -> None:
    slip(database, county)
    swept(database, settings)
    override(database, county, Band.NONE, TODAY + timedelta(days=2), "住院，见病历。")
    assert [flag.state for flag in swept(database, settings)] == [FlagState.PASSED]
    sweep.run(database, TODAY + timedelta(days=3), NOW + timedelta(days=3), settings)
    [flag] = listed(database)
    assert (flag.state, flag.reasons[0]["fact"]) == (FlagState.OPEN, "scored_strap_opened")


def test_an_officer_may_see_more_than_the_machine(
    database: Database, county: County, settings: Settings
) -> None:
    override(database, county, Band.RED, TODAY, "家属说他已买好车票。")
    [flag] = swept(database, settings)
    assert (flag.band, flag.points) == (Band.RED, 0.0)
    assert flag.reasons[0]["facts"] == {"reason": "家属说他已买好车票。"}


@pytest.mark.parametrize(
    ("band", "severity"), [(Band.RED, Severity.SOON), (Band.AMBER, Severity.WATCH)]
)
def test_red_is_for_today_and_amber_for_this_week(
    database: Database, county: County, settings: Settings, band: Band, severity: Severity
) -> None:
    override(database, county, band, TODAY, "家属说他已买好车票。")
    swept(database, settings)
    with database.reading() as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        [item] = worklist.items(session, officer, NOW)
        assert (item.need, item.severity) == (Need.FLAG, severity)


@pytest.mark.parametrize(
    ("days", "reason", "field"), [(31, "x", "until"), (-1, "x", "until"), (1, " ", "reason")]
)
def test_an_officers_word_has_a_reason_and_an_end(
    database: Database, county: County, days: int, reason: str, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        override(database, county, Band.NONE, TODAY + timedelta(days=days), reason)
    assert refusal.value.field == field


def override(
    database: Database, county: County, band: Band | None, until: date, reason: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        officer = session.get_one(User, county.users[Role.OFFICER])
        case = session.get_one(Case, county.case)
        overrides.set_band(session, officer, case, NOW, band=band, until=until, reason=reason)


def test_the_assessment_of_one_case_says_each_family(
    database: Database, county: County, settings: Settings
) -> None:
    slip(database, county)
    with database.reading() as session:
        found = slipping.assess(session, Scope(TODAY, NOW, NOW, settings), county.case)
    assert found.band is Band.AMBER
    assert found.families[Family.DEVICE] > 1
    assert found.families[Family.MOVEMENT] == 0
    assert sum(found.families.values()) == pytest.approx(found.points, abs=0.2)


def test_every_item_of_the_weights_has_a_sentence_and_known_excuses() -> None:
    weights = weighing.weights()
    assert not weights.trained
    for name, item in weights.items.items():
        assert f"scored_{name}" in SENTENCES
        assert item.innocent
        assert set(item.innocent) <= set(INNOCENT)
        assert item.mark in {"V", "S", "R"}
        assert item.source
    known = {*gathering.SUBJECTS, *gathering.EARLIER, *(kind.value for kind in gathering.KINDS)}
    assert known == set(weights.items)


@pytest.mark.parametrize(
    "forbidden", ["ethnicity", "nationality", "belief", "religion", "sex", "age", "level"]
)
def test_nobody_is_scored_for_who_they_are(forbidden: str) -> None:
    assert not [name for name in weighing.weights().items if forbidden in name.split("_")]
