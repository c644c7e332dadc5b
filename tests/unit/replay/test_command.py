"""The command: what a person sees, and what a script can tell by the exit code."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nilometer_detectors.cli.replay import command
from nilometer_logger.errors import SettingError
from tests.unit.replay.asking import monitor, rows, write_csv


@pytest.fixture(scope="module")
def fruit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a monitor."""
    return monitor(tmp_path_factory.mktemp("monitor"))


def called(*arguments: object) -> Result:
    """Calls the command."""
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_a_person_sees_a_line_a_window_and_what_it_came_to(fruit: Path, tmp_path: Path) -> None:
    """When it began, rows, verdicts, distance and p-value; then the outliers in one line, and what was read."""
    file = write_csv(tmp_path / "rows.csv", [*rows(120), *rows(130, shift=4, start=rows(121)[-1]["time"])])
    result = called("--monitor", fruit, "--time-column", "time", file)
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "demo/fruit over demo/fruit/predictor"
    assert lines[1].startswith("2026-11-16T08:00:00Z +1m       60 rows  ks ok d=0.")
    assert "ks DRIFT d=" in lines[3]
    assert "(length)" in lines[3]
    assert "ks not judged (the input ended inside the window" in lines[5]
    assert "demo/fruit outliers by range: 6 rows, the farthest row-" in result.output
    assert "(length = 50), score " in result.output
    assert "demo/fruit over demo/fruit/predictor: 5 windows, 2 with drift, 250 rows in them" in result.output


@pytest.mark.parametrize(
    ("shift", "asked", "code"),
    [
        (0, ["drift"], 0),
        (4, ["drift"], 3),
        (0, ["outlier"], 3),
        (4, [], 0),
        (0, ["drift", "outlier"], 3),
    ],
)
def test_a_script_may_ask_to_be_told(fruit: Path, tmp_path: Path, shift: int, asked: Sequence[str], code: int) -> None:
    """The exit code is 3 where what was asked about was found, and only then."""
    file = write_csv(tmp_path / "rows.csv", rows(shift=shift))
    flags = [part for each in asked for part in ("--fail-on", each)]
    assert called("--monitor", fruit, "--time-column", "time", *flags, file).exit_code == code


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "7d", "x.csv"], "--from, --to and --configured are for the topic inferences, and x.csv is a file"),
        (["--time-column", "time", "x.jsonl"], "--time-column is for tables, and x.jsonl holds events"),
        (["nowhere.jsonl"], "nowhere.jsonl: cannot be read: No such file"),
        (["--time-column", "time", "nowhere.csv"], "nowhere.csv: cannot be read: No such file"),
    ],
)
def test_options_that_do_not_fit_are_told(fruit: Path, arguments: list[str], reason: str) -> None:
    """One line: what does not go together, and what to do."""
    error = called("--monitor", fruit, *arguments).exception
    assert isinstance(error, SettingError)
    assert reason in str(error)


def test_two_monitors_need_two_names(fruit: Path, tmp_path: Path) -> None:
    """Their findings could not be told apart."""
    file = write_csv(tmp_path / "rows.csv", rows(3))
    error = called("--monitor", fruit, "--monitor", fruit, "--time-column", "time", file).exception
    assert "is demo/fruit, as another --monitor is: give it another metadata.name" in str(error)
