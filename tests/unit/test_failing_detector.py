"""A detector with a bug: it must cost its own verdicts, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from tests.judging import STREAM, closed
from tests.unit.test_findings import body, features, findings, monitor_in


def fail(*_: Any) -> Any:
    """Does what a detector never should."""
    raise ZeroDivisionError("by a constant feature")


def test_a_drift_detector_that_raises_says_nodata_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window's statistics leave all the same, and its drift finding says that the detector failed."""
    monitor = monitor_in(tmp_path)
    monkeypatch.setattr(monitor.drift_detectors[0], "judge", fail)
    statistics, drift = findings(monitor, features(), window=closed())
    assert body(statistics)["rows"] == 50
    assert drift["verdict"] == "nodata"
    assert "by a constant feature" in body(drift)["reason"]


def test_an_outlier_detector_that_raises_stops_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows that one outlier detector cannot score are still scored by the others, and a line says so."""
    both = [{"name": name, "detector": "zscore", "threshold": 5} for name in ("broken", "whole")]
    monitor = monitor_in(tmp_path, outliers=both)
    monkeypatch.setattr(monitor.outlier_detectors[0], "score", fail)
    rows = features()
    rows.values[3, 0] = 99.0
    assert [event["detector"] for event in monitor.score(STREAM, rows)] == ["whole"]
    assert [record.detector for record in caplog.records] == ["broken"]
