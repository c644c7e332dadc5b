"""A file of CloudEvents, one JSON document a line: what `nilometer events inferences --output json` prints.

Any line may hold an event in the CloudEvents JSON format, or a batch of them, which counts as having come together. Since
a file does not say when events came, the time of the last event of a line stands in for their arrival. A line that is no
event is counted, and the next one is taken.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from nilometer_detectors.replay._engine import Unused
from nilometer_logger.cloudevents import BATCH_HEADERS, CloudEvent, encode_batch, from_json, from_json_batch
from nilometer_logger.cloudevents.kserve import half_of, time_of
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.errors import EventError, SettingError

_MOST_LINE_BYTES = 64 * 2**20


def record_of(file: str, number: int, times: Sequence[int], events: Sequence[CloudEvent]) -> Record:
    """Makes a record of the events of one place of a file.

    Args:
        file: where they stand.
        number: of the line or row, from 1.
        times: of the events, in nanoseconds; the latest is also taken for their arrival.
        events: as they came; at least one.
    """
    return Record(file, 0, number, max(times), BATCH_HEADERS, encode_batch(events))


class EventFile:
    """A file of events.

    Args:
        path: of the file.

    Attributes:
        place: what records are numbered by.
        unused: lines that are no event, or one without a time.
        others: events that are neither a request nor a response.
    """

    place = "line"

    def __init__(self, path: Path) -> None:
        self.unused = Unused()
        self.others = 0
        self._path = path

    def records(self) -> Iterator[Record]:
        """Reads the events, in the order of the file.

        Raises:
            SettingError: if the file cannot be read, or holds no request or response at all.
        """
        name, is_empty = str(self._path), True
        try:
            with self._path.open("rb") as file:
                for number, line in _lines(file):
                    if usable := list(self._usable(number, line)):
                        is_empty = False
                        yield record_of(name, number, [time for time, _ in usable], [event for _, event in usable])
        except OSError as error:
            raise SettingError(f"{name}: cannot be read: {error.strerror or error}") from None
        if is_empty:
            raise SettingError(f"{name}: holds no logged inference: {self._why()}")

    def remarks(self) -> list[str]:
        """Says what else is in the file."""
        return [f"{self.others} events are neither requests nor responses"] if self.others else []

    def _usable(self, number: int, line: bytes) -> Iterator[tuple[int, CloudEvent]]:
        for event in self._events(number, line):
            time = time_of(event.attributes)
            if half_of(event.attributes) is None:
                self.others += 1
            elif time is None:
                self.unused.add("an event has no time that can be read, and a file no arrival", f"line {number}")
            else:
                yield time, event

    def _events(self, number: int, line: bytes) -> list[CloudEvent]:
        try:
            return from_json_batch(line) if line.startswith(b"[") else [from_json(line)]
        except EventError as error:
            self.unused.add(str(error), f"line {number}")
            return []

    def _why(self) -> str:
        if self.unused.count:
            expected = "one CloudEvent a line, as `nilometer events inferences --output json` prints them"
            return f"{self.unused.lines()[0]}; expected {expected}"
        if self.others:
            return f"its {self.others} events are no requests or responses; replay topic inferences, not findings"
        return "it is empty"


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Gives lines that are not blank, with their numbers; one without an end in sight is cut, and no event then."""
    number = 0
    while line := file.readline(_MOST_LINE_BYTES):
        number += 1
        while len(line) == _MOST_LINE_BYTES and not line.endswith(b"\n"):
            if not (rest := file.readline(_MOST_LINE_BYTES)) or rest.endswith(b"\n"):
                break
        if stripped := line.strip():
            yield number, stripped
