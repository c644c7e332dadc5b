"""Event time, slow and obvious: the whole log is looked at for every question, and nothing is kept up to date.

It knows no codecs, blocks, runs, states or snapshots. A log is a list of records; a record holds events, or what a
worker wrote into the log (a stream was quiet; halves have waited long enough; these monitors run from here on); all
times are whole seconds. What the log means is said once more here, in plain Python:

* A monitor has *lives*: from the configure record that starts it until the one that does not name it as it is. A stream
  lives while at least one monitor that runs watches it. Nothing of a life is left in the next.
* An event that is broken, or too far in the future of its record, is a dead letter, and as if it had never been. So is
  an event without rows, and one that was there before, with the same id, half and time.
* What a worker wrote into the log is a dead letter, and as if it had never been, if its time is as far in the future.
* A stream's clock is the largest time of its events so far, and of the quiet that it was told of since the first.
* A row belongs to every window that contains its time and had not closed before its event.
* A window with rows closes at the first record after which the clock is its end and the watermark delay, or more. Or it
  closes when it has its number of rows, or when the input ends.
* A (row, window) pair that came too late, and an event that came twice, are told by the next window that closes.
* A monitor remembers every row that it took in its life, late ones too, and every window that closed.
* A window that starts before the stream stood at the monitor's first event is partial.
* A record may be lost before anybody has read it. A window of time that closes later is partial and tells how many were
  lost, if it starts before where the stream stood then, or at the next event (those between two events are one gap). So
  is a window of rows that had some. Nobody knows what is unanswered there.
* A half meets, of the other halves of its id that wait, the one nearest in time. It waits until the log says so, or its
  stream has a record that arrived so much later.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

NEVER = -(10**9)
FOREVER = 10**9
FUTURE_BOUND = 20
TOO_LARGE = 100
LATE_BOUNDS = (1, 10, 60, 600, 3600)


class Event(NamedTuple):
    """One half of an inference: `values` are its rows, `width` how many columns each has."""

    stream: str
    half: str
    id: str
    time: int | None
    values: tuple[int, ...]
    width: int = 1
    broken: bool = False


class Idle(NamedTuple):
    """A stream was silent until a time."""

    stream: str
    time: int


class ExpirePending(NamedTuple):
    """Halves of a stream that arrived then or before wait no longer."""

    stream: str
    arrival: int


class Configure(NamedTuple):
    """These monitors, by name and digest, run from here on."""

    monitors: tuple[tuple[str, str], ...]


class Lost(NamedTuple):
    """Nobody can read the record any more."""


class Record(NamedTuple):
    """A record of the log: its own time, and what it holds."""

    arrival: int
    holds: tuple[Event, ...] | Idle | ExpirePending | Configure | Lost

    @property
    def events(self) -> tuple[Event, ...]:
        """Its events; none where a worker wrote it, or nobody can read it."""
        return () if isinstance(self.holds, Idle | ExpirePending | Configure | Lost) else self.holds

    @property
    def obeyed(self) -> Idle | ExpirePending | None:
        """What a worker wrote that moves a clock, unless it moves it too far ahead."""
        if isinstance(self.holds, Idle | ExpirePending) and not self.is_from_the_future:
            return self.holds
        return None

    @property
    def is_from_the_future(self) -> bool:
        """Tells whether a worker wrote of a time that lies too far after the record."""
        return isinstance(self.holds, Idle | ExpirePending) and self.holds[1] > self.arrival + FUTURE_BOUND


@dataclass(frozen=True)
class Watcher:
    """A monitor's declaration; `count` is 0 where its windows are of time."""

    name: str
    digest: str
    size: int
    slide: int
    delay: int
    offset: int
    count: int
    wants_late: bool
    halves: frozenset[str]
    streams: frozenset[str]

    def containing(self, time: int) -> list[int]:
        """Returns the starts of the windows that contain a time, by trying all."""
        return [
            start
            for start in range(time - self.size + 1, time + 1)
            if (start - self.offset) % self.slide == 0 and start <= time < start + self.size
        ]

    def fits(self, event: Event) -> bool:
        """Tells whether an event gives it rows."""
        return event.half in self.halves and event.width == 1


Row = tuple[str, str, int, int]


class Window(NamedTuple):
    """What is said of a closed window; each of its rows is half, id, number and value.

    `remembered` is what the monitor's memory holds: rows and windows so far, and a hash of the order of its requests.
    `unanswered` is what it is at least and at most: of a window that is older than any that was open when requests were
    given up, these may be forgotten.
    """

    start: int
    end: int
    closed_by: str
    watermark: int
    partial: bool
    late_by: tuple[int, ...]
    latest: int
    duplicates: int
    unanswered: tuple[int, int] | None
    first: int
    last: int
    rows: tuple[Row, ...]
    remembered: tuple[int, int, int] = (0, 0, 0)
    lost: int = 0


class Life(NamedTuple):
    """After which place in the log something begins, and at which it ends; a half where the log does not say so."""

    begin: float
    end: float

    def holds(self, record: int) -> bool:
        """Tells whether a record is read in this life."""
        return self.begin < record < self.end


class Move(NamedTuple):
    """Something that may move a stream's clock: where it stands, its time, and the event unless it was quiet."""

    record: int
    time: int
    event: Event | None


class Late(NamedTuple):
    """A row that came too late for a window: at which record, and by how much."""

    record: int
    by: int


@dataclass(frozen=True)
class Reference:
    """What a log means to some monitors.

    Attributes:
        watchers: all that are ever loaded.
        log: all of it.
        first: those that run from the beginning.
        pairing: for how long after its arrival a half waits for the other.
        remembered: the bound of identities.
        is_drained: whether the input ends with the log.
        changed: monitors that were replaced after a record though the log does not say so, by record.
    """

    watchers: tuple[Watcher, ...]
    log: tuple[Record, ...]
    first: tuple[Watcher, ...]
    pairing: int = FOREVER
    remembered: int = FOREVER
    is_drained: bool = False
    changed: tuple[tuple[int, Configure], ...] = ()

    @cached_property
    def configured(self) -> list[tuple[float, tuple[Watcher, ...]]]:
        """The places at which the monitors change, and which run from there on."""
        told: list[tuple[float, Configure]] = [(number + 0.5, change) for number, change in self.changed]
        told += [(n, record.holds) for n, record in enumerate(self.log) if isinstance(record.holds, Configure)]
        found: list[tuple[float, tuple[Watcher, ...]]] = [(-1, self.first)]
        for place, change in sorted(told, key=lambda each: each[0]):
            found.append((place, tuple(each for each in self.watchers if (each.name, each.digest) in change.monitors)))
        return found

    def lives(self, watcher: Watcher) -> list[Life]:
        """Returns when a monitor runs."""
        return self._lives([(place, watcher in running) for place, running in self.configured])

    def stream_lives(self, stream: str) -> list[Life]:
        """Returns when a stream is watched."""
        return self._lives(
            [(place, any(stream in each.streams for each in running)) for place, running in self.configured]
        )

    def _lives(self, told: list[tuple[float, bool]]) -> list[Life]:
        lives: list[Life] = []
        for (begin, is_so), (end, _) in pairwise([*told, (FOREVER, False)]):
            if is_so and lives and lives[-1].end == begin:
                lives[-1] = Life(lives[-1].begin, end)
            elif is_so:
                lives.append(Life(begin, end))
        return lives

    def running(self, record: int) -> tuple[Watcher, ...]:
        """Returns the monitors that run when a record is read."""
        return next(running for place, running in reversed(self.configured) if place < record)

    def watching(self, record: int, stream: str) -> list[Watcher]:
        """Returns those that watch a stream when a record is read."""
        return [watcher for watcher in self.running(record) if stream in watcher.streams]

    def time_of(self, record: Record, event: Event) -> int:
        """Returns an event's time, or its record's where it has none."""
        return record.arrival if event.time is None else event.time

    def is_dead(self, record: Record, event: Event) -> bool:
        """Tells whether an event cannot be used by anybody."""
        return event.broken or self.time_of(record, event) > record.arrival + FUTURE_BOUND

    @cached_property
    def usable(self) -> dict[tuple[int, int], bool]:
        """The events that are watched and hold rows, by record and place; False where it was there before."""
        generation = -(-self.remembered // 8)
        seen: list[tuple[str, str, str, int]] = []
        found: dict[tuple[int, int], bool] = {}
        for number, record in enumerate(self.log):
            for place, event in enumerate(record.events):
                if self.is_dead(record, event) or not event.values or not self.watching(number, event.stream):
                    continue
                identity = event.stream, event.id, event.half, self.time_of(record, event)
                begin = max(0, len(seen) // generation - 8) * generation
                found[number, place] = identity not in seen[begin:]
                if found[number, place]:
                    seen.append(identity)
        return found

    def events(self, stream: str, record: int) -> list[Event]:
        """Returns the usable events of a stream in a record, each that was not there before."""
        return [
            event
            for place, event in enumerate(self.log[record].events)
            if event.stream == stream and self.usable.get((record, place))
        ]

    def duplicates(self, stream: str, life: Life) -> list[int]:
        """Returns the record of every event of a stream that was there before."""
        return [
            record
            for (record, place), is_new in self.usable.items()
            if not is_new and life.holds(record) and self.log[record].events[place].stream == stream
        ]

    def moves(self, stream: str, life: Life) -> list[Move]:
        """Returns all that moves a stream's clock in one of its lives, from its first event on."""
        found: list[Move] = []
        for number, record in enumerate(self.log):
            if not life.holds(number):
                continue
            if isinstance(record.obeyed, Idle) and record.obeyed.stream == stream and found:
                found.append(Move(number, record.obeyed.time, None))
            found += [Move(number, self.time_of(record, event), event) for event in self.events(stream, number)]
        return found

    def dead(self) -> list[tuple[int, int]]:
        """Returns record and place of every dead letter, once for each monitor whose columns it does not fit.

        What a worker wrote has no places, so that it is -1.
        """
        letters = []
        for number, record in enumerate(self.log):
            if record.is_from_the_future:
                letters.append((number, -1))
            for place, event in enumerate(record.events):
                watching = self.watching(number, event.stream)
                if watching and self.is_dead(record, event):
                    letters.append((number, place))
                elif self.usable.get((number, place)) and event.width != 1:
                    letters += [(number, place) for watcher in watching if event.half in watcher.halves]
        return letters

    def outliers(self) -> set[tuple[str, str, str]]:
        """Returns monitor, stream and row of every value that is too large, in a window or late."""
        return {
            (watcher.name, event.stream, f"{event.id}/{row}")
            for number, record in enumerate(self.log)
            for place, event in enumerate(record.events)
            if self.usable.get((number, place))
            for watcher in self.watching(number, event.stream)
            if watcher.fits(event)
            for row, value in enumerate(event.values)
            if value > TOO_LARGE
        }

    def unanswered(self, stream: str, life: Life, until: int, start: int, end: int) -> tuple[int, int] | None:
        """Counts the requests from one time until before another that have no response after a record.

        Returns:
            How many of them wait still, and how many wait or were given up; None where there never was a response.
        """
        waiting: list[tuple[int, str, str, int]] = []
        given_up: list[int] = []
        newest, has_response = 0, False

        def expire(arrival: int) -> None:
            given_up.extend(time for came, half, _, time in waiting if came <= arrival and half == "request")
            waiting[:] = [each for each in waiting if each[0] > arrival]

        for number, record in enumerate(self.log[: until + 1]):
            if not life.holds(number):
                continue
            if isinstance(record.obeyed, ExpirePending) and record.obeyed.stream == stream:
                expire(record.obeyed.arrival)
            if events := self.events(stream, number):
                newest = max(newest, record.arrival)
                expire(newest - self.pairing)
            for event in events:
                time = self.time_of(record, event)
                has_response |= event.half == "response"
                others = [each for each in waiting if each[2] == event.id and each[1] != event.half]
                if others:
                    waiting.remove(min(others, key=lambda other: abs(other[3] - time)))
                else:
                    waiting.append((record.arrival, event.half, event.id, time))
        least = sum(half == "request" and start <= time < end for _, half, _, time in waiting)
        return (least, least + sum(start <= time < end for time in given_up)) if has_response else None

    def windows(self, watcher: Watcher, stream: str) -> list[Window]:
        """Returns the windows that close, in the order of closing."""
        if stream not in watcher.streams:
            return []
        find = self._count_windows if watcher.count else self._time_windows
        found: list[Window] = []
        for life in self.lives(watcher):
            [over] = [each for each in self.stream_lives(stream) if each.begin <= life.begin and life.end <= each.end]
            moves = self.moves(stream, over)
            closed, late = find(watcher, life, moves)
            duplicates = self.duplicates(stream, life)
            told = -1
            for place, (record, window) in enumerate(closed, 1):
                by = [each.by for each in late if told < each.record <= record]
                unanswered = self.unanswered(stream, over, record, window.start, window.end)
                unanswered = None if window.lost else unanswered
                if unanswered and not watcher.count and life.begin == over.begin:
                    unanswered = unanswered[1], unanswered[1]
                found.append(
                    window._replace(
                        late_by=tuple(
                            sum(low < each <= high for each in by)
                            for low, high in pairwise([-1, *LATE_BOUNDS, FOREVER])
                        ),
                        latest=max(by, default=0),
                        duplicates=sum(told < each <= record for each in duplicates),
                        remembered=self._remembered(watcher, life, moves, record, place),
                        unanswered=unanswered,
                    )
                )
                told = record
        return found

    def _remembered(
        self, watcher: Watcher, life: Life, moves: list[Move], record: int, windows: int
    ) -> tuple[int, int, int]:
        """Returns what the memory holds after a record and some windows."""
        taken = [
            row for move, _, numbered in self._rows(watcher, life, moves) if move.record <= record for row in numbered
        ]
        order = 0
        for half, _, _, value in taken:
            if half == "request":
                order = (order * 31 + value + 7) % 1_000_003
        return len(taken), windows, order

    def _time_windows(
        self, watcher: Watcher, life: Life, moves: list[Move]
    ) -> tuple[list[tuple[int, Window]], list[Late]]:
        rows: dict[int, list[tuple[int, Row]]] = defaultdict(list)
        late: list[Late] = []
        for move, clock_before, numbered in self._rows(watcher, life, moves):
            for start in watcher.containing(move.time):
                watermark, end = clock_before - watcher.delay, start + watcher.size
                if watermark >= end:
                    late += [Late(move.record, watermark - end)] * len(numbered)
                else:
                    rows[start] += [(move.time, row) for row in numbered]
        began = self._began(life, moves)
        closed = []
        for start in sorted(rows):
            end = start + watcher.size
            record = self.closing(moves, end + watcher.delay)
            if record is None and self.is_drained:
                record = len(self.log)
            if record is None or not life.holds(record):
                continue
            how = "quiet" if record < len(self.log) and isinstance(self.log[record].holds, Idle) else "watermark"
            window = _window(rows[start], self.clock_after(moves, record) - watcher.delay)
            window = window._replace(start=start, end=end, closed_by="drained" if record == len(self.log) else how)
            lost = sum(start < until for gap, until in self._gaps(life, moves, record) if gap < record)
            partial = start < began or end > window.watermark or lost > 0
            closed.append((record, window._replace(partial=partial, lost=lost)))
        return sorted(closed, key=lambda each: (each[0], each[1].start)), late

    def _count_windows(
        self, watcher: Watcher, life: Life, moves: list[Move]
    ) -> tuple[list[tuple[int, Window]], list[Late]]:
        counted = "request" if "request" in watcher.halves else "response"
        closed: list[tuple[int, Window]] = []
        rows: list[tuple[int, Row]] = []
        since = 0  # the record of the first of them

        def lost(until: int) -> int:
            return sum(isinstance(record.holds, Lost) for record in self.log[since:until]) if rows else 0

        in_turn = sorted(self._rows(watcher, life, moves), key=lambda each: (each[0].record, each[0].event.half))  # type: ignore[union-attr]
        for move, clock_before, numbered in in_turn:
            for row in numbered:
                since = since if rows else move.record
                rows.append((move.time, row))
                if row[0] == counted and sum(kept[0] == counted for _, kept in rows) == watcher.count:
                    window = _window(rows, max(clock_before, move.time) - watcher.delay)
                    gone = lost(move.record)
                    closed.append((move.record, window._replace(closed_by="count", partial=gone > 0, lost=gone)))
                    rows = []
        if rows and self.is_drained and life.holds(len(self.log)):
            window = _window(rows, self.clock_after(moves, len(self.log)) - watcher.delay)
            gone = lost(len(self.log))
            closed.append((len(self.log), window._replace(closed_by="drained", partial=True, lost=gone)))
        return closed, []

    def _rows(self, watcher: Watcher, life: Life, moves: list[Move]) -> Iterator[tuple[Move, int, list[Row]]]:
        for number, move in enumerate(moves):
            event = move.event
            if event is not None and life.holds(move.record) and watcher.fits(event):
                clock_before = max((earlier.time for earlier in moves[:number]), default=NEVER)
                yield (
                    move,
                    clock_before,
                    [(event.half, event.id, place, value) for place, value in enumerate(event.values)],
                )

    def _began(self, life: Life, moves: list[Move]) -> int:
        for number, move in enumerate(moves):
            if move.event is not None and life.holds(move.record):
                return max(earlier.time for earlier in moves[: number + 1])
        return NEVER

    def _gaps(self, life: Life, moves: list[Move], until: int) -> list[tuple[int, int]]:
        """Returns the lost records of a monitor's life, each with the first start of a window that has lost nothing.

        Args:
            life: the monitor's.
            moves: of the stream's clock.
            until: the record at which somebody asks.
        """
        found = []
        for number, record in enumerate(self.log[:until]):
            if not (isinstance(record.holds, Lost) and life.holds(number) and moves and moves[0].record < number):
                continue
            events = [move for move in moves if move.event is not None and number < move.record <= until]
            if not events:
                found.append((number, FOREVER))
                continue
            [last, *_] = [
                other for other in range(events[0].record, number - 1, -1) if isinstance(self.log[other].holds, Lost)
            ]
            stood = max(move.time for move in moves[: moves.index(events[0]) + 1])
            found.append((number, max(self.clock_after(moves, last) + 1, stood)))
        return found

    def clock_after(self, moves: list[Move], record: int) -> int:
        """Returns what a stream's clock says after a record."""
        return max((move.time for move in moves if move.record <= record), default=NEVER)

    def closing(self, moves: list[Move], due: int) -> int | None:
        """Returns the first record after which a stream's clock has reached a time; None where it never does."""
        return next((move.record for move in moves if self.clock_after(moves, move.record) >= due), None)

    def late(self) -> list[tuple[str, str, str, str, int | None]]:
        """Returns monitor, stream, half, id and time of every event that came late for a monitor that asks for them."""
        return [
            (watcher.name, stream, move.event.half, move.event.id, move.event.time)
            for watcher in self.watchers
            if watcher.wants_late and not watcher.count
            for stream in watcher.streams
            for life in self.lives(watcher)
            for over in self.stream_lives(stream)
            if over.begin <= life.begin and life.end <= over.end
            for move, clock_before, _ in self._rows(watcher, life, self.moves(stream, over))
            if move.event is not None
            and any(clock_before - watcher.delay >= start + watcher.size for start in watcher.containing(move.time))
        ]

    def without(self, lost: Iterable[int]) -> "Reference":
        """Returns what the log means without some of its records."""
        gone = set(lost)
        log = (record._replace(holds=Lost()) if n in gone else record for n, record in enumerate(self.log))
        return replace(self, log=tuple(log))

    def with_changes(self, changed: dict[int, Configure]) -> "Reference":
        """Returns what the log means if monitors are replaced though it does not say so."""
        return replace(self, changed=tuple(changed.items()))


def _window(rows: list[tuple[int, Row]], watermark: int) -> Window:
    times = [time for time, _ in rows]
    return Window(
        start=min(times),
        end=max(times) + 1,
        closed_by="",
        watermark=watermark,
        partial=False,
        late_by=(),
        latest=0,
        duplicates=0,
        unanswered=None,
        first=min(times),
        last=max(times),
        rows=tuple(sorted(row for _, row in rows)),
    )
