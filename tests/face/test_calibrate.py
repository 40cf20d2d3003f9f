import json
import re
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from correction_service.commands.faces import face
from correction_service.face import calibrate, groups, weights
from correction_service.face.evaluate import pair_scores
from correction_service.face.gallery import DatasetError, Gallery
from correction_service.face.rates import Resampled, Scores, curve, extrapolated, interval
from correction_service.face.thresholds import (
    MATCH_FMR,
    Basis,
    ThresholdsError,
    in_force,
    packaged,
    read,
)
from correction_service.settings import Settings
from tests.face.galleries import noisy
from tests.faces import FacePhotos

VERSION = weights.model_version(weights.listed())


@pytest.fixture(scope="module")
def many() -> Gallery:
    return noisy(people=50, photos=8, noise=1.6)


@pytest.fixture(scope="module")
def fits(many: Gallery) -> dict[str, calibrate.Fit]:
    return {
        "pair": calibrate.pair(many),
        "template": calibrate.template(many, splits=3),
    }


def made(gallery: Gallery, fits: dict[str, calibrate.Fit]) -> str:
    day = date(2026, 11, 22)
    return calibrate.to_toml(
        calibrate.calibration(gallery, fits, model_version=VERSION, source="名", measured=day)
    )


def test_a_threshold_holds_its_target_on_the_data_and_is_counted_where_it_can_be(
    many: Gallery, fits: dict[str, calibrate.Fit]
) -> None:
    found = fits["pair"].threshold
    assert found is not None
    assert (found.basis, found.people, found.genuine) == (Basis.COUNTED, 50, 50 * 28)
    impostor = pair_scores(many).impostor.values
    assert (impostor >= found.match).mean() <= MATCH_FMR
    assert found.fmr == pytest.approx((impostor >= found.match).mean(), rel=0.01, abs=1e-5)
    assert found.uncertain < found.match
    low, high = found.fnmr_interval
    assert low <= found.fnmr <= high


def test_where_strangers_are_too_few_to_count_their_tail_is_extrapolated(
    fits: dict[str, calibrate.Fit],
) -> None:
    found = fits["template"].threshold
    assert found is not None
    assert found.impostors == 50 * 49 * 5
    assert found.basis is Basis.EXTRAPOLATED


def test_data_that_cannot_support_a_threshold_get_none_and_the_reason() -> None:
    few = calibrate.pair(noisy(people=12, photos=6))
    assert few.threshold is None
    assert few.report["refused"] == "12 people; 20 or more are needed"
    assert few.report["impostor_pairs"] == 66 * 36
    thin = calibrate.pair(noisy(people=20, photos=3))
    assert "1710 impostor comparisons; FMR 0.0005 needs 6000" in str(thin.report["refused"])
    alone = calibrate.pair(noisy(people=1, photos=6))
    assert "photos of two people" in str(alone.report["refused"])
    with pytest.raises(DatasetError, match=r"no thresholds are written\. pair: 12 people"):
        made(noisy(people=12, photos=6), {"pair": few, "template": few})


def test_a_floor_is_kept_and_said(many: Gallery) -> None:
    found = calibrate.pair(many, 1e-3, floor=1.4).threshold
    assert found is not None
    assert (found.match, found.basis) == (1.4, Basis.FLOOR)


def test_what_is_written_is_what_is_in_force(
    many: Gallery, fits: dict[str, calibrate.Fit], tmp_path: Path
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(made(many, fits), encoding="utf-8")
    figures = in_force(file, VERSION)
    assert (figures.pair, figures.template) == (fits["pair"].threshold, fits["template"].threshold)
    assert figures.burst == in_force(None, VERSION).burst
    assert read(file.read_text(encoding="utf-8"), "own").source == "名"


def test_a_calibration_for_other_models_is_refused(
    many: Gallery, fits: dict[str, calibrate.Fit], tmp_path: Path
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(made(many, fits).replace(VERSION, "other/1"), encoding="utf-8")
    with pytest.raises(ThresholdsError, match="is for other/1, the models are"):
        in_force(file, VERSION)
    with pytest.raises(ThresholdsError, match="run `correction-service face calibrate`"):
        in_force(None, "other/1")


@pytest.mark.parametrize(
    ("table", "claimed", "why"),
    [
        ("pair", {"fmr_target": 1e-3}, "pair.fmr_target is 0.001 .* run .*--fmr 0.0005"),
        ("template", {"fmr_target": 0.0}, "template.fmr_target is 0 "),
        ("pair", {"match": 0.41, "people": 19}, "pair.match is 0.41, .* of 19 people"),
        ("template", {"match": 0.41, "impostors": 5999}, "5999 impostor .*or raise match"),
    ],
)
def test_a_calibration_laxer_than_its_photos_allow_is_refused_and_its_figure_named(
    tmp_path: Path, table: str, claimed: dict[str, float], why: str
) -> None:
    file = tmp_path / "own.toml"
    lax = replace(getattr(packaged(), table), **claimed)
    file.write_text(calibrate.to_toml(replace(packaged(), **{table: lax})), encoding="utf-8")
    with pytest.raises(ThresholdsError, match=rf"own\.toml: .*{why}"):
        in_force(file, VERSION)


def test_a_low_match_that_its_own_counts_bear_is_in_force(tmp_path: Path) -> None:
    low = replace(packaged().pair, match=0.40)
    file = tmp_path / "own.toml"
    file.write_text(calibrate.to_toml(replace(packaged(), pair=low)), encoding="utf-8")
    assert in_force(file, VERSION).pair.match == 0.40


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("", "pair is missing"),
        ("match = ", "not a calibration"),
        ("[pair]\nmatch = 1", "basis is missing"),
    ],
)
def test_a_file_that_is_no_calibration_is_named(tmp_path: Path, wrong: str, why: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(wrong)
    with pytest.raises(ThresholdsError, match=rf"own\.toml.*{why}"):
        in_force(file, VERSION)
    with pytest.raises(ThresholdsError, match="cannot be read"):
        in_force(tmp_path / "absent.toml", VERSION)


def test_a_threshold_out_of_order_is_refused() -> None:
    text = calibrate.to_toml(replace(packaged(), pair=replace(packaged().pair, uncertain=0.9)))
    with pytest.raises(ThresholdsError, match="uncertain is at most match"):
        read(text, "own")


def test_the_thresholds_that_come_along_are_conservative_and_say_where_they_are_from() -> None:
    found = packaged()
    assert found.model_version == VERSION
    for it in (found.pair, found.template):
        assert it.match >= 0.42
        assert it.fmr <= it.fmr_target == 5e-4
        assert it.people >= 40
    assert found.template.match > found.pair.match


def test_an_interval_comes_of_drawing_people_and_holds_the_truth() -> None:
    scores = pair_scores(noisy(people=30, photos=4))
    whole = curve(scores.genuine.values, scores.impostor.values)
    low, high = interval(Resampled(scores).curves(), lambda it: it.eer())
    assert low < whole.eer() < high


def test_an_extrapolated_threshold_is_near_the_one_counted_on_a_thousand_times_more() -> None:
    dice = np.random.default_rng(3)
    many, few = dice.normal(0, 0.1, 2_000_000), dice.normal(0, 0.1, 6000)
    counted = float(np.quantile(many, 1 - 5e-4))
    assert extrapolated(few, 5e-4) == pytest.approx(counted, abs=0.02)
    assert extrapolated(dice.uniform(0, 1, 6000), 5e-4) < 1.01


def test_groups_are_measured_apart_and_their_counts_said(many: Gallery) -> None:
    labels = {f"p{i}": "glasses" if i < 20 else "none" for i in range(50)}
    found = calibrate.groups(many, labels, 0.3)
    assert list(found) == ["glasses", "none"]
    glasses = dict(found["glasses"])  # type: ignore[call-overload]
    assert (glasses["people"], glasses["impostor_pairs"]) == (20, 190 * 64)
    low, high = glasses["fmr_interval"]
    assert low <= glasses["fmr"] <= high
    assert calibrate.groups(many, {"p1": "one"}, 0.3)["one"] == {
        "people": 1,
        "genuine_pairs": 28,
        "impostor_pairs": 0,
    }


@pytest.mark.parametrize("group", ["藏族", "Han", "race_black", "信教", "Muslim women"])
def test_no_group_is_made_by_ethnicity_or_belief(tmp_path: Path, group: str) -> None:
    file = tmp_path / "groups.csv"
    file.write_text(f"identity,group\np1,over 60\np2,{group}\n", encoding="utf-8")
    with pytest.raises(groups.GroupsError, match="line 3: no groups are made by ethnicity"):
        groups.read(file)


def test_a_table_of_groups_is_read_or_its_line_named(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("identity,group\np1,over 60\n", encoding="utf-8-sig")
    assert groups.read(file) == {"p1": "over 60"}
    for text, why in (
        ("name,ethnicity\n", "must be identity,group"),
        ("identity,group\np1\n", "line 2"),
        ("", "must be identity,group"),
    ):
        file.write_text(text)
        with pytest.raises(groups.GroupsError, match=why):
            groups.read(file)


def test_the_command_reports_and_refuses_to_write_what_is_not_known(
    tmp_path: Path, face_photos: FacePhotos
) -> None:
    for person, photos in (("a", face_photos.person), ("b", [face_photos.stranger])):
        (tmp_path / "set" / person).mkdir(parents=True)
        for i, photo in enumerate(photos):
            (tmp_path / "set" / person / f"{i}.jpg").write_bytes(photo.read_bytes())
    out = tmp_path / "own.toml"
    words = ["calibrate", str(tmp_path / "set"), "--json", "--write", str(out)]
    result = CliRunner().invoke(face, words, obj=Settings())
    assert (result.exit_code, out.exists()) == (2, False)
    assert "no thresholds are written" in result.stderr
    report = json.loads(result.stdout)
    assert report["model_version"] == VERSION
    assert report["pair"]["refused"] == "2 people; 20 or more are needed"
    assert "refused" in report["template"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--write", "absent/own.toml"], "there is no folder .*absent. Make it first"),
        (["--write", "own.toml", "--fmr", "0.001"], "give --fmr 0.0005 or less"),
    ],
)
def test_what_could_not_be_written_or_loaded_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str
) -> None:
    (tmp_path / "set").mkdir()
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(face, ["calibrate", "set", *words], obj=Settings())
    assert (result.exit_code, [*tmp_path.rglob("own.toml")]) == (2, [])
    assert re.search(why, result.stderr), result.stderr


def test_a_rate_that_no_calibration_may_have_is_measured_all_the_same(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        face, ["calibrate", str(tmp_path), "--fmr", "0.001"], obj=Settings()
    )
    assert "must hold a folder of photos for each person" in result.stderr


def test_the_written_file_is_toml_of_a_kind_that_any_reader_reads(
    many: Gallery, fits: dict[str, calibrate.Fit]
) -> None:
    table = tomllib.loads(made(many, fits))
    assert table["measured"] == date(2026, 11, 22)
    assert table["pair"]["basis"] == "counted"


def test_scores_know_whose_they_are() -> None:
    scores = Scores(np.array([0.1, 0.9]), np.array([[0, 1], [2, 2]]))
    assert scores.genuine.values == [0.9]
    assert scores.impostor.values == [0.1]
