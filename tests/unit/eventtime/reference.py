"""Event time, slow and obvious: the whole log is looked at for every question, and nothing is kept up to date.

It knows no codecs, blocks, states or snapshots. A log is a list of records; a record holds events, or the news that a
stream was quiet; all times are whole seconds. What the log means is said once more here, in plain Python:

* An event that is broken, or too far in the future of its record, is a dead letter, and as if it had never been.
* A stream's clock is the largest time of its events so far, and of the quiet that it was told of since the first.
* A row belongs to every window that contains its time and had not closed before its event.
* A window with rows closes at the first record after which the clock is its end and the watermark delay, or more.
* A (row, window) pair that came too late is told by the next window that closes.
* A window that starts before the stream stood at the monitor's first event is partial.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

NEVER = -(10**9)
FUTURE_BOUND = 20
TOO_LARGE = 100


class Event(NamedTuple):
    """One half of an inference: `values` are its rows, `width` how many columns each has."""

    stream: str
    half: str
    id: str
    time: int | None
    values: tuple[int, ...]
    width: int = 1
    broken: bool = False


class Quiet(NamedTuple):
    """A stream was silent until a time."""

    stream: str
    time: int


class Record(NamedTuple):
    """A record of the log: its own time, and what it holds."""

    arrival: int
    holds: tuple[Event, ...] | Quiet


@dataclass(frozen=True)
class Watcher:
    """A monitor's declaration."""

    name: str
    size: int
    slide: int
    delay: int
    offset: int
    halves: frozenset[str]
    streams: frozenset[str]

    def containing(self, time: int) -> list[int]:
        """Returns the starts of the windows that contain a time, by trying all."""
        return [
            start
            for start in range(time - self.size + 1, time + 1)
            if (start - self.offset) % self.slide == 0 and start <= time < start + self.size
        ]


class Window(NamedTuple):
    """What is said of a closed window; each of its rows is half, id, number and value."""

    start: int
    end: int
    closed_by: str
    watermark: int
    partial: bool
    late_since_last: int
    first: int
    last: int
    rows: tuple[tuple[str, str, int, int], ...]


class Move(NamedTuple):
    """Something that may move a stream's clock: where it stands, its time, and the event unless it was quiet."""

    record: int
    time: int
    event: Event | None


@dataclass(frozen=True)
class Reference:
    """What a log means to some monitors."""

    watchers: tuple[Watcher, ...]
    log: tuple[Record, ...]

    def time_of(self, record: Record, event: Event) -> int:
        """Returns an event's time, or its record's where it has none."""
        return record.arrival if event.time is None else event.time

    def is_dead(self, record: Record, event: Event) -> bool:
        """Tells whether an event cannot be used by anybody."""
        return event.broken or self.time_of(record, event) > record.arrival + FUTURE_BOUND

    def moves(self, stream: str) -> list[Move]:
        """Returns all that moves a stream's clock, from its first event on."""
        found: list[Move] = []
        for number, record in enumerate(self.log):
            if isinstance(record.holds, Quiet):
                if record.holds.stream == stream and found:
                    found.append(Move(number, record.holds.time, None))
                continue
            found += [
                Move(number, self.time_of(record, event), event)
                for event in record.holds
                if event.stream == stream and not self.is_dead(record, event) and event.values
            ]
        return found

    def dead(self) -> list[tuple[int, int]]:
        """Returns record and place of every dead letter, once for each monitor whose columns it does not fit."""
        letters = []
        for number, record in enumerate(self.log):
            for place, event in enumerate(() if isinstance(record.holds, Quiet) else record.holds):
                watching = [watcher for watcher in self.watchers if event.stream in watcher.streams]
                if watching and self.is_dead(record, event):
                    letters.append((number, place))
                elif event.values and event.width != 1:
                    letters += [(number, place) for watcher in watching if event.half in watcher.halves]
        return letters

    def outliers(self) -> set[tuple[str, str, str]]:
        """Returns monitor, stream and row of every value that is too large, in a window or late."""
        return {
            (watcher.name, stream, f"{move.event.id}/{number}")
            for watcher in self.watchers
            for stream in watcher.streams
            for move in self.moves(stream)
            if move.event and move.event.half in watcher.halves and move.event.width == 1
            for number, value in enumerate(move.event.values)
            if value > TOO_LARGE
        }

    def windows(self, watcher: Watcher, stream: str) -> list[Window]:
        """Returns the windows that close, in the order of closing."""
        moves = self.moves(stream)
        if stream not in watcher.streams or not moves:
            return []
        rows: dict[int, list[tuple[int, tuple[str, str, int, int]]]] = defaultdict(list)
        late: list[int] = []
        for number, move in enumerate(moves):
            if move.event is None or move.event.half not in watcher.halves or move.event.width != 1:
                continue
            clock_before = max((earlier.time for earlier in moves[:number]), default=NEVER)
            for place, value in enumerate(move.event.values):
                for start in watcher.containing(move.time):
                    if clock_before >= start + watcher.size + watcher.delay:
                        late.append(move.record)
                    else:
                        rows[start].append((move.time, (move.event.half, move.event.id, place, value)))
        closings = [
            (record, start)
            for start in sorted(rows)
            if (record := self.closing(moves, start + watcher.size + watcher.delay)) is not None
        ]
        closings.sort()
        windows = []
        for (before, _), (record, start) in pairwise([(-1, 0), *closings]):
            times = [time for time, _ in rows[start]]
            windows.append(
                Window(
                    start=start,
                    end=start + watcher.size,
                    closed_by="quiet" if isinstance(self.log[record].holds, Quiet) else "watermark",
                    watermark=self.clock_after(moves, record) - watcher.delay,
                    partial=start < moves[0].time,
                    late_since_last=sum(before < number <= record for number in late),
                    first=min(times),
                    last=max(times),
                    rows=tuple(sorted(row for _, row in rows[start])),
                )
            )
        return windows

    def clock_after(self, moves: list[Move], record: int) -> int:
        """Returns what a stream's clock says after a record."""
        return max((move.time for move in moves if move.record <= record), default=NEVER)

    def closing(self, moves: list[Move], due: int) -> int | None:
        """Returns the first record after which a stream's clock has reached a time; None where it never does."""
        return next((move.record for move in moves if self.clock_after(moves, move.record) >= due), None)
