"""What came of a command: an answer of its own bracelet through its own gateway, once; or none."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.hardware import errands, gateways
from correction_service.hardware.errands import Wish
from devices.messages import CommandKind, CommandResult, ResultState
from models.agency import Office
from models.command import CommandState, DeviceCommand
from models.device import Gateway
from models.outbox import Outbox
from tests.county import NOW, County, make_case
from tests.tracked import DEVICE, GATEWAY, Tracked, heard, take, track

QUARTER = timedelta(minutes=15)
LATER = NOW + timedelta(seconds=9)
OTHER = "B0002"


@pytest.fixture
def command(database: Database, tracked: Tracked) -> str:
    """The id of a command that the broker has."""
    with database.transaction(SYSTEM, "test") as session:
        asked = errands.ask(session, DEVICE, Wish(CommandKind.LOCATE), now=NOW, lasts=QUARTER)
        errands.handed_over(session, asked.id, NOW)
    return asked.id


def says(
    database: Database,
    *answers: tuple[str, str, ResultState],
    gateway: str = GATEWAY,
    received: datetime = LATER,
) -> None:
    """A gateway's answers, as (device, id, state), each by a clock that is two seconds off."""
    told = [
        (device, CommandResult(id=of, state=state, time=received - timedelta(seconds=2)), received)
        for device, of, state in answers
    ]
    with database.transaction(SYSTEM, "test") as session:
        errands.heard(session, gateway, told)


def row(database: Database, command: str) -> DeviceCommand:
    with database.reading() as session:
        kept = session.get_one(DeviceCommand, command)
        session.expunge(kept)
        return kept


def told_pages(database: Database) -> Sequence[dict[str, object]]:
    with database.reading() as session:
        query = select(Outbox.payload).where(Outbox.created_at > NOW)
        return session.scalars(query).all()


@pytest.mark.parametrize("state", list(ResultState))
def test_an_answer_is_kept_with_both_clocks_and_told_to_the_pages(
    database: Database, tracked: Tracked, command: str, state: ResultState
) -> None:
    says(database, (DEVICE, command, state))
    kept = row(database, command)
    assert kept.state == CommandState(state.value)
    assert (kept.answered_at, kept.heard_at) == (LATER - timedelta(seconds=2), LATER)
    assert told_pages(database) == [{"kind": "command", "id": tracked.case}]


def test_the_first_answer_stays(database: Database, tracked: Tracked, command: str) -> None:
    done, refused = ResultState.DONE, ResultState.REFUSED
    says(database, (DEVICE, command, done), (DEVICE, command, refused))
    says(database, (DEVICE, command, refused), received=LATER + QUARTER)
    kept = row(database, command)
    assert (kept.state, kept.heard_at) == (CommandState.DONE, LATER)
    assert len(told_pages(database)) == 1


def test_nobody_answers_for_another(
    database: Database, county: County, tracked: Tracked, command: str
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        speaker = session.get_one(Gateway, tracked.gateway)
        case = make_case(session, session.get_one(Office, county.office), 2)
        track(session, case, county, OTHER, speaker)
        session.add(Gateway(name="gw-2", agency_id=county.agency, secret_hash="!"))
    done = ResultState.DONE
    says(database, (OTHER, command, done), (DEVICE, "made-up", done), ("B9", command, done))
    says(database, (DEVICE, command, done), gateway="gw-2")
    says(database)
    with database.transaction(SYSTEM, "test") as session:
        gateways.close(session, GATEWAY)
    says(database, (DEVICE, command, done))
    assert row(database, command).state is CommandState.SENT
    assert told_pages(database) == []


def test_an_answer_may_be_faster_than_our_own_note(database: Database, tracked: Tracked) -> None:
    with database.transaction(SYSTEM, "test") as session:
        asked = errands.ask(session, DEVICE, Wish(CommandKind.VIBRATE), now=NOW, lasts=QUARTER)
    says(database, (DEVICE, asked.id, ResultState.DONE))
    with database.transaction(SYSTEM, "test") as session:
        errands.handed_over(session, asked.id, NOW)
    assert row(database, asked.id).state is CommandState.DONE


def test_what_is_not_answered_in_time_expires_and_a_late_answer_knows_better(
    database: Database, tracked: Tracked, command: str
) -> None:
    over = NOW + QUARTER + errands.GRACE
    with database.transaction(SYSTEM, "test") as session:
        errands.ask(session, DEVICE, Wish(CommandKind.VIBRATE), now=NOW, lasts=QUARTER)
        assert errands.expire(session, over) == 0
        assert errands.expire(session, over + timedelta(seconds=1)) == 1
        assert errands.expire(session, over + timedelta(seconds=2)) == 0
    assert row(database, command).state is CommandState.EXPIRED
    assert len(told_pages(database)) == 1
    says(database, (DEVICE, command, ResultState.DONE), received=over + QUARTER)
    assert row(database, command).state is CommandState.DONE


def test_an_answer_that_ingest_hears_is_kept(
    database: Database, tracked: Tracked, command: str
) -> None:
    said = {"id": command, "state": "done", "time": LATER.isoformat()}
    take(database, heard(said, kind="command/result", received=LATER), now=LATER)
    assert row(database, command).state is CommandState.DONE
