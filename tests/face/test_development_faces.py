"""Error rates on faces kept outside the repository; absent from most checkouts."""

import csv
import os
from itertools import islice
from pathlib import Path

import pytest

from correction_service.face.evaluate import pairs
from correction_service.face.gallery import read
from correction_service.face.recogniser import Recogniser
from correction_service.face.verdict import Outcome

FACES = os.environ.get("FACES")


def present(name: str) -> Path:
    folder = Path(FACES or "") / name
    if FACES is None or not folder.is_dir():
        pytest.skip(f"ERROR RATES NOT MEASURED: set FACES to a folder that holds {name}/")
    return folder


def test_labelled_pairs_are_told_apart(recogniser: Recogniser) -> None:
    folder = present("labelled")
    with (folder / "pairs.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Decision"] in {"Yes", "No"}]
    asked = [row for row in rows if row["Decision"] == "Yes"][:6]
    asked += list(islice((row for row in rows if row["Decision"] == "No"), 0, None, 44))
    for row in asked:
        one, two = ((folder / row[key]).read_bytes() for key in ("file_x", "file_y"))
        expected = Outcome.MATCH if row["Decision"] == "Yes" else Outcome.NO_MATCH
        assert recogniser.compare(one, two).outcome is expected, row


def test_small_grey_faces_err_no_more_than_measured(recogniser: Recogniser, tmp_path: Path) -> None:
    folder = present("att")
    for person in sorted(folder.iterdir())[:6]:
        (tmp_path / person.name).mkdir()
        for photo in sorted(person.glob("*.png"))[:4]:
            (tmp_path / person.name / photo.name).write_bytes(photo.read_bytes())
    found = pairs(read(tmp_path, recogniser), recogniser.thresholds.pair.match)
    assert found["failed_to_enrol"] == 0
    assert float(str(found["eer"])) < 0.03
    assert found["fmr_at_threshold"] == 0
