"""Rules with a first moment: who makes them, when they count, and that ingest follows at once."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM, Actor
from correction_service.db import Database
from correction_service.tracking import replays
from correction_service.tracking.fixes import Recorder
from correction_service.zones import zone_rules
from correction_service.zones.zone_rules import AHEAD, READ_EVERY, Standing
from models.agency import Agency, AgencyLevel, Office
from models.audit import AuditRecord
from models.case import Case
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.rule import RULE
from models.user import Role, User
from models.zone import ZoneChange, ZoneState
from tests.county import NOW, County
from tests.pages import SignedInClient
from tests.tracked import BEYOND, HUICHUAN, Tracked, heard, minutes

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DECIDED = {"decided": 6.5}


def made(
    database: Database,
    county: County,
    begins: datetime,
    figures: Mapping[str, float] = DECIDED,
    *,
    role: Role = Role.COUNTY_HEAD,
    now: datetime = NOW,
) -> int:
    """Put figures into force as somebody; the version."""
    user_id = county.users[role]
    with database.transaction(Actor("user", str(user_id)), "test") as session:
        return zone_rules.put_into_force(
            session,
            session.get_one(User, user_id),
            figures,
            effective_from=begins,
            reason="误报太多",
            now=now,
        ).version


def withdrawn(database: Database, county: County, version: int, now: datetime = NOW) -> None:
    with database.transaction(SYSTEM, "test") as session:
        head = session.get_one(User, county.users[Role.COUNTY_HEAD])
        zone_rules.withdraw(session, head, version, reason="改期", now=now)


def version_at(database: Database, moment: datetime) -> str:
    with database.reading() as session:
        return zone_rules.rule_at(session, moment).version


def test_a_rule_counts_from_its_moment_on_under_a_name_of_its_own(
    database: Database, county: County
) -> None:
    assert version_at(database, NOW) == RULE.version
    first = made(database, county, NOW + HOUR)
    second = made(database, county, NOW + 3 * HOUR, {"decided": 7.0})
    moments = [NOW + it * HOUR for it in (0, 1, 2, 3)]
    names = [RULE.version, f"{RULE.version}.{first}", f"{RULE.version}.{first}"]
    assert [version_at(database, it) for it in moments] == [*names, f"{RULE.version}.{second}"]
    with database.reading() as session:
        assert zone_rules.rule_at(session, NOW + HOUR).decided == 6.5
        record = session.scalars(
            select(AuditRecord).where(AuditRecord.subject_kind == "zone_rule")
        ).first()
        assert record is not None
        assert (record.action, record.actor_kind) == ("create", "user")


def test_a_withdrawn_rule_never_begins_and_stays_on_file(
    database: Database, county: County
) -> None:
    first = made(database, county, NOW + HOUR)
    second = made(database, county, NOW + 2 * HOUR, {"decided": 7.0})
    withdrawn(database, county, second)
    assert version_at(database, NOW + 5 * HOUR) == f"{RULE.version}.{first}"
    with database.reading() as session:
        entries = zone_rules.entries(session, NOW + HOUR)
        session.expunge_all()
    assert [it.standing for it in entries] == [Standing.WITHDRAWN, Standing.IN_FORCE]
    assert entries[0].withdrawal is not None
    assert entries[0].withdrawal.reason == "改期"
    with pytest.raises(Refused, match="already withdrawn"):
        withdrawn(database, county, second)
    with pytest.raises(Refused, match="before it begins"):
        withdrawn(database, county, first, NOW + HOUR - MINUTE)
    with pytest.raises(NotFound):
        withdrawn(database, county, entries[0].withdrawal.version)


@pytest.mark.parametrize(
    ("ahead", "figures", "wrong"),
    [
        (MINUTE, DECIDED, "effective_from"),
        (-HOUR, DECIDED, "effective_from"),
        (HOUR, {"decided": 99.0}, "decided"),
    ],
)
def test_what_makes_no_sense_is_refused(
    database: Database,
    county: County,
    ahead: timedelta,
    figures: dict[str, float],
    wrong: str,
) -> None:
    with pytest.raises(Invalid) as refused:
        made(database, county, NOW + ahead, figures)
    assert refused.value.field == wrong


def test_what_would_be_in_force_anyway_is_no_new_rule(database: Database, county: County) -> None:
    with pytest.raises(Refused, match="in any case"):
        made(database, county, NOW + HOUR, {"decided": RULE.decided})
    made(database, county, NOW + HOUR)
    made(database, county, NOW + 2 * HOUR, {"decided": RULE.decided})


def test_only_the_head_who_answers_for_every_case_changes_rules(
    database: Database, county: County
) -> None:
    for role in set(Role) - {Role.COUNTY_HEAD, Role.UPPER_AGENCY}:
        with pytest.raises(Forbidden):
            made(database, county, NOW + HOUR, role=role)
    with database.transaction(SYSTEM, "test") as session:
        other = Agency(name="别处", level=AgencyLevel.COUNTY, division="520302")
        office = Office(name="丙司法所", agency=other)
        session.add(office)
        case = session.get_one(Case, county.case)
        case.agency, case.office = other, office
    with pytest.raises(Forbidden):
        made(database, county, NOW + HOUR)


def test_figures_of_another_engine_mean_nothing(
    database: Database, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(database, county, NOW + HOUR)
    newer = RULE._replace(version="evidence-and-motion@4")
    monkeypatch.setattr(zone_rules, "RULE", newer)
    with database.reading() as session:
        assert zone_rules.entries(session, NOW + 2 * HOUR) == []


def test_every_ingester_knows_a_rule_before_it_begins() -> None:
    assert READ_EVERY < AHEAD


def test_ingest_goes_over_to_a_new_rule_without_a_restart_and_late_fixes_keep_the_old(
    database: Database, county: County, tracked: Tracked
) -> None:
    recorder, begins = Recorder(), NOW + HOUR
    home = minutes(NOW, [HUICHUAN] * 20)
    away = minutes(begins + 2 * MINUTE, [BEYOND] * 25)

    def take(fixes: list[dict[str, object]], now: datetime) -> None:
        with database.transaction(SYSTEM, "test") as session:
            recorder.record(session, [heard(fixes, received=now)], now)

    def said() -> list[tuple[ZoneState, str]]:
        standing = select(ZoneChange).where(ZoneChange.superseded_at.is_(None))
        with database.reading() as session:
            rows = session.scalars(standing.order_by(ZoneChange.since))
            return [(it.state, it.evidence["rule"]) for it in rows]

    take(home, NOW + 20 * MINUTE)
    version = made(database, county, begins, now=NOW + 20 * MINUTE)
    take(away, begins + 27 * MINUTE)
    at_home = (ZoneState.INSIDE, RULE.version)
    gone = (ZoneState.OUTSIDE, f"{RULE.version}.{version}")
    assert [at_home, gone] == [it for it in said() if it[0] is not ZoneState.UNKNOWN]
    out_and_back = minutes(NOW + 21 * MINUTE, [BEYOND] * 15 + [HUICHUAN] * 20)
    take(out_and_back, begins + 28 * MINUTE)
    assert replays.run(database, begins + 30 * MINUTE) == 1
    assert said() == [at_home, (ZoneState.OUTSIDE, RULE.version), at_home, gone]


def test_programs_see_make_and_withdraw_rules(
    database: Database, county: County, client_of: SignedInClient
) -> None:
    head, procurator = client_of(Role.COUNTY_HEAD), client_of(Role.PROCURATOR)
    begins = (datetime.now(UTC) + HOUR).isoformat()
    asked = {"figures": DECIDED, "effective_from": begins, "reason": "误报太多"}
    assert procurator.post("/api/v1/zone-rules", json=asked).status_code == 403
    answer = head.post("/api/v1/zone-rules", json=asked)
    assert (answer.status_code, answer.get_json()["version"]) == (201, 1)
    said = procurator.get("/api/v1/zone-rules").get_json()
    assert said["in_force"] == RULE.version
    assert [it["standing"] for it in said["rules"]] == ["coming"]
    assert said["rules"][0]["figures"]["decided"] == 6.5
    against = {"version": 1, "reason": "改期"}
    assert head.post("/api/v1/zone-rules/withdraw", json=against).status_code == 201
    said = procurator.get("/api/v1/zone-rules").get_json()
    assert [it["standing"] for it in said["rules"]] == ["withdrawn"]
    wrong = asked | {"figures": {"decided": 40}}
    refused = head.post("/api/v1/zone-rules", json=wrong)
    assert (refused.status_code, refused.get_json()["field"]) == (422, "decided")
