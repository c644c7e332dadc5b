"""The events of records are sorted into the runs of their streams; what is none, or comes twice, is not among them."""

from collections.abc import Callable, Mapping

import numpy as np

from nilometer_logger.deadletters import dead_letter
from nilometer_logger.duplicates import Duplicates
from nilometer_logger.errors import FutureTimeError
from nilometer_logger.events import to_kafka
from nilometer_logger.inferences import Reading, Record, Run, halves_of, read_inferences
from nilometer_logger.kserve import Facts, stream_text
from nilometer_logger.snapshots import Message
from nilometer_logger.streamfigures import StreamFigures


class Sorter:
    """Sorts events.

    Args:
        figures_of: gives the figures of a stream, by its text; None where nobody watches it.
        seen: the identities of the events that were there before.
        bury: sets an event aside.
        future_bound: how far an event's time may lie after its arrival, in nanoseconds.
    """

    def __init__(
        self,
        figures_of: Callable[[str], StreamFigures | None],
        seen: Duplicates,
        bury: Callable[[Message], None],
        future_bound: int,
    ) -> None:
        self._figures_of = figures_of
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
                if isinstance(error, FutureTimeError) and (figures := self._figures_of(found.streams[place])):
                    figures.future += 1
            self._add(record, reading, runs)
        self._set_aside(record, reasons)

    def _watched_stream(self, facts: Facts) -> str | None:
        text = stream_text(facts)
        return text if self._figures_of(text) is not None else None

    def _add(self, record: Record, reading: Reading, runs: dict[str, Run]) -> None:
        is_new = self._seen.add_all(reading.inferences.identities.tolist())
        texts = dict.fromkeys(reading.streams)
        for text in texts:
            if text not in runs:
                runs[text] = Run()
            if len(texts) == 1 and False not in is_new:
                runs[text].add(record, reading.inferences)
                continue
            here = [stream == text for stream in reading.streams]
            wanted = [is_here and new for is_here, new in zip(here, is_new, strict=True)]
            runs[text].add(record, reading.inferences.chosen(np.array(wanted)), sum(here) - sum(wanted))

    def _set_aside(self, record: Record, reasons: Mapping[int, str]) -> None:
        for number, reason in sorted(reasons.items()):
            headers, body = to_kafka(record.events[number])
            self._bury(dead_letter(reason, record.place(number), headers, body))
