"""Monitors that change while the worker runs: what is taken, what is left, and what is said."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from nilometer_detectors.monitors.files import loader
from nilometer_detectors.monitors.files import reloader as module
from nilometer_detectors.monitors.files.reloader import MonitorReloader
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.errors import SettingError
from tests.judging import baseline_of, declaration, normal, write


class Place:
    """A directory of monitors, looked at when a test says so.

    Args:
        directory: made by the test, with its first monitors in it.

    Attributes:
        told: the names of the monitors that were handed on, each time.
        said: log lines of the last look, as (event, what about).
        lines: those of monitors that came, changed or went, whole.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.reloading = MonitorReloader(directory)
        self.told: list[list[str]] = []
        self.said: list[tuple[str, str]] = []
        self.lines: list[Any] = []

    def poll(self) -> bool:
        """Looks at the directory twice, so that a change that was made before has come to rest."""
        assert not self.glance()
        return self.glance()

    def glance(self) -> bool:
        """Looks at the directory once."""

        def told(monitors: Sequence[Monitor]) -> None:
            self.told.append([monitor.name for monitor in monitors])

        with capture_logs() as lines, self.reloading.telling(told):
            changed = asyncio.run(self.reloading.poll())
        self.lines = [line for line in lines if line["event"].startswith("monitor ")]
        self.said = [(line["event"], line.get("monitor") or line.get("reason", "")) for line in lines]
        return changed

    @property
    def digests(self) -> dict[str, str]:
        """Of the monitors that run, by name."""
        return {monitor.name: monitor.digest for monitor in self.reloading.monitors}


def put(directory: Path, name: str, **spec: Any) -> Path:
    """Writes a monitor of a name into a file of that name."""
    document = declaration(**spec)
    document["metadata"]["name"] = name
    return write(directory / f"{name}.yaml", document)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A directory with one monitor, iris."""
    put(tmp_path, "iris")
    return Place(tmp_path)


def test_nothing_is_read_where_nothing_changed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at a directory that is as it was reads no file, hands nothing on and says nothing."""
    monkeypatch.setattr(module, "load_monitors", lambda *_, **__: pytest.fail("read without need"))
    assert not place.poll()
    assert (place.told, place.said, place.reloading.invalid) == ([], [], 0)


def test_a_monitor_is_added_changed_and_removed(place: Place) -> None:
    """Each is handed on, with all that run, and said with its digest."""
    put(place.directory, "wine")
    assert place.poll()
    assert (place.told, place.said) == ([["demo/iris", "demo/wine"]], [("monitor added", "demo/wine")])

    before = place.digests
    put(place.directory, "wine", windows={"size": "30s"})
    assert place.poll()
    assert place.said == [("monitor changed", "demo/wine")]
    assert place.digests["demo/iris"] == before["demo/iris"]
    assert place.digests["demo/wine"] != before["demo/wine"]

    (place.directory / "iris.yaml").unlink()
    assert place.poll()
    assert (place.told[-1], place.said) == (["demo/wine"], [("monitor removed", "demo/iris")])


def test_a_file_that_says_the_same_changes_nothing(place: Place) -> None:
    """A comment, another name of the file or its renewal is no other monitor: its windows go on."""
    iris = place.directory / "iris.yaml"
    iris.write_text(f"# a comment\n{iris.read_text()}")
    assert place.poll()
    iris.rename(place.directory / "renamed.yml")
    assert place.poll()
    assert (place.told, place.said) == ([], [])


def test_a_directory_that_does_not_validate_is_not_taken(place: Place) -> None:
    """Nothing of it: the running monitors go on, each problem is a line of its own, once, and the files are counted."""
    put(place.directory, "wine")
    put(place.directory, "broken", windows={"size": "soon"}, statistics=["mode"])
    write(place.directory / "torn.yaml", "{")
    assert place.poll()
    assert place.told == []
    assert list(place.digests) == ["demo/iris"]
    assert {event for event, _ in place.said} == {"monitors not taken, the running ones go on"}
    problems = (
        "broken.yaml: spec.windows.size is",
        "broken.yaml: spec.statistics[0] is",
        "torn.yaml: line 1, column 2",
    )
    assert len(place.said) == len(problems)
    for problem, (_, reason) in zip(problems, place.said, strict=True):
        assert reason.startswith(f"{place.directory}/{problem}")
    assert place.reloading.invalid == 2

    assert not place.poll()
    assert place.said == []
    assert place.reloading.invalid == 2

    for name in ("broken", "torn"):
        (place.directory / f"{name}.yaml").unlink()
    assert place.poll()
    assert (place.said, place.reloading.invalid) == ([("monitor added", "demo/wine")], 0)


def test_a_mistake_taken_back_is_said(place: Place) -> None:
    """Where the files are again what runs, a line says that they validate, and nothing is handed on."""
    text = (place.directory / "iris.yaml").read_text()
    (place.directory / "iris.yaml").write_text("{")
    place.poll()
    (place.directory / "iris.yaml").write_text(text)
    assert place.poll()
    assert [event for event, _ in place.said] == ["monitors validate again"]
    assert (place.told, place.reloading.invalid) == ([], 0)


@pytest.mark.parametrize("gone", [False, True])
def test_an_emptied_directory_is_refused(place: Place, gone: bool) -> None:
    """Without any monitor, or without the directory, the running monitors go on, and a line says what is missing."""
    (place.directory / "iris.yaml").unlink()
    if gone:
        place.directory.rename(place.directory.with_name("elsewhere"))
    assert place.poll()
    [(event, reason)] = place.said
    assert event == "monitors not taken, the running ones go on"
    assert ("cannot be read" if gone else "holds no monitor") in reason
    assert (place.told, list(place.digests), place.reloading.invalid) == ([], ["demo/iris"], 1)
    assert not place.poll()


def test_a_config_map_that_is_mounted_anew(tmp_path: Path) -> None:
    """The kubelet swaps a link behind the files, whose names, sizes and times may all be the same."""
    for version, size in (("..1", "15s"), ("..2", "30s")):
        (tmp_path / version).mkdir()
        path = put(tmp_path / version, "iris", windows={"size": size})
        os.utime(path, (0, 0))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "iris.yaml").symlink_to("..data/iris.yaml")
    place = Place(tmp_path)

    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert place.poll()
    assert place.said == [("monitor changed", "demo/iris")]


def test_a_baseline_that_is_built_anew_is_another_monitor(tmp_path: Path) -> None:
    """The monitor's file is as it was; what is normal is not."""
    (tmp_path / "monitors").mkdir()
    baseline_of(normal(100)).save(tmp_path / "base")
    put(tmp_path / "monitors", "iris", schema=None, baseline={"path": "../base"})
    place = Place(tmp_path / "monitors")

    baseline_of(normal(100, seed=9)).save(tmp_path / "base")
    assert place.poll()
    assert place.said == [("monitor changed", "demo/iris")]


def test_a_baseline_may_come_after_its_monitor(place: Place) -> None:
    """A monitor that is not whole yet is refused, and taken when its baseline is there: nobody touches its file."""
    put(place.directory, "wine", schema=None, baseline={"path": "base"})
    place.poll()
    assert [(event, "there is no baseline" in reason) for event, reason in place.said] == [
        ("monitors not taken, the running ones go on", True)
    ]
    baseline_of(normal(100)).save(place.directory / "base")
    assert place.poll()
    assert (place.said, place.reloading.invalid) == ([("monitor added", "demo/wine")], 0)


def test_half_a_change_is_never_taken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that change while they are read are left to the next look."""
    load = module.load_monitors

    def interrupted(directory: Path, **how: Any) -> Any:
        found = load(directory, **how)
        put(directory, "second")
        return found

    put(place.directory, "first")
    monkeypatch.setattr(module, "load_monitors", interrupted)
    assert not place.poll()
    assert (place.told, place.said) == ([], [])
    monkeypatch.setattr(module, "load_monitors", load)
    assert place.glance()
    assert place.told == [["demo/first", "demo/iris", "demo/second"]]


BOUNDS = {"detector": "bounds", "max": {"a": 3}}
WRITTEN = """\
apiVersion: nilometer.io/v1alpha1
kind: ModelMonitor
metadata: {name: iris, namespace: demo}
spec:
  stream: {inferenceService: iris}
  schema: {features: [{name: a}]}
  windows: {size: 15s}
  outliers:
  - {name: range, detector: bounds, max: {a: 3}}
  drift:
  - {name: ks, detector: ks}
"""


def test_a_file_that_is_being_written_is_not_taken(place: Place) -> None:
    """What makes sense by accident, cut before its detectors, drops no window while it is another at every look."""
    path = place.directory / "iris.yaml"
    path.write_text(WRITTEN)
    assert place.poll()
    before, told = place.digests, list(place.told)

    for end in ("  outliers:", "  drift:"):
        path.write_text(WRITTEN[: WRITTEN.index(end)])
        assert not place.glance()
    path.write_text(WRITTEN)
    assert not place.glance()
    assert place.glance()  # and it says the same
    assert (place.digests, place.told, place.lines) == (before, told, [])


def test_a_prefix_of_a_file_that_makes_sense_is_not_taken(place: Place) -> None:
    """A copy that stalls between two looks and goes on before the next has changed nothing."""
    path = place.directory / "iris.yaml"
    whole = f"{path.read_text()}\n# and so on\n"
    path.write_text(whole[: whole.index("#")])
    assert not place.glance()
    path.write_text(whole)
    assert not place.glance()
    assert place.told == []
    assert place.glance()


def test_what_is_removed_is_said_at_warning(place: Place) -> None:
    """Of a monitor its name and detectors, of a detector its name; both say that windows are dropped."""
    put(place.directory, "iris", outliers=[{"name": "range", **BOUNDS}])
    assert place.poll()
    [line] = place.lines
    assert (line["log_level"], line["detectors_added"], line["dropped"]) == ("info", ["range"], "its open windows")

    put(place.directory, "iris", outliers=[{"name": "range", **BOUNDS, "max": {"a": 9}}])
    assert place.poll()
    [line] = place.lines
    assert (line["log_level"], line["detectors_changed"]) == ("info", ["range"])

    put(place.directory, "iris")
    assert place.poll()
    [line] = place.lines
    assert (line["log_level"], line["detectors_removed"]) == ("warning", ["range"])

    put(place.directory, "wine", outliers=[{"name": "range", **BOUNDS}])
    place.poll()
    (place.directory / "wine.yaml").unlink()
    assert place.poll()
    [line] = place.lines
    assert (line["log_level"], line["detectors"], line["dropped"]) == ("warning", ["range"], "its open windows")


def test_files_are_bounded_in_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One monitor more than a worker runs is refused before any is read; other files do not count."""
    monkeypatch.setattr(loader, "MOST_FILES", 3)
    for number in range(3):
        put(tmp_path, f"m{number}")
        (tmp_path / f"{number}.txt").touch()
        (tmp_path / f".{number}.yaml").touch()
    assert len(MonitorReloader(tmp_path).monitors) == 3
    put(tmp_path, "m3")
    with pytest.raises(SettingError, match="holds more than 3 monitors"):
        MonitorReloader(tmp_path)


def test_links_in_a_circle_are_told_by_name(place: Place) -> None:
    """One such file is that file's problem, and not the directory's."""
    (place.directory / "loop.yaml").symlink_to("loop.yaml")
    assert place.poll()
    [(_, reason)] = place.said
    assert "loop.yaml: cannot be read: Too many levels" in reason


def test_a_baseline_s_path_may_lead_anywhere(place: Place) -> None:
    """To a huge directory, to where everything changes all the time, to what no path can be: one problem, said once."""
    for path in ("/proc/self", "/proc", "a\0b", "x" * 300):
        put(place.directory, "wine", schema=None, baseline={"path": path})
        assert place.poll()
        [(event, _)] = place.said
        assert event == "monitors not taken, the running ones go on"
        assert not place.glance()
        assert not place.glance()
        assert place.said == []


def test_what_is_said_of_many_files_is_bounded(place: Place) -> None:
    """A directory of a hundred broken files is some lines and how many more there are; all are counted."""
    for number in range(100):
        (place.directory / f"{number}.yaml").write_text("{")
    assert place.poll()
    assert place.reloading.invalid == 100
    assert len(place.said) == 21
    assert place.said[-1][1] == "and 80 more"


def test_a_failure_ends_no_look(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised while the files are read is said, and the running monitors go on."""

    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("by a constant feature")

    load = module.load_monitors
    put(place.directory, "wine")
    monkeypatch.setattr(module, "load_monitors", fail)
    assert place.poll()
    [(_, reason)] = place.said
    assert "by a constant feature" in reason
    assert place.reloading.invalid == 1
    monkeypatch.setattr(module, "load_monitors", load)
    put(place.directory, "rose")
    assert place.poll()
    assert place.reloading.invalid == 0


def test_what_changes_while_nobody_listens_is_kept(place: Place) -> None:
    """While Kafka is away there is no broker to tell; the next one is made with the newest monitors."""
    put(place.directory, "wine")
    with capture_logs():
        assert not asyncio.run(place.reloading.poll())
        assert asyncio.run(place.reloading.poll())
    assert list(place.digests) == ["demo/iris", "demo/wine"]


def test_it_looks_until_it_is_told_to_stop(place: Place) -> None:
    """Each look that finds a change is told, in the order of the changes; the end comes between two looks."""
    invalid: list[int] = []

    async def watch() -> None:
        stop = asyncio.Event()

        def looked() -> None:
            invalid.append(place.reloading.invalid)
            if len(invalid) == 2:
                stop.set()
            else:
                (place.directory / "iris.yaml").unlink()

        put(place.directory, "wine")
        (place.directory / "torn.yaml").write_text("{")
        await place.reloading.watch(0.001, stop, looked)

    with capture_logs():
        asyncio.run(watch())
    assert invalid == [1, 1]


def test_no_seconds_mean_never(place: Place) -> None:
    """0 switches looking off: it ends at once."""
    put(place.directory, "wine")
    asyncio.run(place.reloading.watch(0, asyncio.Event(), lambda: pytest.fail("looked")))
    assert list(place.digests) == ["demo/iris"]


def test_the_first_directory_must_validate(tmp_path: Path) -> None:
    """At the start there is nothing that could go on: a directory that does not validate is refused."""
    put(tmp_path, "iris", windows={})
    with pytest.raises(SettingError, match=r"iris\.yaml: spec\.windows gives neither"):
        MonitorReloader(tmp_path)
