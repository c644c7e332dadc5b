"""A table with a column of times, CSV or Parquet: each row becomes a request, and a response where there are predictions.

Columns are matched with the monitors' schemas by name; others are left out, and said to be. So a table is watched as the
same rows are when clients send them one by one, in the order of the file. A row has the id ``row-N``, N counting from 1.
"""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from nilometer_detectors.baselines.sources import NpzSource, ParquetSource, RequestSource, open_source
from nilometer_detectors.baselines.table import Cells, Chunk, Source
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.replay._cells import json_values
from nilometer_detectors.replay._engine import Unused
from nilometer_detectors.replay._lines import record_of
from nilometer_detectors.replay._times import Times, Unit
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import REQUEST, RESPONSE, Stream
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Column, Schema
from nilometer_logger.times import format_time

_KINDS = {"features": (REQUEST, "instances"), "predictions": (RESPONSE, "predictions")}
_UNITS = {
    "auto": "nothing",
    "iso": "ISO 8601",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}
_encode = msgspec.json.Encoder().encode


class RowFile:
    """A file of rows.

    Args:
        path: of the file.
        monitors: whose columns are wanted, and whose streams the rows are.
        time_column: the name of the column of times.
        unit: what that holds.

    Attributes:
        place: what records are numbered by.
        unused: nothing; a row that cannot be read ends the replay.

    Raises:
        SettingError: if there is no such column, or it is no table.
        ExtraMissing: if reading it needs a package that is not installed.
    """

    place = "row"

    def __init__(self, path: Path, monitors: Sequence[CompiledMonitor], time_column: str, unit: Unit = "auto") -> None:
        if not time_column:
            raise SettingError(f"{path}: --time-column NAME is needed, which of its columns says when a row was")
        self.unused = Unused()
        self._name = str(path)
        self._source = _table(path, time_column)
        self._time_column = time_column
        self._times = Times(unit)
        self._monitors = monitors
        self._streams: dict[Stream, dict[str, dict[str, Column]]] = {}
        self._left_out: list[str] = []

    def records(self) -> Iterator[Record]:
        """Reads the rows, in the order of the file.

        Raises:
            SettingError: if a column is not there, a time cannot be read, or the file is damaged; naming the place.
        """
        first = 1
        for chunk in self._source.chunks():
            cells = {column.name: content for column, content in chunk.cells.items()}
            if first == 1:
                self._match(list(cells))
            yield from self._records(first, chunk, cells)
            first += chunk.rows

    def remarks(self) -> list[str]:
        """Says how the file was read."""
        said = [f"times are those of column {self._time_column!r}, read as {_UNITS[self._times.unit]}"]
        if self._times.assumed_utc:
            said.append("times without a zone were taken for UTC")
        if self._left_out:
            said.append(f"columns that no monitor has: {', '.join(self._left_out)}")
        return said + self._source.remarks

    def _match(self, names: Sequence[str]) -> None:
        """Finds the columns of every stream."""
        if self._time_column not in names:
            raise SettingError(
                f"{self._name}: has no column {self._time_column!r} for --time-column; there are {', '.join(names)}"
            )
        for monitor in self._monitors:
            halves = self._streams.setdefault(monitor.stream, {"features": {}, "predictions": {}})
            halves["features"].update(self._found(monitor.name, "features", monitor.features, names))
            if any(name in names for name in monitor.predictions.names):
                halves["predictions"].update(self._found(monitor.name, "predictions", monitor.predictions, names))
        wanted = {name for halves in self._streams.values() for half in halves.values() for name in half}
        self._left_out = [name for name in names if name not in {*wanted, self._time_column}]

    def _found(self, monitor: str, half: str, schema: Schema, names: Sequence[str]) -> dict[str, Column]:
        missing = [name for name in schema.names if name not in names]
        if missing:
            raise SettingError(
                f"{self._name}: has no column {missing[0]!r}, one of the {half} of {monitor}; "
                f"there are {', '.join(names)}: rename it in the file or in spec.schema"
            )
        return {column.name: column for column in schema.columns}

    def _records(self, first: int, chunk: Chunk, cells: dict[str, Cells]) -> Iterator[Record]:
        times = cells[self._time_column].values
        columns = {
            (stream, half): (tuple(found), [json_values(each, cells[each.name]) for each in found.values()])
            for stream, halves in self._streams.items()
            for half, found in halves.items()
            if found
        }
        for row in range(chunk.rows):
            number = first + row
            try:
                time = self._times.read(times[row])
            except ValueError as error:
                raise SettingError(f"{self._name}: row {number}: column {self._time_column!r} {error}") from None
            written = format_time(time)
            events = [
                _event(
                    stream, half, number, written, {name: each[row] for name, each in zip(names, values, strict=True)}
                )
                for (stream, half), (names, values) in columns.items()
            ]
            yield record_of(self._name, number, [time], events)


def _table(path: Path, time_column: str) -> Source:
    if path.suffix.lower() in (".parquet", ".pq"):
        return ParquetSource(path, time_column)
    source = open_source(path)
    if isinstance(source, NpzSource | RequestSource):
        raise SettingError(f"{path}: is no table with a column of times: give CSV or Parquet, or CloudEvents as .jsonl")
    return source


def _event(stream: Stream, half: str, number: int, time: str, values: dict[str, object]) -> CloudEvent:
    kind, key = _KINDS[half]
    attributes = {
        "specversion": "1.0",
        "id": f"row-{number}",
        "source": "/nilometer/replay",
        "type": kind,
        "time": time,
        "namespace": stream.namespace,
        "inferenceservicename": stream.inference_service,
        "component": stream.component,
        "endpoint": stream.endpoint,
    }
    document = {key: [values]}
    infinite = any(isinstance(value, float) and math.isinf(value) for value in values.values())
    body = json.dumps(document).encode() if infinite else _encode(document)
    return CloudEvent({name: value for name, value in attributes.items() if value}, body)
