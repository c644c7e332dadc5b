"""Monitors as they lie in files: read, checked, and put together.

All that is wrong with a file is told at once. `tolerant` is for the worker: there a detector that cannot be built (a
parameter out of range, an extra that is not installed, a baseline without what it needs) is left out, and the rest of
its monitor runs; whoever checks a file wants it refused.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import structlog
from pydantic import ValidationError

from nilometer_detectors.monitors.build import detector_problems, put_together
from nilometer_detectors.monitors.files.yaml import read_yaml
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.monitors.parts import Failures
from nilometer_detectors.monitors.spec import ModelMonitor
from nilometer_detectors.problems import Problem, Problems, first_of, problems_of, shortened
from nilometer_detectors.regular_file import shown
from nilometer_logger.errors import SettingError

_log = structlog.get_logger("nilometer.monitor")
MOST_FILES = 1000
"""Monitors of a worker; each has its own statistics of each row."""


def declare(path: Path) -> ModelMonitor:
    """Reads a declaration and checks all that can be checked without its baseline.

    Raises:
        SettingError: naming the file, and all that is wrong with its paths.
    """
    document = read_yaml(path)
    if not isinstance(document, dict):
        raise Problems(shown(path), [Problem("", f"is {shortened(document)}: a ModelMonitor is expected")])
    try:
        return ModelMonitor.model_validate(document)
    except ValidationError as error:
        problems = problems_of(error, ModelMonitor) + detector_problems(document)
        raise Problems(shown(path), problems) from None


def load_monitor(path: Path, *, tolerant: bool = False, failures: Failures | None = None) -> CompiledMonitor:
    """Reads a monitor's file.

    Args:
        path: of the YAML file; the baseline's path is relative to its directory.
        tolerant: whether a monitor runs without the detectors that cannot be built, and says so in its findings.
        failures: is told of detectors that fail.

    Raises:
        SettingError: naming the file, and all that is wrong, each with its path, its value and what was expected.
    """
    declaration = declare(path)
    parts = put_together(declaration.spec, path.parent)
    problems = parts.problems if tolerant else parts.all_problems()
    if problems:
        raise Problems(shown(path), problems)
    for broken in parts.broken:
        _log.error("detector left out", file=str(path), detector=broken.name, reason=broken.reason)
    return CompiledMonitor(declaration, parts, failures)


class InvalidMonitors(SettingError):
    """Some files of a directory do not validate.

    Args:
        reasons: one a file; a file with several problems has them in one reason.
    """

    def __init__(self, reasons: Sequence[SettingError]) -> None:
        super().__init__("\n".join(first_of(reasons)))
        self.reasons = tuple(reasons)


def monitor_files(directory: Path) -> list[Path]:
    """Finds every ``*.yaml`` and ``*.yml`` of a directory, by name.

    Args:
        directory: such as the mount of a ConfigMap; names that start with a dot are passed over, because Kubernetes
            keeps the versions of a mount under such names.

    Raises:
        SettingError: if the directory cannot be read, or holds more than `MOST_FILES`.
    """
    found: list[Path] = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith((".yaml", ".yml")) and not entry.name.startswith(".") and _may_be_file(entry):
                    found.append(directory / entry.name)
                if len(found) > MOST_FILES:
                    raise SettingError(
                        f"{shown(directory)}: holds more than {MOST_FILES:,} monitors, which is the most of a worker: "
                        "give others to a worker of another --topic-prefix"
                    )
    except OSError as error:
        raise SettingError(f"{shown(directory)}: cannot be read: {error.strerror or error}") from None
    return sorted(found)


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return True  # reading it says what is wrong, such as links in a circle


def load_monitors(
    directory: Path, *, tolerant: bool = False, failures: Failures | None = None
) -> list[CompiledMonitor]:
    """Reads the monitors of a directory.

    Args:
        directory: of monitor files.
        tolerant: whether a monitor runs without the detectors that cannot be built, and says so in its findings.
        failures: is told of detectors that fail.

    Returns:
        The monitors, by the names of their files.

    Raises:
        InvalidMonitors: listing all that is wrong with any of them, also if two have one name.
        SettingError: if there is none, or the directory cannot be read.
    """
    files = monitor_files(directory)
    if not files:
        raise SettingError(f"{shown(directory)}: holds no monitor (*.yaml)")
    monitors: dict[str, tuple[Path, CompiledMonitor]] = {}
    wrong: list[SettingError] = []
    for path in files:
        try:
            monitor = load_monitor(path, tolerant=tolerant, failures=failures)
        except SettingError as error:
            wrong.append(error)
            continue
        if monitor.name in monitors:
            wrong.append(
                SettingError(
                    f"{shown(path)}: metadata names {monitor.name}, as {shown(monitors[monitor.name][0])} does"
                )
            )
        else:
            monitors[monitor.name] = (path, monitor)
    if wrong:
        raise InvalidMonitors(wrong)
    return [monitor for _, monitor in monitors.values()]
