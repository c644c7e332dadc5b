"""`nilometer demo`, as a user runs it: it tells its story, and however it ends, nothing of it is left."""

import os
import re
import signal
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.processes import Process

PATIENCE_SECONDS = 150  # only so that a demo that hangs fails its test
MARK = "A_TEST_OF_THE_DEMO"

pytestmark = [pytest.mark.usefixtures("kafka_available"), pytest.mark.timeout(240)]


class Demo:
    """A demo in a process of its own, whose temporary files and descendants can be told from all others'."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._mark = f"{MARK}={uuid.uuid4()}"
        name, _, value = self._mark.partition("=")
        argv = [sys.executable, "-m", "nilometer_detectors", "demo", *arguments]
        environment = {name: value, "TMPDIR": str(self.temporary)}
        self.process = Process("nilometer demo", argv, log=folder / "demo.log", env=environment)

    def family(self, containing: str = "") -> list[int]:
        """Returns the ids of the demo's process and of all its descendants, if their command lines contain a text."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self._mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found += [int(entry.name)] * (containing.encode() in (entry / "cmdline").read_bytes())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it has just ended, or is not ours
        return found

    def assert_nothing_is_left(self) -> None:
        """Checks that no process and no temporary file of the demo is there."""
        assert self.family() == []
        assert list(self.temporary.iterdir()) == []


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts demos, and ends those that a failed test has left."""
    started: list[Demo] = []

    def start(*arguments: str) -> Demo:
        started.append(Demo(tmp_path, *arguments))
        started[-1].process.start()
        return started[-1]

    yield start
    for one in started:
        one.process.stop(grace_seconds=30)


def fact(summary: str, name: str) -> str:
    """Returns what the summary says about something."""
    match = re.search(rf"^  {name}  +(.*)$", summary, re.MULTILINE)
    assert match is not None, f"the summary has no line {name!r}:\n{summary}"
    return match[1]


def test_the_story_is_told_and_drift_is_found(demo: Callable[..., Demo]) -> None:
    """All inferences logged, all outliers found, drift after the switch and no alarm before: it ends by itself, with 0.

    What is found is told while the story goes on: windows close before anything goes wrong.
    """
    told = demo()

    code = told.process.wait(timeout_seconds=PATIENCE_SECONDS)
    output = told.process.output()

    assert code == 0, output
    assert fact(output, "inferences logged") == fact(output, "requests sent").split()[0]
    assert int(fact(output, "windows closed").split()[0]) >= 4
    assert fact(output, "outliers found").startswith("8 of 8")
    assert fact(output, "outliers missed") == "0"
    assert fact(output, "drift raised").startswith("in the window ")
    assert fact(output, "false alarms before it") == "0"
    told_parts = [
        re.search(rf"s  {part} ", output) for part in ("worker +window", "detector window", "client +impossible")
    ]
    starts = [found.start() for found in told_parts if found]
    assert len(starts) == 3
    assert starts == sorted(starts)
    assert "\x1b" not in output  # plain lines where there is no terminal
    told.assert_nothing_is_left()


def test_kept_it_takes_requests_until_it_is_told_to_end(demo: Callable[..., Demo]) -> None:
    """With --keep, a request to the address that it prints is judged like the story's; SIGTERM ends everything."""
    kept = demo("--keep")

    url = kept.process.wait_for_line(r"an impossible one +curl (\S+)", timeout_seconds=PATIENCE_SECONDS)[1]
    body = b'{"instances": [[5.1, 3.5, 31, 0.2]]}'
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        assert answer.status == 200
    kept.process.wait_for_line(r"outlier: petal_length = 31")

    kept.process.signal(signal.SIGTERM)
    assert kept.process.wait() == 128 + signal.SIGTERM
    kept.assert_nothing_is_left()


@pytest.mark.parametrize("moment", ["baseline made", "normal traffic"])
def test_ctrl_c_leaves_nothing(demo: Callable[..., Demo], moment: str) -> None:
    """Ctrl-C, while the parts start and in the middle of the story, ends every process and removes every file."""
    interrupted = demo()
    interrupted.process.wait_for_line(moment)
    assert len(interrupted.family()) > 2

    interrupted.process.signal(signal.SIGINT)

    assert interrupted.process.wait() == 128 + signal.SIGINT
    assert "Traceback" not in interrupted.process.output()
    interrupted.assert_nothing_is_left()


def test_a_part_that_ends_is_named_and_nothing_is_left(demo: Callable[..., Demo]) -> None:
    """When a part dies the demo says which, ends with code 1 and no traceback, and leaves nothing."""
    failing = demo()
    failing.process.wait_for_line("normal traffic")
    [worker] = failing.family(containing="worker")

    os.kill(worker, signal.SIGKILL)

    assert failing.process.wait() == 1
    assert "error: nilometer worker ended with code -9" in failing.process.output()
    assert "Traceback" not in failing.process.output()
    failing.assert_nothing_is_left()
