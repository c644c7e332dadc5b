"""`nilometer baseline` as it is called."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.cli.baseline import command
from nilometer_logger.errors import SettingError
from tests.judging import normal
from tests.unit.references import csv_file


def called(*arguments: object) -> Result:
    """Calls the command."""
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=True)


@pytest.mark.parametrize("name", [[], ["build"]])
def test_data_need_no_command(tmp_path: Path, name: list[str]) -> None:
    """`nilometer baseline DATA --out DIR` makes a baseline, prepared, and shows it."""
    done = called(*name, csv_file(tmp_path), "--prediction", "class", "--out", tmp_path / "b")
    assert done.exit_code == 0
    assert "green, red" in done.stdout
    assert f"written to {tmp_path / 'b'}" in done.stdout
    assert [column.name for column in Baseline.load(tmp_path / "b").predictions] == ["class"]


def test_flags_may_come_first(tmp_path: Path) -> None:
    """An option before the data is the data's."""
    assert called("--out", tmp_path / "b", csv_file(tmp_path)).exit_code == 0


def test_every_correction_has_a_flag(tmp_path: Path) -> None:
    """What was inferred wrongly can be said rightly."""
    path = csv_file(tmp_path, "a,b,c,d,e\n1,2,1,x,9\n2,3,0,y,9\n")
    flags = ["--categorical", "a", "--numeric", "b", "--boolean", "c", "--text", "d", "--ignore", "e"]
    assert called(path, "--out", tmp_path / "b", *flags).exit_code == 0
    types = [column.type for column in Baseline.load(tmp_path / "b").features]
    assert types == ["categorical", "numeric", "boolean", "text"]


def test_a_dry_run_prints_the_schema_and_writes_nothing(tmp_path: Path) -> None:
    """What stands on standard output is spec.schema, and what the user should know stands beside it."""
    rows = "\n".join(f"{number},{number % 3},5" for number in range(200))
    done = called(csv_file(tmp_path, f"id,x,same\n{rows}\n"), "--dry-run", "--prediction", "x")
    assert yaml.safe_load(done.stdout) == {
        "schema": {"features": [{"name": "same", "type": "numeric"}], "predictions": [{"name": "x", "type": "numeric"}]}
    }
    assert "note: column 'id' has another value in every row, so it is an id: left out (--keep id)" in done.stderr
    assert "note: column 'same' is constant" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv"]


def test_nowhere_to_write_is_a_wrong_flag(tmp_path: Path) -> None:
    """Without a directory there is only the dry run."""
    done = called(csv_file(tmp_path))
    assert done.exit_code == 2
    assert "--out DIR" in done.stderr


def test_a_baseline_can_be_shown(tmp_path: Path) -> None:
    """`nilometer baseline show DIR` shows what building showed."""
    built = called(csv_file(tmp_path), "--out", tmp_path / "b")
    shown = called("show", tmp_path / "b")
    assert shown.exit_code == 0
    assert built.stdout.startswith(shown.stdout)
    assert isinstance(called("show", tmp_path / "none").exception, SettingError)


def test_no_bar_without_a_terminal(tmp_path: Path) -> None:
    """A log file gets no progress bar."""
    assert called(csv_file(tmp_path), "--out", tmp_path / "b").stderr.count("%") == 0


def test_help_tells_both_commands() -> None:
    """Whoever asks sees that data need no command, and what else there is."""
    done = called("--help")
    assert "nilometer baseline DATA --out DIR" in done.stdout
    assert "show" in done.stdout


@pytest.mark.parametrize("rule", ["5", "sturges", "doane", "rice", "scott", "freedmanDiaconis"])
def test_bins_can_be_chosen(tmp_path: Path, rule: str) -> None:
    """A number of bins, or a rule: then there are as many as numpy takes by it, and no value lies outside."""
    values = np.round(normal(500, 1).ravel(), 6)
    path = csv_file(tmp_path, "\n".join(["x", *map(repr, values.tolist())]))
    assert called(path, "--bins", rule, "--out", tmp_path / "b").exit_code == 0
    [column] = Baseline.load(tmp_path / "b").features
    numpy_name = {"freedmanDiaconis": "fd"}.get(rule, rule)
    expected = np.histogram_bin_edges(values, int(rule) if rule.isdecimal() else numpy_name)
    assert column.edges == pytest.approx(expected)
    assert sum(column.counts) == 500


@pytest.mark.parametrize("bins", ["0", "201", "-1", "wide"])
def test_bins_that_are_none_are_a_wrong_flag(tmp_path: Path, bins: str) -> None:
    """Anything else is refused with what is expected."""
    done = called(csv_file(tmp_path), "--bins", bins, "--out", tmp_path / "b")
    assert done.exit_code == 2
    assert "a number from 1 to 200 or one of sturges, doane" in done.stderr


def test_thresholds_are_found_where_a_rate_is_given(tmp_path: Path) -> None:
    """With a rate of false alarms the artefact has thresholds, and shows them; wrong sizes are a wrong flag."""
    path = csv_file(tmp_path, "\n".join(["x", *map(repr, normal(60, 1).ravel().tolist())]))
    flags = ["--out", tmp_path / "b", "--false-alarm-rate", "0.1", "--window-rows"]
    done = called(path, *flags, "1000")
    assert done.exit_code == 0
    assert "zscore: threshold" in done.stdout
    assert "at a false alarm rate of 0.1" in called("show", tmp_path / "b").stdout
    assert "note: no threshold is found for detector" in done.stderr
    assert called(path, *flags, "many").exit_code == 2
