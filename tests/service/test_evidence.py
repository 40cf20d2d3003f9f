"""A pack of evidence verifies without us, and a changed byte is found wherever it is."""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from correction_service import hours, sealer
from correction_service.audit import SYSTEM
from correction_service.cli import cli
from correction_service.db import Database
from correction_service.proof import heads, packs, signing, verifier
from correction_service.proof.packs import AROUND
from correction_service.settings import Settings
from correction_service.storage import packing
from models.audit import AuditRecord, merkle_root
from models.audit_proof import Tree
from models.case import Case
from models.errors import Invalid, NotFound, Refused
from models.fix import DeviceEvent
from models.grid import micros
from models.incident import IncidentKind
from models.packing import NAMES, NULL, pack
from tests.county import NOW, County
from tests.history import store, wandering
from tests.service.slipping import add_incident
from tests.tracked import Tracked, tracked

__all__ = ["tracked"]
KEY = Ed25519PrivateKey.generate()
PUBLIC = bytes.fromhex(signing.public(KEY))
DAY_BEFORE = NOW - timedelta(days=3)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40), st.data())
def test_every_leaf_is_proved_to_be_in_the_tree_and_no_other(
    leaves: Sequence[bytes], data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(leaves) - 1))
    path, root = Tree(leaves).inclusion(position), merkle_root(leaves)
    assert verifier.root_from(leaves[position], position, len(leaves), path) == root
    other = hashlib.sha256(leaves[position]).digest()
    assert verifier.root_from(other, position, len(leaves), path) != root
    assert verifier.root_from(leaves[position], len(leaves), len(leaves), path) is None


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40), st.data())
def test_a_log_is_proved_to_have_grown_from_what_it_was_and_from_nothing_else(
    leaves: Sequence[bytes], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(leaves)))
    old, new = (size, merkle_root(leaves[:size])), (len(leaves), merkle_root(leaves))
    path = Tree(leaves).consistency(size)
    assert verifier.grew(old, new, path)
    assert not verifier.grew((size, hashlib.sha256(old[1]).digest()), new, path)


@given(st.binary(max_size=200))
def test_sm3_and_signatures_are_those_of_the_standards(message: bytes) -> None:
    sm3 = hashes.Hash(hashes.SM3())
    sm3.update(message)
    assert verifier.sm3(message) == sm3.finalize()
    signature = KEY.sign(message)
    assert verifier.signed(PUBLIC, message, signature)
    assert not verifier.signed(PUBLIC, message + b".", signature)
    assert not verifier.signed(PUBLIC, message, signature[:-1] + bytes([signature[-1] ^ 1]))


def test_sm3_gives_the_digest_of_the_standards_example() -> None:
    assert verifier.sm3(b"abc").hex().startswith("66c7f0f462eeedd9d1f2d46bdc10e4e2")


def test_a_packed_day_is_read_without_our_code_as_it_was_packed() -> None:
    dice = np.random.default_rng(1)
    count = 300
    columns = {name: dice.integers(0, 2, count) for name in NAMES}
    columns["time"] = micros(NOW) + np.cumsum(dice.integers(1, 90_000_000, count))
    columns["received"] = columns["time"] + dice.integers(-5, 10**9, count)
    columns["lat"] = dice.integers(277_000_000, 277_900_000, count)
    columns["accuracy_m"] = np.where(dice.random(count) < 0.3, NULL, dice.integers(1, 999, count))
    columns["source"] = dice.integers(0, 3, count)
    found = verifier.unpacked(pack(columns))
    for name in ("time", "seq", "received", "lat", "lon", "accuracy_m", "source"):
        assert [it[name] for it in found] == columns[name].tolist(), name


@pytest.fixture
def exported(database: Database, tracked: Tracked, settings: Settings, tmp_path: Path) -> Path:
    """A pack about an opened strap three days ago, after its day was packed and sealed."""
    device = tracked.device
    store(database, wandering(device, DAY_BEFORE - timedelta(minutes=90), 180))
    with database.transaction(SYSTEM, "test") as session:
        session.add(
            DeviceEvent(
                device_id=device,
                time=DAY_BEFORE,
                seq=1,
                received=DAY_BEFORE + timedelta(seconds=2),
                event="strap_open",
                raw=b'{"seq":1,"event":"strap_open"}',
            )
        )
    packing.run(database, settings, NOW)
    incident = add_incident(database, tracked.case, IncidentKind.STRAP_OPENED, 3, device_id=device)
    with database.transaction(SYSTEM, "test") as session:
        sealer.seal(session, NOW)
    path = tmp_path / "pack.zip"
    with database.transaction(SYSTEM, "test") as session:
        packs.export(session, incident, KEY, NOW, path)
    return path


def faults(path: Path, key: bytes | None = PUBLIC) -> list[str]:
    with zipfile.ZipFile(path) as opened:
        return list(verifier.check(opened, key))


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def rewrite(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return path


def test_a_pack_verifies_and_holds_fixes_days_events_clocks_and_rules(exported: Path) -> None:
    assert faults(exported) == []
    files = contents(exported)
    lines = files["fixes.csv"].decode().splitlines()
    assert 110 <= len(lines) <= 122  # an hour before and after, a fix a minute
    assert lines[1].endswith("/1")  # decoded from the first edition of its packed day
    assert json.loads(files["days.json"])["days"]
    [event] = json.loads(files["events.json"])
    assert bytes.fromhex(event["raw_hex"]) == b'{"seq":1,"event":"strap_open"}'
    assert json.loads(files["clocks.json"])["fixes"] == len(lines) - 1
    assert json.loads(files["rules.json"])["engine"]
    assert len(json.loads(files["records.json"])) >= 2
    assert "测试" not in b"".join(files.values()).decode("utf-8", "replace")  # no name


def test_nothing_past_the_end_of_a_term_is_in_a_pack_and_it_verifies(
    database: Database, tracked: Tracked, settings: Settings, tmp_path: Path
) -> None:
    last = DAY_BEFORE.date()
    end = hours.day_end(last)  # in the middle of a packed day
    store(database, wandering(tracked.device, end - timedelta(hours=1), 120))
    packing.run(database, settings, NOW)
    kind, device, path = IncidentKind.STRAP_OPENED, tracked.device, tmp_path / "pack.zip"
    at, later = (NOW - end) / timedelta(days=1), (NOW - end - 2 * AROUND) / timedelta(days=1)
    found = [add_incident(database, tracked.case, kind, it, device_id=device) for it in (at, later)]
    with database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, tracked.case).term_end = last
        sealer.seal(session, NOW)
    for incident, fixes in zip(found, (range(50, 61), range(1)), strict=True):
        with database.transaction(SYSTEM, "test") as session:
            packs.export(session, incident, KEY, NOW, path)
        assert faults(path) == []
        files = contents(path)
        lines = [line.split(",") for line in files["fixes.csv"].decode().splitlines()[1:]]
        assert len(lines) in fixes
        assert all(line[1] < end.isoformat() and line[-1] == "no" for line in lines)
        assert not [name for name in files if name.startswith("days/")]


def test_the_verifier_in_the_pack_needs_nothing_but_python(exported: Path, tmp_path: Path) -> None:
    script = tmp_path / "verify.py"
    script.write_bytes(contents(exported)["verify.py"])
    command = [sys.executable, "-I", "-S", str(script), str(exported), "--key", PUBLIC.hex()]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "as it was made\n")
    again = [*command[:-1], "00" * 32]
    assert subprocess.run(again, check=False, capture_output=True).returncode == 1


def test_a_changed_byte_is_found_in_every_file(exported: Path, tmp_path: Path) -> None:
    files = contents(exported)
    for name, data in files.items():
        for place in (0, len(data) // 2, len(data) - 1):
            changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            other = rewrite(tmp_path / "other.zip", files | {name: changed})
            assert unsound(other), (name, place)


def unsound(path: Path) -> bool:
    try:
        return faults(path) != []
    except (ValueError, KeyError, TypeError):
        return True  # the commands say "cannot be read"


def test_a_file_more_or_less_is_found(exported: Path, tmp_path: Path) -> None:
    files = contents(exported)
    other = rewrite(tmp_path / "other.zip", files | {"more.txt": b"x"})
    assert faults(other) == ["more.txt: not in the manifest and the pack alike"]
    del files["events.json"]
    assert faults(rewrite(other, files))[0].startswith("events.json: not in the manifest")


def test_who_signs_a_changed_pack_anew_is_told_by_the_key(exported: Path, tmp_path: Path) -> None:
    files, forger = contents(exported), Ed25519PrivateKey.generate()
    files["incident.json"] = files["incident.json"].replace(b"strap_opened", b"left_home_area")
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["incident.json"] = {
        "sha256": hashlib.sha256(files["incident.json"]).hexdigest(),
        "sm3": verifier.sm3(files["incident.json"]).hex(),
    }
    files["manifest.json"] = json.dumps(manifest).encode()
    signature = forger.sign(files["manifest.json"]).hex()
    said = {"key": signing.public(forger), "signature": signature}
    files["manifest.sig.json"] = json.dumps(said).encode()
    other = rewrite(tmp_path / "other.zip", files)
    assert faults(other) == ["the manifest is signed by another key"]


def test_an_export_is_in_the_log_and_an_unknown_incident_is_refused(
    database: Database, exported: Path, tmp_path: Path
) -> None:
    with database.reading() as session:
        looks = select(AuditRecord.subject_id).where(AuditRecord.action == "export_evidence")
        assert session.scalars(looks).all() == ["1"]
        with pytest.raises(NotFound):
            packs.export(session, 99, KEY, NOW, tmp_path / "none.zip")


def test_a_witness_gets_a_head_once_and_it_holds_as_the_log_grows(
    database: Database, county: County, tmp_path: Path
) -> None:
    with database.reading() as session, pytest.raises(Refused):
        heads.newest(session, KEY)
    grow(database)
    with database.reading() as session:
        path = heads.export(session, KEY, tmp_path / "witness")
        assert path is not None
        assert heads.export(session, KEY, tmp_path / "witness") is None
    head = json.loads(path.read_text())
    for _ in range(3):
        grow(database)
        with database.reading() as session:
            assert heads.still_holds(session, head)
    with database.reading() as session, pytest.raises(Invalid):
        heads.still_holds(session, head | {"size": head["size"] + 1})


def grow(database: Database) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(AuditRecord(**record()))
    with database.transaction(SYSTEM, "test") as session:
        sealer.seal(session, NOW)


def record() -> dict[str, object]:
    named = {"actor_kind": "system", "actor_id": "test", "action": "look", "via": "test"}
    return named | {"subject_kind": "x", "subject_id": "1", "at": NOW, "detail": {}}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_log_rewritten_as_a_whole_does_not_fit_the_witness(
    database: Database, county: County
) -> None:
    grow(database)
    with database.reading() as session:
        head = heads.newest(session, KEY)
    with database.engine.begin() as connection:
        for name in ("audit_leaf", "audit_root"):
            for verb in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER {name}_refuses_{verb}"))
            connection.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - our own names
        connection.execute(text("DROP TRIGGER audit_record_refuses_update"))
        connection.execute(text("UPDATE audit_record SET action = 'other'"))
    grow(database)
    with database.reading() as session:
        assert not heads.still_holds(session, head)


def test_the_commands_export_verify_and_find_a_change(
    database: Database,
    exported: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = settings.database_url.get_secret_value()
    monkeypatch.setenv("CORRECTION_MODE", "demo")
    monkeypatch.setenv("CORRECTION_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("CORRECTION_DATABASE_URL", url)
    out, run = tmp_path / "out.zip", CliRunner()
    export = ["evidence", "export", "--incident", "1", "--out", str(out)]
    done = run.invoke(cli, export)
    assert done.exit_code == 0, done.output
    key = done.output.split()[-1]
    assert run.invoke(cli, ["evidence", "verify", str(out), "--key", key]).exit_code == 0
    data = bytearray(out.read_bytes())
    data[len(data) // 2] ^= 1
    out.write_bytes(bytes(data))
    assert run.invoke(cli, ["evidence", "verify", str(out)]).exit_code == 1
    head = tmp_path / "head.json"
    head.write_text(run.invoke(cli, ["evidence", "head"]).output)
    assert run.invoke(cli, ["evidence", "check", str(head)]).exit_code == 0
    assert run.invoke(cli, ["evidence", "head", "--into", str(tmp_path)]).exit_code == 0
    assert datetime.fromisoformat(json.loads(head.read_text())["at"]).tzinfo == UTC
