"""What is told of the size of findings before there are any."""

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from nilometer_detectors.baselines.baseline import Baseline, BaselineColumn
from nilometer_detectors.monitors.files.loader import load_monitor
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.monitors.sizes import warnings_of, warnings_of_baseline
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.summary import DEFAULT, Summary
from tests.judging import declaration, write

EDGES = np.linspace(-3, 3, 21)


def monitor_of(directory: Path, columns: int, name_length: int) -> CompiledMonitor:
    """Returns a monitor of features with names of so many letters."""
    features = [{"name": f"{number}".rjust(name_length, "x"), "type": "numeric"} for number in range(columns)]
    return load_monitor(write(directory / "monitor.yaml", declaration(schema={"features": features})))


def baseline_of(columns: int) -> Baseline:
    """Returns a baseline of so many features, without a sample."""
    features = tuple(
        BaselineColumn(name=f"feature_{number}", type="numeric", count=9, missing=0, edges=tuple(EDGES))
        for number in range(columns)
    )
    return Baseline(9, features, (), np.zeros((0, columns)), np.zeros((0, 0)))


def test_a_narrow_model_needs_no_warning(tmp_path: Path) -> None:
    """Its findings fit into any topic."""
    assert warnings_of(monitor_of(tmp_path, 20, 10)) == []
    assert warnings_of_baseline(baseline_of(20)) == []


def test_names_count_as_well(tmp_path: Path) -> None:
    """A hundred columns are too many where their names are long."""
    [line] = warnings_of(monitor_of(tmp_path, 100, 15_000))
    assert line.startswith("statistics: a finding takes some 1.4 MiB; ")


@pytest.mark.parametrize(
    ("columns", "said"), [(3_072, "1 MiB gets the worst columns only"), (20_000, "it will be shortened")]
)
def test_the_size_is_told_and_about_right(columns: int, said: str) -> None:
    """To a fifth, beside what random numbers really take."""
    baseline = baseline_of(columns)
    summary = Summary(Layout(baseline.feature_schema, [EDGES] * columns), DEFAULT)
    values = np.random.default_rng(1).normal(0, 1, (100, columns))
    summary.take(values, np.arange(100, dtype=np.uint64))

    [line] = warnings_of_baseline(baseline)
    assert said in line
    found = re.search(r"some ([\d.]+) MiB", line)
    assert found is not None
    assert float(found[1]) == pytest.approx(len(msgspec.json.encode(summary.result())) / 2**20, rel=0.2)
