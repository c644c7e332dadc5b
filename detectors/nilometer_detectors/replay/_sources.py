"""What can be replayed, behind one small face: lists of records, and what there is to tell of them."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from pathlib import Path

from nilometer_detectors.replay._engine import Unused
from nilometer_detectors.replay._kafka import Span
from nilometer_detectors.replay._lines import EventFile
from nilometer_detectors.replay._rows import RowFile
from nilometer_logger.decoding.inferences import Record

# What is taken at once from a file; no finding depends on it.
_CHUNK = 500


class Source(ABC):
    """Where records come from.

    Attributes:
        name: for people.
        place: what the offset of a record counts, where it is not one of Kafka's.
        is_whole: whether the input ends for good, so that open windows close.
        unused: what could not become a record.
    """

    name: str
    place = ""
    is_whole = True

    def __init__(self) -> None:
        self.unused = Unused()

    @abstractmethod
    def chunks(self) -> AsyncIterator[tuple[int, Sequence[Record]]]:
        """Gives the records of each partition in their order, with its number."""

    @abstractmethod
    def told(self) -> list[str]:
        """Says what was read, once it was."""


class LogSource(Source):
    """A span of the topic `inferences`."""

    is_whole = False

    def __init__(self, span: Span, name: str) -> None:
        super().__init__()
        self.name = name
        self._span = span

    async def chunks(self) -> AsyncIterator[tuple[int, Sequence[Record]]]:
        """Gives the records, partition by partition."""
        async for records in self._span.records():
            yield records[0].partition, records

    def told(self) -> list[str]:
        """Says which offsets were read."""
        parts = [part for part in self._span.parts if part.end > part.first]
        read = ", ".join(f"{part.number}:{part.first}-{part.end - 1}" for part in parts) or "none"
        missing = sum(part.missing for part in self._span.parts)
        lost = [f"{missing} offsets of the span are not in the log any more"] if missing else []
        return [f"read {self.name}: offsets {read}", *lost]


class FileSource(Source):
    """A file of events, or of rows."""

    def __init__(self, file: EventFile | RowFile, path: Path) -> None:
        super().__init__()
        self.name = str(path)
        self.place = file.place
        self.unused = file.unused
        self._file = file
        self._count = 0

    async def chunks(self) -> AsyncIterator[tuple[int, Sequence[Record]]]:
        """Gives the records as one partition."""
        records: Iterator[Record] = self._file.records()
        while chunk := list(islice(records, _CHUNK)):
            self._count += len(chunk)
            yield 0, chunk

    def told(self) -> list[str]:
        """Says what was read."""
        return [f"read {self.name}: {self._count} {self.place}s", *self._file.remarks()]
