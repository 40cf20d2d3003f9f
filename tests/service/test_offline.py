"""A list for a room without network: sealed, signed, merged once, and refused when changed."""

import base64
import hashlib
import hmac
import io
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import sweep
from correction_service.db import Database
from correction_service.learning import activities, attendances, offline
from correction_service.settings import Settings
from models.activity import Attendance, AttendanceState, AttendanceWay
from models.errors import Invalid, NotFound
from models.points import DraftState, PointsDraft
from models.user import Role
from tests.county import NOW, County, add_draft
from tests.pages import SignedInClient
from tests.service.test_learning import AFTER, LESSON, invited, officer

PASSPHRASE = "correct horse battery"


def packed(session: Session, county: County, attendance: Attendance) -> dict[str, Any]:
    """What the room reads once it has typed the passphrase."""
    user = officer(session, county)
    _, plain = offline.pack(session, user, attendance.activity_id, PASSPHRASE, NOW)
    inside: dict[str, Any] = json.loads(plain)
    return inside


def signed(inside: dict[str, Any], *seats: tuple[int, bool, int]) -> bytes:
    """The file that the page saves, made as the page makes it."""
    told = [{"seat": seat, "came": came, "minutes": minutes} for seat, came, minutes in seats]
    body = json.dumps({"kind": inside["kind"], "serial": inside["serial"], "seats": told})
    mac = hmac.new(base64.b64decode(inside["key"]), body.encode(), hashlib.sha256).hexdigest()
    return json.dumps({"body": body, "mac": mac}).encode()


def load(session: Session, county: County, attendance: Attendance, data: bytes) -> offline.Merged:
    return offline.load(session, officer(session, county), attendance.activity_id, data, AFTER)


def test_a_lost_stick_tells_nothing_without_the_passphrase(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        inside = packed(session, county, invited(session, county))
    sealed = offline.seal(json.dumps(inside).encode(), PASSPHRASE)
    shown = json.dumps(sealed.__dict__)
    assert "T000001" in json.dumps(inside)
    assert "测试1" not in json.dumps(inside, ensure_ascii=False)
    assert "T000001" not in shown
    salt, nonce, data = (base64.b64decode(it) for it in (sealed.salt, sealed.nonce, sealed.data))
    key = hashlib.pbkdf2_hmac("sha256", PASSPHRASE.encode(), salt, sealed.rounds)
    assert json.loads(AESGCM(key).decrypt(nonce, data, None)) == inside
    with pytest.raises(InvalidTag):
        AESGCM(hashlib.sha256(b"guess").digest()).decrypt(nonce, data, None)


def test_a_short_passphrase_is_refused(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance, user = invited(session, county), officer(session, county)
        with pytest.raises(Invalid, match="at least") as refused:
            offline.pack(session, user, attendance.activity_id, "short", NOW)
        assert refused.value.field == "passphrase"


def test_what_the_room_says_is_taken_over_once(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        data = signed(packed(session, county, attendance), (attendance.id, True, 100))
        first, second = (load(session, county, attendance, data) for _ in range(2))
        assert (first.taken, first.known, first.conflicts) == (1, 0, [])
        assert (second.taken, second.known, second.conflicts) == (0, 1, [])
        assert (attendance.way, attendance.minutes) == (AttendanceWay.OFFLINE, 100)


def test_who_did_not_come_is_left_to_the_closing_of_the_list(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        data = signed(packed(session, county, attendance), (attendance.id, False, 120))
        assert load(session, county, attendance, data).known == 1
        assert attendance.state is AttendanceState.INVITED


def test_a_list_that_comes_back_after_the_closing_counts_for_who_was_there(
    database: Database, county: County, settings: Settings
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        inside = packed(session, county, attendance)
        attendances.close(session, officer(session, county), attendance.activity_id, AFTER)
        before = attendance.state
        fact = f"attendance:{attendance.id}"
        draft = add_draft(session, county.case, "education_missed", fact).id
        data = signed(inside, (attendance.id, True, 100))
        first, second = (load(session, county, attendance, data) for _ in range(2))
        assert (first.taken, first.conflicts, second.known) == (1, [], 1)
        assert (before, attendance.state) == (AttendanceState.MISSED, AttendanceState.ATTENDED)
        assert (attendance.way, attendance.minutes) == (AttendanceWay.OFFLINE, 100)
    sweep.run(database, AFTER.date(), AFTER, settings)
    with database.reading() as session:
        assert session.get_one(PointsDraft, draft).state is not DraftState.DRAFT


def test_another_word_is_shown_and_changes_nothing(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance, user = invited(session, county), officer(session, county)
        inside = packed(session, county, attendance)
        attendances.attend(session, user, attendance.id, minutes=60, note="迟到", now=AFTER)
        for came, minutes in ((True, 120), (False, 120)):
            merged = load(
                session, county, attendance, signed(inside, (attendance.id, came, minutes))
            )
            assert merged.conflicts == [attendance]
            assert (attendance.way, attendance.minutes) == (AttendanceWay.OFFICER, 60)


def test_a_changed_file_is_refused_whole(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        data = signed(packed(session, county, attendance), (attendance.id, True, 100))
        for changed in (data.replace(b"100", b"120"), data[:-9], b"{}", b"\xff", b"[1]"):
            with pytest.raises(Invalid, match="changed after it was signed"):
                load(session, county, attendance, changed)
        assert attendance.state is AttendanceState.INVITED


def test_a_list_is_loaded_where_it_belongs(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance, other = invited(session, county), invited(session, county)
        data = signed(packed(session, county, attendance), (attendance.id, True, 100))
        with pytest.raises(Invalid, match="another activity"):
            load(session, county, other, data)
        foreign = signed(packed(session, county, attendance), (other.id, True, 100))
        with pytest.raises(NotFound):
            load(session, county, attendance, foreign)


def test_the_console_gives_a_file_and_takes_it_back(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance = invited(session, county)
        inside = packed(session, county, attendance)
        number, seat = attendance.activity_id, attendance.id
        session.flush()
        assert (
            activities.activity_for(session, officer(session, county), number).title == LESSON.title
        )
    client = client_of(Role.OFFICER)
    path = f"/learning/{number}"
    made = client.post(f"{path}/offline", data={"passphrase": PASSPHRASE})
    assert made.headers["Content-Disposition"].startswith("attachment")
    assert PASSPHRASE not in made.text
    assert "T000001" not in made.text
    told = client.post(f"{path}/offline", data={"passphrase": "x"}, follow_redirects=True).text
    assert "at least 12 characters" in told
    data = signed(inside, (seat, True, 100))

    def sent(content: bytes) -> str:
        form = {"file": (io.BytesIO(content), "list.json")}
        return client.post(f"{path}/load", data=form, follow_redirects=True).text

    assert "1 taken over, 0 known already." in sent(data)
    assert "0 taken over, 1 known already." in sent(data)
    assert "decide by hand" in sent(signed(inside, (seat, True, 90)))
    assert "Nothing was loaded." in sent(data[:-3])


def test_a_closed_activity_takes_a_list_back_or_gives_it_up(
    client_of: SignedInClient, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        attendance, bare = invited(session, county), invited(session, county)
        inside = packed(session, county, attendance)
        for it in (attendance, bare):
            attendances.close(session, officer(session, county), it.activity_id, AFTER)
        path, without = (f"/learning/{it.activity_id}" for it in (attendance, bare))
    client, lost = client_of(Role.OFFICER), f"/learning/offline/{inside['serial']}/lost"
    assert "Load it" not in client.get(without).text
    page = client.get(path).text
    assert "still out" in page
    assert f"{path}/load" in page

    def given_up(why: str) -> str:
        form = {"note": why, "next": path}
        return client.post(lost, data=form, follow_redirects=True).text

    assert "Give a reason of at most 400 letters." in given_up("")
    told = given_up("U盘遗失")
    assert "Given up: nothing waits for it." in told
    assert "U盘遗失" in told
    assert lost not in told
    assert f"{path}/load" in told  # found after all, it still counts
