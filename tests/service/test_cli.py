"""The command line as an administrator meets it: one line for a mistake, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.keys import KeyRing


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing of ours in the environment but what is given."""
    clean = {name: value for name, value in os.environ.items() if "CORRECTION_" not in name}
    return subprocess.run(
        [sys.executable, "-m", "correction_service", *words],
        capture_output=True,
        text=True,
        env={**clean, **environment},
        check=False,
        timeout=60,
    )


def test_production_refuses_to_start_without_keys(tmp_path: Path) -> None:
    ended = run("user", "list", CORRECTION_DATABASE_URL=f"sqlite:///{tmp_path}/x.db")
    assert ended.returncode == 2
    assert "CORRECTION_KEY_RING" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    ended = run("db", "current", CORRECTION_FACE_WORKERS="many")
    assert ended.returncode == 2
    assert "CORRECTION_FACE_WORKERS" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_short_cookie_key_is_refused_and_not_shown() -> None:
    ended = run("db", "current", CORRECTION_SECRET_KEY="guess-me")
    assert ended.returncode == 2
    assert "CORRECTION_SECRET_KEY" in ended.stderr
    assert "32 characters" in ended.stderr
    assert "guess-me" not in ended.stderr


@pytest.mark.parametrize(("url", "secret"), [("SMS_URL", "TOKEN"), ("WEBHOOK_URL", "SECRET")])
def test_a_carrier_without_its_secret_stops_schedule_and_nothing_else(
    tmp_path: Path, url: str, secret: str
) -> None:
    given = {
        "CORRECTION_MODE": "demo",
        "CORRECTION_DATA_DIR": str(tmp_path),
        "CORRECTION_DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        f"CORRECTION_{url}": "https://carrier.example/",
    }
    assert run("db", "upgrade", **given).returncode == 0
    ended = run("schedule", **given)
    assert ended.returncode == 2
    assert f"CORRECTION_{url.partition('_')[0]}_{secret} is not set" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_secrets_come_from_files_and_accounts_are_made(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "correction_key_ring").write_text(KeyRing.generate().dumps())
    given = {
        "CORRECTION_DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "CORRECTION_SECRETS_DIR": str(secrets),
    }
    assert run("db", "upgrade", **given).returncode == 0
    words = ("user", "add", "li", "--name", "李某", "--role", "officer", "--agency", "中心")
    refused = run(*words, **given)
    assert refused.returncode == 2
    assert "--division" in refused.stderr
    added = run(*words, "--division", "520303", "--office", "甲司法所", **given)
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("li ")
    assert run("user", "list", **given).stdout.split("\t")[:3] == ["li", "officer", "甲司法所\n"]
    assert run("keys", "rewrap", **given).stdout.startswith("0 data keys")


def test_a_key_ring_turns_and_opens_the_old(tmp_path: Path) -> None:
    ring = KeyRing.generate()
    turned = run("keys", "turn", "k2", CORRECTION_KEY_RING=ring.dumps())
    fresh = KeyRing.loads(turned.stdout)
    assert fresh.current == "k2"
    assert fresh.keys["k1"] == ring.keys["k1"]


def test_receipts_of_another_kind_are_refused_and_an_empty_list_erases_nobody(
    tmp_path: Path,
) -> None:
    given = {
        "CORRECTION_MODE": "demo",
        "CORRECTION_DATA_DIR": str(tmp_path),
        "CORRECTION_DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
    }
    assert run("db", "upgrade", **given).returncode == 0
    receipts = tmp_path / "deletions.csv"
    receipts.write_text("a,b\n")
    ended = run("person", "erase-again", str(receipts), **given)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    receipts.write_text("case,name,basis,mark,record,years,list\nT1,file,PIPL 47,R,7,5,4\n")
    ended = run("person", "erase-again", str(receipts), **given)
    assert "T1: There is no case T1." in ended.stderr
    assert ended.stdout == "1 in the receipts, 0 erased again\n"
