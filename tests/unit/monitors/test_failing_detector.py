"""A detector with a bug: it must cost its own verdicts, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from nilometer_detectors.drift.ks import KS
from nilometer_logger.errors import SettingError
from tests.judging import STREAM, closed
from tests.unit.monitors.test_findings import body, features, findings, monitor_in


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
    assert [event["detector"] for event in monitor.score(STREAM, rows, monitor.remember())] == ["whole"]
    assert [record.detector for record in caplog.records] == ["broken"]


BROKEN = {"name": "mine", "detector": "ks", "sampleSize": 0}


def test_a_monitor_runs_without_a_detector_that_cannot_be_built(tmp_path: Path) -> None:
    """The worker runs the others; every window says of the broken one that it has no verdict, where and why."""
    with capture_logs() as logs:
        monitor = monitor_in(tmp_path, tolerant=True, drift=[BROKEN, {"name": "ks", "detector": "ks", "minRows": 20}])
    statistics, drift, broken = findings(monitor, features())
    assert (drift["detector"], drift["verdict"]) == ("ks", "ok")
    assert (broken["detector"], broken["verdict"], broken["severity"]) == ("mine", "nodata", "info")
    reason = "spec.drift[0].sampleSize is 0: expected 1 or more"
    assert reason in body(broken)["reason"]
    [told] = body(statistics)["broken"]
    assert (told["name"], told["type"]) == ("mine", "ks")
    assert reason in told["reason"]
    assert [(line["detector"], line["log_level"]) for line in logs] == [("mine", "error")]


def test_a_broken_outlier_detector_is_told_with_the_windows(tmp_path: Path) -> None:
    """Rows are scored by the others; that one does not score is said in the statistics of every window."""
    monitor = monitor_in(tmp_path, tolerant=True, outliers=[{"name": "mine", "detector": "zscor"}])
    rows = features()
    assert monitor.score(STREAM, rows, monitor.remember()) == ()
    statistics, *_ = findings(monitor, rows)
    assert "did you mean zscore" in body(statistics)["broken"][0]["reason"]


def test_whoever_checks_a_file_wants_it_refused(tmp_path: Path) -> None:
    """`nilometer validate` passes over nothing that the worker would leave out."""
    with pytest.raises(SettingError, match=r"spec\.drift\[0\]\.sampleSize is 0"):
        monitor_in(tmp_path, drift=[BROKEN])


def test_a_detector_that_raises_while_it_is_built_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a detector of another house costs that detector, and its error is in the reason."""
    monkeypatch.setattr(KS, "__init__", fail)
    monitor = monitor_in(tmp_path, tolerant=True)
    assert [broken.name for broken in monitor.broken] == ["ks"]
    assert "failed while it was built: ZeroDivisionError('by a constant feature')" in monitor.broken[0].reason


def test_a_mended_detector_makes_another_monitor(tmp_path: Path) -> None:
    """A monitor with a broken detector has a digest of its own, so that it starts anew once it is mended."""
    whole = {**BROKEN, "sampleSize": 1000}
    digests = {monitor_in(tmp_path, tolerant=True, drift=[each]).digest for each in (BROKEN, whole)}
    assert len(digests) == 2


def test_failures_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every failure of a detector is a number that a metric can show, by monitor and detector."""
    monitor = monitor_in(tmp_path)
    monkeypatch.setattr(monitor.drift_detectors[0], "judge", fail)
    for _ in range(3):
        findings(monitor, features())
    assert monitor.failures == {(monitor.name, "ks"): 3}
