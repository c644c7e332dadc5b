"""The lines that a person reads of findings, as the worker writes them."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from nilometer_detectors.apps.worker import log_finding
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_logger.engine.protocol import ClosedWindow
from tests.judging import STREAM, closed
from tests.unit.monitors.test_findings import features, findings, monitor_in


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> CompiledMonitor:
    """A monitor with both kinds of detectors."""
    return monitor_in(tmp_path_factory.mktemp("monitor"))


def lines_of(monitor: CompiledMonitor, window: ClosedWindow, rows: int = 50, shift: float = 0.0) -> list[Any]:
    """Returns what is logged of a window."""
    with capture_logs() as lines:
        for event in findings(monitor, features(rows, shift), window=window):
            log_finding(event)
    return list(lines)


def test_a_window_in_which_all_is_well_says_no_more(monitor: CompiledMonitor) -> None:
    """What is none or false is left out of the line."""
    statistics, drift = lines_of(monitor, closed(unanswered=0))
    assert statistics == {
        "event": "window closed",
        "log_level": "info",
        "monitor": "demo/iris",
        "start": "2026-11-23T21:00:00Z",
        "end": "2026-11-23T21:00:15Z",
        "rows": 50,
        "closed_by": "watermark",
    }
    assert (drift["event"], drift["verdict"]) == ("no drift", "ok")


def test_what_is_amiss_with_a_window_stands_in_its_line(tmp_path: Path) -> None:
    """Late rows, duplicates, unanswered requests, and a window that is partial or too small."""
    monitor = monitor_in(tmp_path, windows={"size": "15s", "minRows": 60})
    window = closed(
        partial=True,
        late_since_last=3,
        late_by=(3, 0, 0, 0, 0, 0),
        latest=7,
        duplicates_since_last=4,
        unanswered=5,
    )
    statistics, drift = lines_of(monitor, window)
    told = {name: statistics[name] for name in ("late", "duplicates", "unanswered", "partial", "too_small")}
    assert told == {"late": 3, "duplicates": 4, "unanswered": 5, "partial": True, "too_small": True}
    assert (drift["event"], drift["verdict"]) == ("not judged", "nodata")
    assert "started inside the window" in drift["reason"]


def test_drift_and_outliers_are_warnings(monitor: CompiledMonitor) -> None:
    """A line of drift names what drifted, a line of an outlier its request and the features to blame."""
    drift = lines_of(monitor, closed(), shift=2.0)[1]
    assert (drift["event"], drift["log_level"], drift["features"]) == ("drift", "warning", ["a", "b"])
    rows = features()
    rows.values[3, 0] = 99.0
    with capture_logs() as lines:
        for event in monitor.score(STREAM, rows, monitor.remember()):
            log_finding(event)
    [outlier] = lines
    assert (outlier["event"], outlier["log_level"]) == ("outlier", "warning")
    assert (outlier["request"], outlier["features"]) == ("request-3", ["a"])
