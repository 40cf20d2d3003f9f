"""A whole installation, from the very files that operators use, on programs of the system."""

import shutil
import subprocess
from pathlib import Path

import pytest

SMOKE = Path(__file__).parents[2] / "deploy" / "smoke.sh"
POSTGRES = Path("/usr/lib/postgresql")
PROGRAMS = ("mosquitto", "mosquitto_sub", "nginx", "openssl", "curl", "envsubst", "psql")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.mark.system
@pytest.mark.timeout(600)
def test_one_check_in_and_one_fix_go_through_an_installation() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    missing += [] if POSTGRES.is_dir() else ["postgresql"]
    if missing:
        pytest.skip(
            f"SMOKE TEST NOT RUN: {', '.join(missing)} not installed; "
            "apt install mosquitto mosquitto-clients postgresql nginx openssl curl gettext-base"
        )
    done = subprocess.run([SMOKE], capture_output=True, text=True, check=False, timeout=570)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-8000:]
    assert done.stdout.splitlines()[-1] == "smoke: passed"
