"""examples/tune: what its README tells people to type works, and shows what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

_README = (EXAMPLES / "tune" / "README.md").read_text(encoding="utf-8")
_COMMANDS = re.findall(r"^\$ (.*)$", _README, re.MULTILINE)


def called(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command as a shell would, with our own Python and `nilometer`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        command, shell=True, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess[str]]:
    """Every command that needs no Kafka, in the order of the README, in a copy of the examples."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(EXAMPLES, root / "examples")
    assert _COMMANDS[0] == "cd examples/tune"
    runnable = [command for command in _COMMANDS[1:] if "--kafka" not in command and "week.jsonl" not in command]
    done = {command: called(command, root / "examples" / "tune") for command in runnable}
    assert (root / "examples" / "tune" / "tuned.html").stat().st_size > 10_000
    return done


def test_every_command_works(tried: dict[str, subprocess.CompletedProcess[str]]) -> None:
    """The last one is to fail, and fails with the code that the README names."""
    codes = [done.returncode for done in tried.values()]
    assert len(codes) == 6
    assert codes == [0, 0, 0, 0, 0, 3], [done.stderr for done in tried.values()]


def test_the_output_is_what_the_readme_shows(tried: dict[str, subprocess.CompletedProcess[str]]) -> None:
    """Every line of a window that the README shows is printed, but for the digits of its p-value."""
    shown, printed = (
        [re.sub(r" p=\S+", " p=…", line) for line in re.findall(r"^2026-.*$", text, re.MULTILINE)]
        for text in (_README, "".join(done.stdout for done in tried.values()))
    )
    assert len(shown) == 6
    assert [line for line in shown if line not in printed] == []


def test_the_tuned_monitor_says_nothing_before_friday(tried: dict[str, subprocess.CompletedProcess[str]]) -> None:
    """The first try alarms on days without cause; the tuned one with the first window of the bent gauge."""
    first, _, tuned, _ = [done.stdout for command, done in tried.items() if "replay" in command]
    alarms = [[line[:16] for line in text.splitlines() if " DRIFT " in line] for text in (first, tuned)]
    assert [when for when in alarms[0] if when < "2026-11-20T14:00"]
    assert alarms[1][0] == "2026-11-20T14:00"
