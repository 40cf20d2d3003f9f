"""How often the face check was found to err: what is written down, and what the page says of it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from correction_service.audit import SYSTEM
from correction_service.commands.faces import face
from correction_service.db import Database
from correction_service.face.rates import wilson
from correction_service.presence import measurements
from correction_service.presence.measurements import Figure
from correction_service.settings import Settings
from models.errors import Invalid
from models.face import Compared, ErrorRate, FaceMeasurement
from models.user import Role
from tests.county import NOW
from tests.faces import FacePhotos, face_photos
from tests.pages import SignedInClient

__all__ = ["face_photos"]

STRANGERS = Figure(
    ErrorRate.FMR, Compared.TEMPLATE, 4, 10920, (0.0, 0.00114), people=40, threshold=0.52
)
ATTACKS = Figure(ErrorRate.APCER, Compared.PRESENTATION, 0, 41, wilson(0, 41).interval, untold=7)


def write_down(database: Database, *figures: Figure, source: str = "set 一", days: int = 0) -> int:
    with database.transaction(SYSTEM, "test") as session:
        made = measurements.record(
            session,
            figures,
            source=source,
            model_version="m/1",
            recorded_by="shell",
            now=NOW + timedelta(days=days),
        )
        return len(made)


def test_the_latest_of_each_rate_and_set_is_shown_and_the_earlier_stay(database: Database) -> None:
    assert write_down(database, STRANGERS, ATTACKS) == 2
    again = Figure(ErrorRate.FMR, Compared.TEMPLATE, 2, 10000, (0.0, 0.001))
    assert write_down(database, again, days=1) == 1
    assert write_down(database, STRANGERS, source="set 二") == 1
    with database.reading() as session:
        found = measurements.latest(session)
        assert [(it.kind.value, it.errors, it.source) for it in found] == [
            ("fmr", 2, "set 一"),
            ("fmr", 4, "set 二"),
            ("apcer", 0, "set 一"),
        ]
        assert found[0].rate == 2e-4
        assert session.query(FaceMeasurement).count() == 4


def test_what_had_no_trial_is_no_rate_and_a_set_has_a_name(database: Database) -> None:
    assert write_down(database, Figure(ErrorRate.FNMR, Compared.PAIR, 0, 0, (0.0, 1.0))) == 0
    for name in ("", "x" * 201):
        with pytest.raises(Invalid) as refusal:
            write_down(database, STRANGERS, source=name)
        assert refusal.value.field == "source"


def test_an_empty_page_says_how_to_measure(client_of: SignedInClient) -> None:
    page = client_of(Role.OFFICE_HEAD).get("/quality/face").text
    assert "Nothing was measured here yet." in page
    assert "correction-service face calibrate DIR --source NAME --record" in page
    assert "a match from 0.52, another person below 0.33" in page


def test_the_page_shows_rates_with_counts_sets_and_what_is_not_known(
    database: Database, client_of: SignedInClient
) -> None:
    write_down(database, STRANGERS, ATTACKS)
    client = client_of(Role.PROCURATOR)
    page = client.get("/quality/face").text
    for said in ("0.037 %", "0 % – 0.11 %", "4 of 10,920", "40 people", "from 0.52", "set 一"):
        assert said in page, said
    for said in ("0 of 41", "0 % – 8.6 %", "not the models of today", "not measured yet"):
        assert said in page, said
    for said in ("cannot tell: 7", "pictures alone, without what a check-in asks"):
        assert page.count(said) == 1, said
    assert 'href="/quality/face"' in client.get("/quality/").text
    assert "10,920 次中 4 次" in client.get("/quality/face?lang=zh").text
    assert client_of(Role.VOLUNTEER).get("/quality/face").status_code == 403


def test_a_command_writes_down_what_it_measured(
    database: Database, settings: Settings, face_photos: FacePhotos, tmp_path: Path
) -> None:
    for person, photos in (("a", face_photos.person[:2]), ("b", [face_photos.stranger])):
        (tmp_path / "set" / person).mkdir(parents=True)
        for i, photo in enumerate(photos):
            (tmp_path / "set" / person / f"{i}.jpg").write_bytes(photo.read_bytes())
    words = ["evaluate", str(tmp_path / "set"), "--json", "--record", "--source", "三张"]
    result = CliRunner().invoke(face, words, obj=settings)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["pairs"] == 3
    with database.reading() as session:
        found = measurements.latest(session)
        assert [(it.kind.value, it.trials, it.source, it.people) for it in found] == [
            ("fmr", 2, "三张", 2),
            ("fnmr", 1, "三张", 2),
        ]
