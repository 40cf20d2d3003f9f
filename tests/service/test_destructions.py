"""A file whose term is over is destroyed by two people and a list, and nothing else is."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM, Actor
from correction_service.db import Database, ring_of
from correction_service.enforcement import deletions, destructions
from correction_service.enforcement.deletions import Hold
from correction_service.people import persons
from correction_service.sealer import Sealer
from correction_service.settings import Settings
from models.agency import Agency, AgencyLevel, Office
from models.case import Case, CaseState
from models.errors import Invalid, NotFound, Refused
from models.fix import Fix, PackedDay
from models.user import Role, User
from tests.county import NOW, VALID_ID, County, make_case, resident_id
from tests.service.test_retention import end, follow
from tests.service.test_sealer import report, seal
from tests.tracked import Tracked

YEARS = 5
OVER = NOW.replace(year=NOW.year + YEARS) + timedelta(days=1)


@pytest.fixture
def term(settings: Settings) -> Settings:
    """An agency that keeps files five years."""
    return settings.model_copy(update={"file_years": YEARS})


@pytest.fixture
def ended(database: Database, county: County) -> int:
    """The county's case, ended today."""
    end(database, county.case)
    return county.case


def by(session: Session, county: County, role: Role = Role.COUNTY_HEAD) -> User:
    return session.get_one(User, county.users[role])


def second_head(database: Database, county: County) -> int:
    with database.transaction(SYSTEM, "test") as session:
        head = User(
            username="second", name="第二人", role=Role.COUNTY_HEAD, agency_id=county.agency,
            password_hash="!",
        )  # fmt: skip
        session.add(head)
        session.flush()
        return head.id


def propose(database: Database, settings: Settings, county: County, now: datetime = OVER) -> int:
    with database.transaction(SYSTEM, "test") as session:
        head = by(session, county)
        paper = {"number": "销 2031-4"}
        return destructions.propose(session, settings, head, county.case, **paper, now=now).id


def agree(
    database: Database, settings: Settings, user_id: int, made: int, now: datetime = OVER
) -> None:
    with database.transaction(Actor("user", str(user_id)), "test") as session:
        user = session.get_one(User, user_id)
        destructions.agree(session, settings, user, made, now=now)


def destroy(database: Database, settings: Settings, county: County, now: datetime = OVER) -> int:
    made = propose(database, settings, county, now)
    agree(database, settings, second_head(database, county), made, now)
    return made


def listed(
    database: Database, settings: Settings, county: County, now: datetime = OVER
) -> list[tuple[int, list[Hold]]]:
    with database.reading() as session:
        found = destructions.files(session, settings, by(session, county), now)
        return [(it.case.id, list(it.holds)) for it in found]


def test_without_a_term_no_file_is_ever_proposed(
    database: Database, settings: Settings, county: County, ended: int
) -> None:
    assert settings.file_years is None
    assert listed(database, settings, county, OVER + timedelta(days=9000)) == []
    with pytest.raises(Refused, match="not over"):
        propose(database, settings, county)


def test_a_file_is_listed_when_its_years_are_over_and_not_the_day_before(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    assert listed(database, term, county, OVER - timedelta(days=1)) == []
    assert listed(database, term, county) == [(ended, [])]


def test_no_file_goes_before_its_positions_do(
    database: Database, settings: Settings, county: County, ended: int
) -> None:
    short = settings.model_copy(update={"file_years": 1, "fix_days": 800})
    assert listed(database, short, county, NOW + timedelta(days=800)) == []
    assert listed(database, short, county, NOW + timedelta(days=801)) == [(ended, [])]


def test_who_proposed_does_not_agree_while_somebody_else_can(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    made = propose(database, term, county)
    other = second_head(database, county)
    with pytest.raises(Refused, match="Another person"):
        agree(database, term, county.users[Role.COUNTY_HEAD], made, OVER + timedelta(days=9))
    agree(database, term, other, made)
    with pytest.raises(Refused, match="already decided"):
        agree(database, term, other, made)


def test_the_agency_above_can_agree_and_nobody_beside_it(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    made = propose(database, term, county)
    with database.transaction(SYSTEM, "test") as session:
        city = Agency(name="遵义市社区矫正局", level=AgencyLevel.CITY, division="520300")
        beside = Agency(name="凤冈县", level=AgencyLevel.COUNTY, division="520327", parent=city)
        session.add_all([city, beside])
        session.get_one(Agency, county.agency).parent = city
        session.flush()
        upper = by(session, county, Role.UPPER_AGENCY)
        upper.agency_id = beside.id
        above, place = upper.id, city.id
    with pytest.raises(NotFound):
        agree(database, term, above, made)
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(User, above).agency_id = place
    agree(database, term, above, made)
    with database.reading() as session:
        assert session.get_one(Case, county.case).person.erased


def test_a_county_of_one_agrees_alone_after_the_wait_with_the_reason(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        by(session, county, Role.UPPER_AGENCY).active = False
    made, head = propose(database, term, county), county.users[Role.COUNTY_HEAD]
    with pytest.raises(Refused, match="without a second"):
        agree(database, term, head, made)
    later = OVER + timedelta(days=3)
    with pytest.raises(Invalid, match="nobody else"):
        agree(database, term, head, made, later)
    with database.transaction(SYSTEM, "test") as session:
        user = session.get_one(User, head)
        destructions.agree(session, term, user, made, now=later, because="本县仅一人")
        assert session.get_one(Case, county.case).person.erased


def test_it_can_be_taken_back_or_declined_in_words_and_then_proposed_again(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    other = second_head(database, county)
    made = propose(database, term, county)
    with pytest.raises(Refused, match="waits"):
        propose(database, term, county)
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Refused, match="Only who proposed"):
            destructions.take_back(session, session.get_one(User, other), made, now=OVER)
        destructions.take_back(session, by(session, county), made, now=OVER)
    again = propose(database, term, county)
    with database.transaction(SYSTEM, "test") as session:
        user = session.get_one(User, other)
        with pytest.raises(Invalid, match="reason"):
            destructions.decline(session, user, again, reason=" ", now=OVER)
        destructions.decline(session, user, again, reason="尚在保管期", now=OVER)
        assert not session.get_one(Case, county.case).person.erased


def test_a_proposal_whose_term_was_lengthened_is_still_seen_and_taken_back(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    made = propose(database, term, county)
    for longer in (YEARS + 1, None):
        changed = term.model_copy(update={"file_years": longer})
        assert listed(database, changed, county) == [(ended, [Hold.NOT_OVER])]
    with database.transaction(SYSTEM, "test") as session:
        destructions.take_back(session, by(session, county), made, now=OVER)
    assert listed(database, changed, county) == []


def test_what_is_proposed_stands_first_and_can_be_agreed_to_however_long_the_list(
    database: Database,
    term: Settings,
    county: County,
    ended: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deletions, "MOST", 1)
    with database.transaction(SYSTEM, "test") as session:
        over = {"state": CaseState.RELEASED, "state_since": NOW + timedelta(hours=1)}
        office, head = session.get_one(Office, county.office), by(session, county)
        for number in (2, 3):
            newer = make_case(session, office, number, **over)
        session.flush()
        destructions.propose(session, term, head, newer.id, number="销 1", now=OVER)
        proposed = newer.id
    assert listed(database, term, county) == [(proposed, []), (ended, [])]


def test_a_destroyed_file_has_no_key_no_name_and_is_found_by_nothing(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    destroy(database, term, county)
    with database.reading() as session:
        case = session.get_one(Case, county.case)
        person, head = case.person, by(session, county)
        assert (person.wrapped_key, person.name, person.born_on) == (None, "", None)
        for text in ("测试1", resident_id(1), VALID_ID):
            assert persons.find(session, head, text) == []
        assert [it.id for it in persons.find(session, head, case.number)] == [county.case]
        with pytest.raises(Refused, match="erased"):
            person.data_key(ring_of(session))
        assert person.sex is not None
        assert listed(database, term, county) == []


def test_the_same_document_can_be_enrolled_afresh_afterwards(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    destroy(database, term, county)
    with database.transaction(SYSTEM, "test") as session:
        office = session.get_one(Office, county.office)
        new = make_case(session, office, 1001)  # its document is that of 1
        session.flush()
        assert new.person_id != session.get_one(Case, county.case).person_id


def test_what_bracelets_left_goes_at_once_by_its_own_rule(
    database: Database, term: Settings, tracked: Tracked, county: County
) -> None:
    follow(database, term, tracked)
    end(database, tracked.case)
    destroy(database, term, county)
    with database.reading() as session:
        for of in (Fix, PackedDay):
            assert session.scalar(select(func.count()).select_from(of)) == 0
        receipts = deletions.receipts(session, by(session, county))
        assert {it.detail["rule"]["name"] for it, _ in receipts} == {"telemetry", "file"}


def test_pipl_47_the_receipt_says_list_people_and_rule_and_no_value_and_the_log_still_proves(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    kept = Sealer()
    seal(database, kept)
    destroy(database, term, county)
    seal(database, kept)
    assert report(database).ok
    with database.reading() as session:
        ((record, case),) = deletions.receipts(session, by(session, county))
        said = record.detail
        person_id: UUID = case.person_id
        head, other = said["by"]
        assert (case.id, said["list"], said["cases"]) == (ended, "销 2031-4", [ended])
        assert head == county.users[Role.COUNTY_HEAD] != other
        assert (said["rule"]["years"], said["rule"]["mark"]) == (YEARS, "R")
        assert said["kinds"]["person"] == vars(deletions.gone([person_id]))
        assert said["kinds"]["team_member"]["rows"] == 1
        assert "测试" not in str(said)


def test_killed_before_the_commit_nothing_went_and_agreeing_again_does_all(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    other, made = second_head(database, county), propose(database, term, county)

    def killed() -> None:
        with database.transaction(SYSTEM, "test") as session:
            user = session.get_one(User, other)
            destructions.agree(session, term, user, made, now=OVER)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    with database.reading() as session:
        assert session.get_one(Case, county.case).person.name == "测试1"
    agree(database, term, other, made)
    with database.reading() as session:
        assert session.get_one(Case, county.case).person.erased


def test_after_a_restore_whom_the_receipts_name_is_erased_again_and_once(
    database: Database, term: Settings, county: County, ended: int
) -> None:
    line = {"case": "T000001", "name": "file", "basis": "PIPL 47", "mark": "R", "record": "7"}
    receipt = line | {"years": "5", "list": "销 2031-4"}
    for erased in (True, False):
        with database.transaction(SYSTEM, "test") as session:
            assert destructions.again(session, term, receipt, OVER) is erased
    with database.reading() as session:
        assert session.get_one(Case, ended).person.erased
        ((record, _),) = deletions.receipts(session, by(session, county))
        assert (record.detail["list"], record.detail["again"]) == ("销 2031-4", "7")


def test_nobody_with_an_open_case_is_erased_by_a_receipt(
    database: Database, term: Settings, county: County
) -> None:
    receipt = dict.fromkeys(destructions.NAMED, "1") | {"case": "T000001"}
    with database.transaction(SYSTEM, "test") as session:
        with pytest.raises(Refused, match="open case"):
            destructions.again(session, term, receipt, OVER)
        with pytest.raises(NotFound, match="T9"):
            destructions.again(session, term, receipt | {"case": "T9"}, OVER)
