"""The events of records are sorted into the runs of their streams; what is none, or comes twice, is not among them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from nilometer_logger.deadletters import dead_letter
from nilometer_logger.duplicates import Duplicates
from nilometer_logger.errors import FutureTimeError
from nilometer_logger.events import to_kafka
from nilometer_logger.inferences import Reading, Record, Run, halves_of, read_inferences
from nilometer_logger.kserve import Facts, stream_text
from nilometer_logger.snapshots import Message


class Streams(Protocol):
    """The streams of a partition."""

    def is_watched(self, text: str) -> bool:
        """Tells whether a monitor watches a stream."""

    def admit(self, text: str) -> str:
        """Makes room for a stream of which there is a row; tells why there is none, or nothing."""

    def refuse(self, text: str, reason: str, letters: Sequence[Message]) -> None:
        """Sets events of a stream aside."""

    def count_future(self, text: str) -> None:
        """Counts an event of a stream that lies too far in the future."""


class Sorter:
    """Sorts events.

    Args:
        streams: of the partition.
        seen: the identities of the events that were there before.
        bury: sets an event aside.
        future_bound: how far an event's time may lie after its arrival, in nanoseconds.
    """

    def __init__(
        self,
        streams: Streams,
        seen: Duplicates,
        bury: Callable[[Message], None],
        future_bound: int,
    ) -> None:
        self._streams = streams
        self._seen = seen
        self._bury = bury
        self._future_bound = future_bound

    def sort(self, record: Record, runs: dict[str, Run]) -> None:
        """Puts the events of a record behind those of the records before it.

        Args:
            record: of events.
            runs: by the texts of their streams.

        Raises:
            EventError: if it cannot be read.
        """
        found, reasons = halves_of(record, self._watched_stream)
        if found.events:
            reading = read_inferences(found, record, self._future_bound)
            for place, error in reading.refused.items():
                reasons[found.numbers[place]] = str(error)
                if isinstance(error, FutureTimeError):
                    self._streams.count_future(found.streams[place])
            self._add(record, reading, runs)
        self._set_aside(record, reasons)

    def _watched_stream(self, facts: Facts) -> str | None:
        text = stream_text(facts)
        return text if self._streams.is_watched(text) else None

    def _add(self, record: Record, reading: Reading, runs: dict[str, Run]) -> None:
        is_new = self._seen.add_all(reading.inferences.identities.tolist())
        texts = dict.fromkeys(reading.streams)
        for text in texts:
            if text not in runs:
                if reason := self._streams.admit(text):
                    self._refuse(record, reading, is_new, text, reason)
                    continue
                runs[text] = Run()
            if len(texts) == 1 and False not in is_new:
                runs[text].add(record, reading.inferences)
                continue
            here = [stream == text for stream in reading.streams]
            wanted = [is_here and new for is_here, new in zip(here, is_new, strict=True)]
            runs[text].add(record, reading.inferences.chosen(np.array(wanted)), sum(here) - sum(wanted))

    def _refuse(self, record: Record, reading: Reading, is_new: list[bool], text: str, reason: str) -> None:
        """Sets aside the events of a stream that is one too many, without a line for each."""
        numbers = [
            number
            for number, stream, new in zip(reading.inferences.numbers, reading.streams, is_new, strict=True)
            if stream == text and new
        ]
        letters = []
        for number in numbers:
            headers, body = to_kafka(record.events[number])
            letters.append(dead_letter(reason, record.place(number), headers, body))
        self._streams.refuse(text, reason, letters)

    def _set_aside(self, record: Record, reasons: Mapping[int, str]) -> None:
        for number, reason in sorted(reasons.items()):
            headers, body = to_kafka(record.events[number])
            self._bury(dead_letter(reason, record.place(number), headers, body))
