"""Release, what the procurator reads, and the evidence that outlives the service."""

import subprocess
import sys
import zipfile
from pathlib import Path

from playwright.sync_api import expect
from sqlalchemy import select

from correction_service.audit import SYSTEM
from models.case import Case
from models.incident import Incident, IncidentKind
from models.user import Role
from tests.e2e.stations.penalty import printed
from tests.e2e.stations.seats import Seats, pictured, today
from tests.processes import environment


def look_as_procurator(seats: Seats) -> None:
    """The order, the search and the measure are there to read, and nothing to press."""
    for path, said in (
        ("/cases/{case}/orders", "逾期未归一日"),
        ("/searches/1", "（汇）协查〔2026〕3号"),
        ("/measures/1", "（汇）矫训〔2026〕5号"),
    ):
        page = seats.desk(Role.PROCURATOR, path)
        shown = page.get_by_role("main")
        expect(shown).to_contain_text(said)
        expect(shown.get_by_role("button")).to_have_count(0)
    pictured(page, "procurator")


def release(seats: Seats) -> None:
    """On the last day of the term, asked about once more; then the certificate."""
    with seats.database.transaction(SYSTEM, "test") as session:
        session.get_one(Case, seats.case).term_end = today()
    page = seats.desk(Role.OFFICER, "/cases/{case}/file")
    page.get_by_text("Change the state", exact=True).first.click()
    page.get_by_label("New state").select_option("released")
    page.get_by_label("Why, and on which paper").fill("矫正期满")
    page.get_by_role("button", name="Change the state").click()
    expect(page.get_by_text("Tick that positioning and the face data end")).to_be_visible()
    page.get_by_text("Change the state", exact=True).first.click()
    page.get_by_label("New state").select_option("released")
    page.get_by_label("Why, and on which paper").fill("矫正期满")
    page.get_by_label("For release or termination").check()
    page.get_by_role("button", name="Change the state").click()
    expect(page.get_by_text("The state is changed.")).to_be_visible()
    expect(page.get_by_text("in force", exact=True)).to_have_count(0)
    pictured(page, "released")
    printed(seats, "解除社区矫正证明书")


def prove(seats: Seats, folder: Path) -> None:
    """The pack about the strap verifies by the command and by itself; a changed byte is named."""
    pack, script = folder / "evidence.zip", folder / "verify.py"
    with seats.database.reading() as session:
        strap = Incident.kind == IncidentKind.STRAP_OPENED
        number = session.scalars(select(Incident.id).where(strap)).one()
    told = service(seats, "export", "--incident", str(number), "--out", str(pack))
    key = told.stdout.split()[-1]
    assert service(seats, "verify", str(pack), "--key", key).stdout == "as it was made\n"
    with zipfile.ZipFile(pack) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    assert any(name.startswith("days/") for name in files)
    script.write_bytes(files["verify.py"])
    alone = [sys.executable, "-I", "-S", str(script), str(pack), "--key", key]
    assert subprocess.run(alone, check=True, capture_output=True).stdout == b"as it was made\n"
    files["fixes.csv"] = files["fixes.csv"].replace(b"106.92", b"106.93", 1)
    with zipfile.ZipFile(pack, "w") as written:
        for name, data in files.items():
            written.writestr(name, data)
    refused = service(seats, "verify", str(pack), "--key", key)
    assert refused.returncode == 1
    assert refused.stderr.startswith("fixes.csv")


def service(seats: Seats, *words: str) -> subprocess.CompletedProcess[str]:
    """`correction-service evidence WORDS`, as a process of its own."""
    command = [sys.executable, "-m", "correction_service", "evidence", *words]
    given = environment(seats.settings)
    return subprocess.run(command, check=False, capture_output=True, text=True, env=given)
