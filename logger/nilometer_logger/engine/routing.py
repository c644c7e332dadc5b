"""Routes the events of records to the batches of their streams; non-events and duplicates are dropped."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, Protocol

from nilometer_logger.cloudevents import to_kafka
from nilometer_logger.cloudevents.kserve import Facts, stream_text
from nilometer_logger.deadletters import dead_letter
from nilometer_logger.decoding.inferences import DecodedInferences, Record, StreamBatch, halves_of, read_inferences
from nilometer_logger.engine.deduplication import Duplicates
from nilometer_logger.engine.limits import PartitionLimits
from nilometer_logger.errors import FutureTimeError
from nilometer_logger.topics import Message

Unused = Literal["future", "empty"]
"""Why an event gives no rows: it lies too far in the future, or its body has none."""


class Streams(Protocol):
    """The streams of a partition."""

    def is_watched(self, text: str) -> bool:
        """Tells whether a monitor watches a stream."""

    def admit(self, text: str) -> str:
        """Makes room for a stream of which there is a row; tells why there is none, or nothing."""

    def refuse(self, text: str, reason: str, letters: Sequence[Message]) -> None:
        """Sets events of a stream aside."""

    def count_unused(self, text: str, why: Unused) -> None:
        """Counts an event of a stream that gives no rows."""


class Router:
    """Sorts events.

    Args:
        streams: of the partition.
        seen: the identities of the events that were there before.
        write_dead_letter: sets an event aside.
        bounds: of an event's time and body.

    Attributes:
        work: what the decoding has been since somebody set it to 0, in cells; see `payload.Limits`.
    """

    def __init__(
        self,
        streams: Streams,
        seen: Duplicates,
        write_dead_letter: Callable[[Message], None],
        bounds: PartitionLimits,
    ) -> None:
        self._streams = streams
        self._seen = seen
        self._write_dead_letter = write_dead_letter
        self._bounds = bounds
        self.work = 0

    def route(self, record: Record, runs: dict[str, StreamBatch]) -> Iterator[None]:
        """Puts the events of a record behind those of the records before it.

        Args:
            record: of events.
            runs: by the texts of their streams.

        Yields:
            Where the record goes on but enough has been decoded for one time: what is in `runs` is to be used first.

        Raises:
            EventError: if it cannot be read; before anything of it is in `runs`.
        """
        found, reasons = halves_of(record, self._watched_stream)
        while found.events:
            reading = read_inferences(found, record, self._bounds.future, self._bounds.body)
            self.work += reading.work
            for place, error in reading.refused.items():
                reasons[found.numbers[place]] = str(error)
                if isinstance(error, FutureTimeError):
                    self._streams.count_unused(found.streams[place], "future")
            for text in reading.empty:
                self._streams.count_unused(text, "empty")
            self._add(record, reading, runs)
            found = found.after(reading.count)
            if found.events:
                yield
        self._set_aside(record, reasons)

    @property
    def is_full(self) -> bool:
        """Whether enough has been decoded for one time."""
        return self.work >= self._bounds.body.cells

    def _watched_stream(self, facts: Facts) -> str | None:
        text = stream_text(facts)
        return text if self._streams.is_watched(text) else None

    def _add(self, record: Record, reading: DecodedInferences, runs: dict[str, StreamBatch]) -> None:
        is_new = self._seen.add_all(reading.inferences.identities.tolist())
        texts = dict.fromkeys(reading.streams)
        if len(texts) == 1 and False not in is_new:
            [text] = texts
            if self._has_room(text, runs, record, reading, is_new):
                runs.setdefault(text, StreamBatch()).add(record, reading.inferences)
            return
        places: dict[str, list[int]] = {text: [] for text in texts}
        counts = Counter(reading.streams)
        for place, (text, new) in enumerate(zip(reading.streams, is_new, strict=True)):
            if new:
                places[text].append(place)
        for text, wanted in places.items():
            if self._has_room(text, runs, record, reading, is_new):
                runs.setdefault(text, StreamBatch()).add(
                    record, reading.inferences.at(wanted), counts[text] - len(wanted)
                )

    def _has_room(
        self, text: str, runs: Mapping[str, StreamBatch], record: Record, reading: DecodedInferences, is_new: list[bool]
    ) -> bool:
        """Tells whether a stream is in memory, or has room there; otherwise sets its events aside."""
        if text in runs or not (reason := self._streams.admit(text)):
            return True
        self._refuse(record, reading, is_new, text, reason)
        return False

    def _refuse(self, record: Record, reading: DecodedInferences, is_new: list[bool], text: str, reason: str) -> None:
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
            self._write_dead_letter(dead_letter(reason, record.place(number), headers, body))
