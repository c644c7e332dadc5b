"""Inferences, one JSON document a line: bodies of KServe's requests, or CloudEvents of requests and responses.

Requests give features. Where the file holds CloudEvents and responses are among them, those give the predictions of the
same rows, and an inference without one of the two is left out and counted.

Columns are matched by name where a body names them, else by position. What cannot be used is counted, and shown by the
first line that has it; where nothing can be used, that is the error.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nilometer_detectors.baselines.sources._files import opened, size_of
from nilometer_detectors.baselines.sources._halves import Halves, Inference, Table
from nilometer_detectors.baselines.table import CHUNK, Cells, Chunk, Source, SourceColumn
from nilometer_logger.cloudevents import from_json
from nilometer_logger.cloudevents.kserve import Half, half_of, stream_of
from nilometer_logger.decoding.payload import Payload, decode
from nilometer_logger.errors import EventError, PayloadError, SettingError

_MOST_COLUMNS = 10_000
_PREFIXES: dict[Half, str] = {"request": "x", "response": "y"}
_EVENT = b'"specversion"'


class RequestSource(Source):
    """A file of JSON lines.

    Args:
        path: of the file.
        names: of the columns of requests, where their bodies tell them by position only; else x0, x1, ….
        stream: ``NAMESPACE/INFERENCESERVICE/COMPONENT/ENDPOINT``, or its beginning; needed where the file holds the
            events of several.
    """

    def __init__(self, path: Path, names: Sequence[str] = (), stream: str = "") -> None:
        super().__init__(str(path), size_of(path))
        self._path = path
        self._names = tuple(names)
        self._stream = stream

    def chunks(self) -> Iterator[Chunk]:
        """Reads the inferences."""
        reading = _Reading(self.name, self._names, self._stream)
        batch: list[Inference] = []
        rows = before = total = 0
        with opened(self._path) as file:
            for inference in reading.inferences(file):
                batch.append(inference)
                rows += inference[0].payload.rows
                if rows >= CHUNK:
                    yield Chunk(_cells(batch, rows), rows, file.tell() - before)
                    total, batch, rows, before = total + rows, [], 0, file.tell()
            if rows:
                yield Chunk(_cells(batch, rows), rows, file.tell() - before)
        self.remarks = reading.remarks()
        if not total + rows:
            raise SettingError(f"{self.name}: holds no inferences: {'; '.join(self.remarks) or 'it is empty'}")


def _cells(batch: Sequence[Inference], rows: int) -> dict[SourceColumn, Cells]:
    """Puts the columns of many inferences together; None where one lacks a column."""
    found: dict[SourceColumn, list[object]] = {}
    start = 0
    for inference in batch:
        end = start + inference[0].payload.rows
        for table in inference:
            for name, values in zip(table.names, table.payload.table.T, strict=True):
                column = found.setdefault(SourceColumn(name, table.half), [None] * rows)
                column[start:end] = values.tolist()
        start = end
    return {column: Cells(values) for column, values in found.items()}


def is_of(stream: str, wanted: str) -> bool:
    """Tells whether a stream is the one that is wanted, or one of those whose beginning is.

    Args:
        stream: ``NAMESPACE/INFERENCESERVICE/COMPONENT/ENDPOINT``.
        wanted: the same, or its beginning; empty for any.
    """
    return not wanted or f"{stream}/".startswith(f"{wanted.rstrip('/')}/")


class _Reading:
    """One reading of the lines, from the first to the last."""

    def __init__(self, file: str, names: tuple[str, ...], stream: str) -> None:
        self._file = file
        self._names = names
        self._stream = stream
        self._streams: dict[str, None] = {}
        self._halves = Halves()
        self._columns: dict[Half, dict[str, None]] = {}
        self._by_position: set[Half] = set()
        self._unusable = 0
        self._first_unusable = ""

    def inferences(self, lines: Iterable[bytes]) -> Iterator[Inference]:
        """Gives the inferences, in the order in which they become whole."""
        for number, line in enumerate(lines, 1):
            try:
                if not line.isspace():
                    yield from self._event(line) if _EVENT in line else self._body(line)
            except (EventError, PayloadError) as error:
                self._unusable += 1
                self._first_unusable = self._first_unusable or f"line {number}: {error}"
        yield from self._halves.end()

    def remarks(self) -> list[str]:
        """Tells what was left out."""
        unpaired, unlike = self._halves.unpaired, self._halves.unlike
        return [
            *(
                [f"{self._unusable} lines cannot be used, the first is {self._first_unusable}"]
                if self._unusable
                else []
            ),
            *([f"{unpaired} requests or responses without the other are left out"] if unpaired else []),
            *([f"{unlike} inferences have other numbers of rows in request and response: left out"] if unlike else []),
        ]

    def _event(self, line: bytes) -> Iterator[Inference]:
        event = from_json(line.strip())
        half = half_of(event.attributes)
        if half is None or not self._wanted(str(stream_of(event.attributes))):
            return
        payload = decode(event.data)
        if payload.half not in (half, None):
            raise PayloadError(f"a {half} event holds the body of a {payload.half}")
        if payload.rows:
            yield from self._halves.put(event.attributes["id"], self._table(half, payload))

    def _wanted(self, stream: str) -> bool:
        if not is_of(stream, self._stream):
            return False
        self._streams[stream] = None
        if len(self._streams) > 1:
            found = " and ".join(self._streams)
            raise SettingError(f"{self._file}: holds the events of {found}: choose one with --stream")
        return True

    def _body(self, line: bytes) -> Iterator[Inference]:
        payload = decode(line.strip())
        if payload.half == "response":
            raise PayloadError("the body of a response, which does not say of which request: CloudEvents would")
        if payload.rows:
            yield (self._table("request", payload),)

    def _table(self, half: Half, payload: Payload) -> Table:
        return Table(half, self._matched(half, payload), payload)

    def _matched(self, half: Half, payload: Payload) -> tuple[str, ...]:
        """Tells the names of a body's columns.

        Raises:
            PayloadError: if it fits those before neither by name nor by position.
        """
        known = self._columns.get(half)
        if known is None:
            if payload.names is None:
                self._by_position.add(half)
            known = self._columns[half] = dict.fromkeys(payload.names or self._given(half, payload.width))
        if payload.names is None or half in self._by_position:
            if payload.width != len(known):
                raise PayloadError(f"{payload.width} columns, and those before have {len(known)}")
            return tuple(known)
        known.update(dict.fromkeys(payload.names))
        if len(known) > _MOST_COLUMNS:
            raise SettingError(f"{self._file}: names more than {_MOST_COLUMNS} columns")
        return payload.names

    def _given(self, half: Half, width: int) -> tuple[str, ...]:
        if half == "request" and self._names:
            if len(set(self._names)) != width:
                raise SettingError(
                    f"{self._file}: has rows of {width} columns, and {len(set(self._names))} names for them"
                )
            return self._names
        return tuple(f"{_PREFIXES[half]}{place}" for place in range(width))
