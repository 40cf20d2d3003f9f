"""Live pages: each committed change once, in sealed order, to those who may see it."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from correction_service import sealer
from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.web import live
from correction_service.web.live import Event, Stream, Tailer, TooManyStreams
from models.agency import Agency, AgencyLevel
from models.outbox import Outbox
from models.user import Role, User
from tests.county import NOW, County
from tests.pages import SignedInClient


@pytest.fixture
def tailer(database: Database) -> Iterator[Tailer]:
    made = Tailer(database)
    yield made
    made.stop()


def everything(_event: Event) -> bool:
    return True


def change(database: Database, county: County, number: int, **fields: object) -> None:
    """Commit a change with a given row id, and seal it as the sealer does."""
    row = {"agency_id": county.agency, "office_id": county.office, "topic": "live", **fields}
    with database.transaction(SYSTEM, "test") as session:
        payload = {"kind": "incident", "id": number}
        session.add(Outbox(id=number, payload=payload, created_at=NOW, **row))
    with database.transaction(SYSTEM, "test") as session:
        sealer.number_outbox(session)


def received(stream: Stream, count: int) -> list[object]:
    """Ids of the next events; None stands for one that did not come."""
    events = [stream.next(timeout_s=5) for _ in range(count)]
    return [event and event.payload["id"] for event in events]


def test_rows_committed_out_of_order_are_all_delivered_once(
    database: Database, county: County, tailer: Tailer
) -> None:
    stream = tailer.open(everything)
    change(database, county, 7)
    change(database, county, 3)
    change(database, county, 5)
    assert received(stream, 3) == [7, 3, 5]
    assert stream.next(timeout_s=2 * live.POLL_S) is None


def test_a_stream_opened_later_starts_from_then(
    database: Database, county: County, tailer: Tailer
) -> None:
    change(database, county, 1)
    stream = tailer.open(everything)
    change(database, county, 2)
    assert received(stream, 1) == [2]


def test_a_page_that_comes_back_gets_what_it_missed_once(
    database: Database, county: County, tailer: Tailer
) -> None:
    for number in (1, 2, 3):
        change(database, county, number)
    stream = tailer.open(everything)
    change(database, county, 4)
    text = live.flow(tailer, stream, last_seen=1)
    got = [next(text) for _ in range(4)]
    tailer.stop()
    rest = "".join(text)
    assert [chunk.partition("\n")[0] for chunk in got[1:]] == ["id: 2", "id: 3", "id: 4"]
    assert "event: live" not in rest


def test_a_stream_that_cannot_keep_up_is_cut() -> None:
    stream = Stream(everything)
    for number in range(live.QUEUE + 1):
        stream.offer(Event(number, 1, 1, {}))
    assert stream.over


def test_every_place_is_given_once_and_given_back(tailer: Tailer) -> None:
    streams = [tailer.open(everything) for _ in range(live.MOST_STREAMS)]
    with pytest.raises(TooManyStreams):
        tailer.open(everything)
    tailer.close(streams[0])
    tailer.open(everything)


def test_pages_stay_live_whatever_went_wrong_while_reading(
    database: Database, county: County, tailer: Tailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()
    read_after = live.read_after

    def fail_once(session: Session, position: int) -> list[Event]:
        if failed.is_set():
            return read_after(session, position)
        failed.set()
        msg = "a row that cannot be read"
        raise ValueError(msg)

    monkeypatch.setattr(live, "read_after", fail_once)
    stream = tailer.open(everything)
    assert failed.wait(5)
    change(database, county, 1)
    assert received(stream, 1) == [1]


def test_a_tailer_that_was_stopped_reads_again(
    database: Database, county: County, tailer: Tailer
) -> None:
    tailer.open(everything)
    tailer.stop()
    stream = tailer.open(everything)
    change(database, county, 1)
    assert received(stream, 1) == [1]


def test_a_user_hears_of_their_own_office_only(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        city = Agency(name="市级机构", level=AgencyLevel.CITY, division="520300")
        session.add(city)
        session.flush()
        session.get_one(Agency, county.agency).parent_id = city.id
        upper = session.get_one(User, county.users[Role.UPPER_AGENCY])
        upper.agency_id = city.id
        mine = Event(1, county.agency, county.office, {})
        theirs = Event(2, county.agency, county.other_office, {})
        elsewhere = Event(3, city.id + 1, None, {})
        hears = {
            role: [live.sight(session, session.get_one(User, user))(it) for it in (mine, theirs)]
            for role, user in county.users.items()
        }
        assert not live.sight(session, upper)(elsewhere)
    assert hears[Role.OFFICER] == [True, False]
    assert hears[Role.COUNTY_HEAD] == [True, True]
    assert hears[Role.UPPER_AGENCY] == [True, True]
    assert hears[Role.VOLUNTEER] == [False, False]


def test_the_thirty_third_page_is_told_to_ask_now_and_then(
    app: Flask, client_of: SignedInClient
) -> None:
    tailer: Tailer = app.extensions["live"]
    for _ in range(live.MOST_STREAMS):
        tailer.open(everything)
    answer = client_of(Role.OFFICER).get("/events")
    tailer.stop()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "15")


def test_a_stream_left_before_its_first_word_gives_its_place_back(
    app: Flask, client_of: SignedInClient
) -> None:
    client = client_of(Role.OFFICER)
    for _ in range(live.MOST_STREAMS + 1):
        answer = client.head("/events")
        assert answer.status_code == 200
        answer.close()
    assert answer.mimetype == "text/event-stream"
    app.extensions["live"].stop()
