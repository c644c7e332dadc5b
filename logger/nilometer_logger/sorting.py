"""The events of records are sorted into the runs of their streams; what is none, or comes twice, is not among them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from nilometer_logger.deadletters import dead_letter
from nilometer_logger.duplicates import Duplicates
from nilometer_logger.errors import FutureTimeError
from nilometer_logger.events import to_kafka
from nilometer_logger.inferences import Reading, Record, Run, halves_of, read_inferences
from nilometer_logger.kserve import Facts, stream_text
from nilometer_logger.snapshots import Message
from nilometer_logger.streamfigures import Bounds, StreamFigures


class Sorter:
    """Sorts events.

    Args:
        figures_of: gives the figures of a stream, by its text; None where nobody watches it.
        seen: the identities of the events that were there before.
        bury: sets an event aside.
        bounds: of an event's time and body.

    Attributes:
        work: what the decoding has been since somebody set it to 0, in cells; see `payload.Limits`.
    """

    def __init__(
        self,
        figures_of: Callable[[str], StreamFigures | None],
        seen: Duplicates,
        bury: Callable[[Message], None],
        bounds: Bounds,
    ) -> None:
        self._figures_of = figures_of
        self._seen = seen
        self._bury = bury
        self._bounds = bounds
        self.work = 0

    def sort(self, record: Record, runs: dict[str, Run]) -> Iterator[None]:
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
                if isinstance(error, FutureTimeError) and (figures := self._figures_of(found.streams[place])):
                    figures.future += 1
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
        return text if self._figures_of(text) is not None else None

    def _add(self, record: Record, reading: Reading, runs: dict[str, Run]) -> None:
        is_new = self._seen.add_all(reading.inferences.identities.tolist())
        texts = dict.fromkeys(reading.streams)
        if len(texts) == 1 and False not in is_new:
            [text] = texts
            runs.setdefault(text, Run()).add(record, reading.inferences)
            return
        places: dict[str, list[int]] = {text: [] for text in texts}
        counts = Counter(reading.streams)
        for place, (text, new) in enumerate(zip(reading.streams, is_new, strict=True)):
            if new:
                places[text].append(place)
        for text, wanted in places.items():
            runs.setdefault(text, Run()).add(record, reading.inferences.at(wanted), counts[text] - len(wanted))

    def _set_aside(self, record: Record, reasons: Mapping[int, str]) -> None:
        for number, reason in sorted(reasons.items()):
            headers, body = to_kafka(record.events[number])
            self._bury(dead_letter(reason, record.place(number), headers, body))
