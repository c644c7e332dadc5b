"""The baseline that the thesis's ModelMonitor holds."""

import json
from pathlib import Path
from typing import Any

import pytest

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.baselines.build import ColumnOptions
from nilometer_detectors.baselines.describe import describe
from nilometer_detectors.baselines.kth2020 import read_thesis
from nilometer_detectors.detector import InvalidDetector
from nilometer_detectors.drift.ks import KS
from nilometer_detectors.outliers.zscore import ZScore
from nilometer_logger.errors import SettingError
from tests.judging import detector_of, rows_of
from tests.unit.cli.test_baseline import called

DESCRIPTIVE = {
    "length": {"count": 120, "avg": 5.8, "mean": 0.03, "stddev": 0.86, "min": 4.3, "max": 7.9},
    "width": {"count": 120, "mean": 3.1, "stddev": 0.4, "min": 2.0, "max": 4.4},
    "species": {"count": 120, "avg": 1.0},
}
DISTRIBUTIONS = {
    "length": {"10.0": 30, "2.0": 50, "6.0": 40},
    "width": {"2.0": 0.25, "3.0": 0.5, "4.0": 0.25},
}


def written(directory: Path, descriptive: Any = DESCRIPTIVE, distributions: Any = DISTRIBUTIONS) -> Path:
    """Writes the baseline as it stands in the custom resource: two texts with JSON in them."""
    maps = {"descriptive": json.dumps(descriptive), "distributions": json.dumps(distributions)}
    (directory / "baseline.json").write_text(json.dumps(maps))
    return directory / "baseline.json"


def test_statistics_and_histograms_are_taken(tmp_path: Path) -> None:
    """The average is the mean, bounds are numbers in order, and the last bin is as wide as the first."""
    baseline = read_thesis(written(tmp_path), ColumnOptions(predictions=["species"]))
    length, width = baseline.features
    assert (length.count, length.mean, length.stddev, length.min, length.max) == (120, 5.8, 0.86, 4.3, 7.9)
    assert (length.edges, length.counts) == ((2.0, 6.0, 10.0, 14.0), (50, 40, 30))
    assert width.mean == 3.1
    assert [column.name for column in baseline.predictions] == ["species"]
    assert (baseline.rows, len(baseline.feature_sample)) == (120, 0)


def test_probabilities_become_counts(tmp_path: Path) -> None:
    """A histogram whose bins are all at most 1 holds probabilities, of as many values as the feature has."""
    assert read_thesis(written(tmp_path), ColumnOptions()).features[1].counts == (30, 60, 30)


def test_maps_may_be_json_themselves(tmp_path: Path) -> None:
    """Who has taken the texts apart already is understood as well."""
    path = tmp_path / "maps.json"
    path.write_text(json.dumps({"descriptive": DESCRIPTIVE, "distributions": DISTRIBUTIONS}))
    assert read_thesis(path, ColumnOptions()).digest == read_thesis(written(tmp_path), ColumnOptions()).digest


def test_it_is_an_artefact_like_any_other(tmp_path: Path) -> None:
    """It is built by the same command, read again, and shown."""
    done = called(written(tmp_path), "--prediction", "species", "--out", tmp_path / "b")
    assert done.exit_code == 0
    baseline = Baseline.load(tmp_path / "b")
    assert describe(baseline) in done.stdout
    assert baseline.feature_schema.names == ("length", "width")
    assert "schema:" in called(written(tmp_path), "--dry-run").stdout


def test_detectors_take_what_there_is(tmp_path: Path) -> None:
    """A detector of moments works; one that compares with values refuses, and says that there are none."""
    baseline = read_thesis(written(tmp_path), ColumnOptions(ignored=["species"]))
    zscore = detector_of(ZScore, "zscore", baseline)
    assert zscore.score(rows_of([[5.8, 3.1], [50.0, 3.1]], baseline.feature_schema)).flagged.tolist() == [False, True]
    with pytest.raises(InvalidDetector, match="fewer than two usable values of 'length'"):
        detector_of(KS, "ks", baseline)


@pytest.mark.parametrize(
    ("descriptive", "distributions", "message"),
    [
        ({}, {}, "names no feature"),
        ([1], {}, "is no baseline of the thesis"),
        ({"a": {"count": "many"}}, {}, "is no baseline of the thesis"),
        ({}, {"a": {"red": 1, "green": 2}}, "distributions.a: could not convert"),
        ({}, {"a": {"1.0": 1}}, "distributions.a: at least two bins"),
        ({}, {"a": {"1": 1, "1.0": 2}}, "distributions.a: at least two bins with bounds of their own"),
        ({}, {"a": {"1": -1, "2": 2}}, "distributions.a: a bin is no number, or negative"),
        ({}, {"a": {"nan": 1, "2": 2}}, "distributions.a: a bin is no number"),
    ],
)
def test_something_else_is_refused(tmp_path: Path, descriptive: Any, distributions: Any, message: str) -> None:
    """What is wrong is told by the feature."""
    with pytest.raises(SettingError, match=message):
        read_thesis(written(tmp_path, descriptive, distributions), ColumnOptions())


def test_a_missing_file_or_column_is_refused(tmp_path: Path) -> None:
    """A file that is not there, or no JSON, and a prediction that is none of the columns."""
    with pytest.raises(SettingError, match="No such file"):
        read_thesis(tmp_path / "none.json", ColumnOptions())
    (tmp_path / "x.json").write_text("nonsense")
    with pytest.raises(SettingError, match="is no baseline of the thesis"):
        read_thesis(tmp_path / "x.json", ColumnOptions())
    with pytest.raises(SettingError, match="no column 'class'"):
        read_thesis(written(tmp_path), ColumnOptions(predictions=["class"]))
