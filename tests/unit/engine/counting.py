"""The smallest monitor there can be: a window's state is the list of its rows, and its finding tells them all."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import msgspec

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.engine.protocol import ClosedWindow, WindowSpec
from nilometer_logger.rows import Column, Rows, Schema
from nilometer_logger.times import SECOND

TOO_LARGE = 100.0
ONE_COLUMN = Schema((Column("x"),))
NO_COLUMNS = Schema(())
TEN_SECONDS = WindowSpec(10 * SECOND, 10 * SECOND, 0)


@dataclass
class Listed:
    """A state that keeps every row, as half, id, number in the inference, value, and hash."""

    rows: list[list[Any]] = field(default_factory=list)

    def update(self, rows: Rows) -> None:
        """Takes a block of rows."""
        facts = zip(rows.ids, rows.numbers.tolist(), rows.values[:, 0].tolist(), rows.hashes.tolist(), strict=True)
        self.rows += [[rows.half, *fact] for fact in facts]

    def merge(self, other: Self) -> None:
        """Takes the rows of another state, and leaves it as it is."""
        self.rows += other.rows

    def dump(self) -> bytes:
        """Writes the rows."""
        return msgspec.msgpack.encode(self.rows)


@dataclass
class Remembered:
    """A memory that keeps how many rows there were and how many windows have closed, and a hash of the rows' order."""

    rows: int = 0
    windows: int = 0
    order: int = 0

    def update(self, rows: Rows) -> None:
        """Takes a block of rows."""
        self.rows += len(rows)
        if rows.half == "request":
            for value in rows.values[:, 0].tolist():
                self.order = (self.order * 31 + int(value) + 7) % 1_000_003

    def dump(self) -> bytes:
        """Writes the memory; nothing where there was nothing."""
        return msgspec.msgpack.encode([self.rows, self.windows, self.order]) if self.rows else b""


@dataclass(frozen=True)
class Counting:
    """A monitor that counts; what it finds is the window itself, and each row whose value is too large."""

    name: str = "demo/counting"
    digest: str = "d1"
    windows: WindowSpec = TEN_SECONDS
    features: Schema = ONE_COLUMN
    predictions: Schema = NO_COLUMNS
    services: frozenset[str] = frozenset({"iris"})
    wants_late: bool = False

    def state_bytes(self, rows: int) -> int:
        """What a state takes, by agreement."""
        return 1000 + min(100 * rows, 1000)

    def watches(self, stream: Stream) -> bool:
        """Watches some services."""
        return stream.inference_service in self.services

    def open(self) -> Listed:
        """Makes an empty state."""
        return Listed()

    def load(self, blob: bytes) -> Listed:
        """Reads a state."""
        return Listed(msgspec.msgpack.decode(blob))

    def remember(self, blob: bytes = b"") -> Remembered:
        """Makes or reads a memory."""
        return Remembered(*(msgspec.msgpack.decode(blob) if blob else ()))

    def close(self, stream: Stream, window: ClosedWindow, state: Listed, memory: Remembered) -> Sequence[CloudEvent]:
        """Tells the window's facts and its rows, and what the memory holds."""
        memory.windows += 1
        body = {"window": asdict(window), "rows": sorted(state.rows), "memory": asdict(memory)}
        return [CloudEvent({"monitor": self.name, "stream": str(stream)}, json.dumps(body).encode())]

    def score(self, stream: Stream, rows: Rows, memory: Remembered) -> Sequence[CloudEvent]:  # noqa: ARG002 - a monitor's
        """Finds the rows whose value is too large."""
        found = [row for row, value in enumerate(rows.values[:, 0].tolist()) if value > TOO_LARGE]
        return [
            CloudEvent(
                {"monitor": self.name, "stream": str(stream), "row": f"{rows.ids[row]}/{rows.numbers[row]}"}, b""
            )
            for row in found
        ]


def seconds(size: float, slide: float | None = None, delay: float = 0.0, offset: float = 0.0) -> WindowSpec:
    """Returns windows declared in seconds; tumbling where no slide is given."""
    parts = (size, size if slide is None else slide, delay, offset)
    return WindowSpec(*(round(part * SECOND) for part in parts))
