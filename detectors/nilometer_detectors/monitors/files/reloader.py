"""Monitors that are added, changed or removed while the worker runs.

The directory is looked at now and then, in a thread: by the names, sizes, times and inodes of the monitors' files and
of those in their baselines, which costs a few calls and reads nothing. A ConfigMap is mounted by links, and a new
version of it is another inode behind them. Only where something differs are the monitors read again, all of them.

A file that is being written may make sense already: cut before `drift:`, it is a monitor without its drift detectors,
and to take it would drop its windows. So a change counts only once two looks in a row have found the very same
contents, and the files still have them after they were taken apart. Of a baseline its files' sizes, times and inodes
must agree; half of one has another digest than it says.

A directory is taken whole or not at all. Where any file does not validate, or none is left, the running monitors go on
as they are, and each problem is said in a line, once for each change. A monitor with the same digest is the same
monitor, however its file has changed, and its windows go on undisturbed.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import structlog

from nilometer_detectors.baselines.baseline import ARRAYS, DOCUMENT
from nilometer_detectors.monitors.files.aside import aside
from nilometer_detectors.monitors.files.loader import InvalidMonitors, declare, load_monitors, monitor_files
from nilometer_detectors.monitors.files.yaml import MOST_BYTES
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.monitors.parts import Failures
from nilometer_detectors.problems import Problems, first_of
from nilometer_detectors.regular_file import read_regular
from nilometer_logger.engine.protocol import Monitor
from nilometer_logger.errors import NilometerError, SettingError

_log = structlog.get_logger("nilometer.worker")

Configure = Callable[[Sequence[Monitor]], None]
_Trace = tuple[str, tuple[int, ...]]


class MonitorReloader:
    """The monitors of a directory, as it was when it last made sense.

    Args:
        directory: of monitor files.

    Attributes:
        monitors: those that run.
        failures: how often each of their detectors failed; it never falls, whatever is read again.
        invalid: how many files do not validate now; 1 where the directory cannot be read or holds no monitor.

    Raises:
        SettingError: if the directory does not validate at the start.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.failures: Failures = Counter()
        self._baselines: list[Path] = _baselines_of(directory)
        self._unsettled = b""  # what the last look found changed, and the next one must find again
        self._seen = self._signature()  # before the files are read, so that no change falls between
        self.monitors: list[CompiledMonitor] = load_monitors(directory, tolerant=True, failures=self.failures)
        self.invalid = 0
        self._configure: Configure | None = None

    @contextlib.contextmanager
    def telling(self, configure: Configure) -> Iterator[None]:
        """Tells another of every change while the context is open; it must have been made with `monitors`."""
        self._configure = configure
        try:
            yield
        finally:
            self._configure = None

    async def watch(self, every_seconds: float, stop: asyncio.Event, looked: Callable[[], None]) -> None:
        """Looks at the directory until it is told to stop.

        Args:
            every_seconds: the pause between two looks; 0 means never.
            stop: ends the pauses and the looks.
            looked: called after each look that found a change.
        """
        while every_seconds and not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_seconds)
                return
            if await self.poll():
                looked()

    async def poll(self) -> bool:
        """Looks at the directory once, and takes what has changed and was the same at the look before.

        Returns:
            Whether a change was taken or refused.
        """
        found = await aside(self._read)
        if isinstance(found, list):
            self._take(found)
        elif found is not None:
            self._refuse(found)
        return found is not None

    def _read(self) -> list[CompiledMonitor] | Exception | None:
        """Reads the directory if it has changed; None where it has not, or where the change has not come to rest."""
        if self._signature() == self._seen:
            self._unsettled = b""
            return None
        contents = self._contents()
        if contents != self._unsettled:
            self._unsettled = contents
            return None
        self._baselines = _baselines_of(self._directory)
        seen = self._signature()
        try:
            found: list[CompiledMonitor] | Exception = load_monitors(
                self._directory, tolerant=True, failures=self.failures
            )
        except Exception as error:  # noqa: BLE001 - what one detector of another house raises must not end the looks
            found = error
        if self._signature() != seen or _contents_of(self._directory) != contents[: sha256().digest_size]:
            self._unsettled = self._contents()
            return None
        self._seen, self._unsettled = seen, b""
        return found

    def _contents(self) -> bytes:
        """Digests what the monitors' files hold, and how their baselines look."""
        baselines = repr([trace for path in self._baselines for trace in _traces(path)])
        return _contents_of(self._directory) + sha256(baselines.encode()).digest()

    def _signature(self) -> list[_Trace]:
        with contextlib.suppress(SettingError):  # a directory that cannot be read is told where it is read
            return [trace for path in (*monitor_files(self._directory), *self._baselines) for trace in _traces(path)]
        return [(str(self._directory), ())]

    def _take(self, found: list[CompiledMonitor]) -> None:
        before = {monitor.name: monitor for monitor in self.monitors}
        after = {monitor.name: monitor for monitor in found}
        same = {name: each.digest for name, each in before.items()} == {
            name: each.digest for name, each in after.items()
        }
        if same and self.invalid:
            _log.info("monitors validate again", directory=str(self._directory))
        self.invalid = 0
        if same:
            return
        self.monitors = found
        if self._configure:
            self._configure(found)
        for name in sorted(before.keys() | after.keys()):
            _say(name, before.get(name), after.get(name))

    def _refuse(self, error: Exception) -> None:
        reasons: Sequence[Exception] = error.reasons if isinstance(error, InvalidMonitors) else (error,)
        self.invalid = len(reasons)
        for line in first_of([line for reason in reasons for line in _lines_of(reason)]):
            _log.error("monitors not taken, the running ones go on", reason=line)


def _traces(path: Path) -> Iterator[_Trace]:
    """Yields what tells that a file has changed, or the files of a baseline; what is not there has a trace as well."""
    for each in (path, path / DOCUMENT, path / ARRAYS):
        try:
            found = each.stat()
        except (OSError, ValueError):  # ValueError: what no path can hold
            yield str(each), ()
            continue
        yield str(each), (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


def _contents_of(directory: Path) -> bytes:
    """Digests what the monitors' files hold; of what cannot be read, why."""
    digest = sha256()
    try:
        for path in monitor_files(directory):
            try:
                content = read_regular(path, MOST_BYTES)
            except (SettingError, OSError) as error:
                content = str(error).encode(errors="replace")
            digest.update(f"{path.name!a} {len(content)} ".encode() + content)
    except SettingError as error:
        digest.update(str(error).encode(errors="replace"))
    return digest.digest()


def _baselines_of(directory: Path) -> list[Path]:
    """Finds the baselines that the monitors name, whether they are there or not."""
    found: set[Path] = set()
    with contextlib.suppress(SettingError):  # as above, and so is what is wrong with a file
        for path in monitor_files(directory):
            with contextlib.suppress(SettingError):
                baseline = declare(path).spec.baseline
                found |= {path.parent / baseline.path} if baseline else set()
    return sorted(found)


def _lines_of(reason: Exception) -> list[str]:
    if isinstance(reason, Problems):
        return [f"{reason.file}: {problem}" for problem in first_of(reason.problems)]
    return [str(reason) if isinstance(reason, NilometerError) else repr(reason)]


def _say(name: str, before: CompiledMonitor | None, after: CompiledMonitor | None) -> None:
    """Says what has become of a monitor; at warning where something is no longer judged."""
    if before is None or after is None:
        if after is not None:
            _log.info("monitor added", monitor=name, digest=after.digest[:12])
        elif before is not None:
            gone = list(before.declared)
            _log.warning(
                "monitor removed", monitor=name, digest=before.digest[:12], detectors=gone, dropped="its open windows"
            )
        return
    if after.digest == before.digest:
        return
    added = [each for each in after.declared if each not in before.declared]
    removed = [each for each in before.declared if each not in after.declared]
    changed = [each for each, spec in after.declared.items() if before.declared.get(each, spec) != spec]
    facts = {"detectors_added": added, "detectors_removed": removed, "detectors_changed": changed}
    (_log.warning if removed else _log.info)(
        "monitor changed",
        monitor=name,
        digest=after.digest[:12],
        before=before.digest[:12],
        **{fact: names for fact, names in facts.items() if names},
        dropped="its open windows",
    )
