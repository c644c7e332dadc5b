"""`nilometer replay`: monitors over what was logged, or over a file, once and from its beginning to its end."""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nilometer_detectors.apps.events import to_json_line
from nilometer_detectors.monitors.files.loader import load_monitor
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.replay._account import Account
from nilometer_detectors.replay._engine import Replay
from nilometer_detectors.replay._kafka import Span
from nilometer_detectors.replay._lines import EventFile
from nilometer_detectors.replay._notes import notes
from nilometer_detectors.replay._reading import About, read_findings
from nilometer_detectors.replay._rows import RowFile
from nilometer_detectors.replay._sources import FileSource, LogSource, Source
from nilometer_detectors.replay._span import parse_bound
from nilometer_detectors.replay._story import Story
from nilometer_detectors.replay._text import Lines, outlier_lines
from nilometer_detectors.replay._times import Unit
from nilometer_detectors.replay.report import write_report
from nilometer_logger import topics
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.engine.limits import partition_limits
from nilometer_logger.errors import SettingError
from nilometer_logger.settings import ReplaySettings

_EVENTS = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        monitors: their files.
        events: `inferences`, or a file.
        beginning, end: of the span, as `parse_bound` reads them.
        configured: whether the log says where monitors begin and end.
        time_column: of a table.
        time_unit: of that column.
        html: where the report goes; None for none.
    """

    monitors: Sequence[Path]
    events: str
    beginning: str = ""
    end: str = ""
    configured: bool = False
    time_column: str = ""
    time_unit: Unit = "auto"
    html: Path | None = None


def run(settings: ReplaySettings, asked: Asked) -> Account:
    """Replays, prints what is found to standard output, and writes the report.

    Raises:
        SettingError: if a monitor, the file or an option does not make sense.
        UnavailableError: if Kafka cannot be reached.
        ExtraMissing: if the file needs a package that is not installed.
    """
    monitors = _load(asked.monitors)
    source = _open(settings, asked, monitors)
    replay = Replay(monitors, partition_limits(settings), configured=asked.configured, place=source.place)
    found = _Found(settings.output, stories=asked.html is not None)
    complete = asyncio.run(_replay(source, replay, found))
    lines = notes(monitors, source, replay, found.account, complete=complete)
    found.finish(lines)
    if asked.html is not None:
        write_report(asked.html, source.name, monitors, found.stories, lines)
        print(f"report written to {asked.html}", file=sys.stderr)
    return found.account


def _load(paths: Sequence[Path]) -> list[CompiledMonitor]:
    monitors: dict[str, CompiledMonitor] = {}
    for path in paths:
        monitor = load_monitor(path)
        if monitor.name in monitors:
            raise SettingError(f"{path}: is {monitor.name}, as another --monitor is: give it another metadata.name")
        monitors[monitor.name] = monitor
    return list(monitors.values())


def _open(settings: ReplaySettings, asked: Asked, monitors: Sequence[CompiledMonitor]) -> Source:
    path = Path(asked.events)
    is_log = asked.events == topics.INFERENCES
    if not is_log and (asked.beginning or asked.end or asked.configured):
        raise SettingError(
            f"--from, --to and --configured are for the topic {topics.INFERENCES}, and {asked.events} is a file: "
            "leave them out"
        )
    if is_log:
        beginning = parse_bound("--from", asked.beginning, time.time_ns)
        end = parse_bound("--to", asked.end, time.time_ns)
        topic = settings.topic_prefix + topics.INFERENCES
        return LogSource(Span(settings, beginning, end), f"{topic} of Kafka at {settings.kafka}")
    if path.suffix.lower() in _EVENTS:
        if asked.time_column:
            raise SettingError(f"--time-column is for tables, and {path} holds events, which have times: leave it out")
        return FileSource(EventFile(path), path)
    return FileSource(RowFile(path, monitors, asked.time_column, asked.time_unit), path)


class _Found:
    """Takes what is found: prints it, counts it, and keeps what a report needs."""

    def __init__(self, output: str, *, stories: bool) -> None:
        self.account = Account()
        self.stories: dict[About, Story] = {}
        self._as_json = output == "json"
        self._keeps = stories
        self._lines = Lines()

    def take(self, events: Sequence[CloudEvent]) -> None:
        """Takes findings."""
        if self._as_json:
            for event in events:
                print(to_json_line(event))
        for about, found in read_findings(events):
            self.account.take(about, found)
            if self._keeps:
                self.stories.setdefault(about, Story(about)).take(found)
            if not self._as_json:
                for line in self._lines.of(about, found):
                    print(line)
        if events:
            sys.stdout.flush()

    def finish(self, lines: Sequence[str]) -> None:
        """Prints what there is to say at the end; for machines, where it is in nobody's way."""
        out = sys.stderr if self._as_json else sys.stdout
        told = [*outlier_lines(self.account)]
        print("\n".join([*(["", *told] if told else []), "", *lines]), file=out)


async def _replay(source: Source, replay: Replay, found: _Found) -> bool:
    """Runs to the end; tells whether it came there. Ctrl-C ends it in order."""
    try:
        async for number, records in source.chunks():
            found.take(replay.take(number, records))
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        found.take(replay.end(drain=False))
        return False
    found.take(replay.end(drain=source.is_whole))
    return True
