"""What is bounded of a partition: streams in memory, what is left of idle ones, and the memory of open windows."""

import json
from dataclasses import replace
from typing import Any

import pytest

from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.deadletters import POSITION, REASON
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.engine.counters import Tally
from nilometer_logger.engine.limits import PartitionLimits
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.protocol import WindowSpec
from nilometer_logger.engine.punctuation import ExpirePending, Idle
from nilometer_logger.engine.snapshots import Change, read
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import NO_COLUMNS, ONE_COLUMN, Counting, seconds
from tests.unit.engine.partitions import LIMITS, configure
from tests.unit.logged import IRIS, batch, event, punctuated

WINE = Stream("demo", "iris", "predictor", "wine")
BEER = Stream("demo", "iris", "predictor", "beer")
TEA = Stream("demo", "iris", "predictor", "tea")
COUNTING = Counting(windows=seconds(10))
IDLE = replace(LIMITS, idle=80 * SECOND)


class Log:
    """A partition that is restored from its state before each record, where a test asks for that."""

    def __init__(self, bounds: PartitionLimits, *monitors: Counting, restarts: bool = False) -> None:
        self.state: list[Change] = []
        self.letters: list[tuple[str, str]] = []
        self.tally = Tally()
        self._restarts = restarts
        self._bounds = bounds
        self._monitors = monitors or (COUNTING,)
        self.partition = self._made()
        self._found: list[dict[str, Any]] = []

    def _made(self) -> PartitionState:
        partition = PartitionState(self._monitors, self._bounds, self.tally)
        partition.restore(self.state)
        return partition

    def read(self, *records: Record) -> None:
        """Reads records, and takes a snapshot after each."""
        for each in records:
            self.partition.apply([each])
            taken = self.partition.take()
            self.state += taken.changes
            bodies = [(json.loads(found.data), found["stream"]) for found in taken.findings]
            self._found += [{**body["window"], "of": of, "seen": body["memory"]["rows"]} for body, of in bodies]
            facts = [dict(message.headers) for message in taken.dead]
            self.letters += [(of[POSITION].decode(), of[REASON].decode()) for of in facts]
            if self._restarts:
                self.partition = self._made()

    def windows(self, *names: str) -> list[tuple[Any, ...]]:
        """Returns start and some facts of the windows that closed, and forgets them."""
        found, self._found = self._found, []
        return [(window["start"] / SECOND, *(window[name] for name in names)) for window in found]


def at(offset: int, arrival: int, *events: Any) -> Record:
    """Returns a record of events that has arrived at a second."""
    return batch(offset, *events, arrival=arrival * SECOND)


def quiet(offset: int, arrival: int, clock: int, stream: Stream = IRIS) -> Record:
    """Returns the record that says that a stream was quiet until a second."""
    return punctuated(offset, Idle({str(stream): clock * SECOND}), arrival * SECOND)


def expire(offset: int, arrival: int, before: int, stream: Stream = IRIS) -> Record:
    """Returns the record that says that halves wait no longer that have arrived before a second."""
    return punctuated(offset, ExpirePending({str(stream): before * SECOND}), arrival * SECOND)


def laid_down(*monitors: Counting, restarts: bool = False, bounds: PartitionLimits = IDLE) -> Log:
    """Returns a partition in which a stream that stood at second 30 is dormant."""
    log = Log(bounds, *monitors, restarts=restarts)
    log.read(at(0, 5, event(5, 1.0, id="a")), quiet(1, 31, 30), expire(2, 60, 50))
    log.windows()
    assert (log.partition.streams, log.partition.dormant) == (1, 0)
    log.read(at(3, 100, event(100, 1.0, stream=WINE)))
    assert (log.partition.streams, log.partition.dormant) == (1, 1)
    return log


@pytest.mark.parametrize("restarts", [False, True])
def test_a_stream_that_comes_again_has_missed_nothing(restarts: bool) -> None:
    """Its late rows are late, and its first window is whole."""
    log = laid_down(restarts=restarts)
    log.read(at(4, 101, event(29, 2.0, id="b"), event(30, 3.0, id="c"), event(41, 4.0, id="d")))

    assert log.windows("partial", "late_since_last", "of") == [(30, False, 1, str(IRIS))]
    assert (log.partition.streams, log.partition.dormant) == (2, 0)


@pytest.mark.parametrize("restarts", [False, True])
def test_what_is_untold_waits_with_it(restarts: bool) -> None:
    """Late rows and duplicates that no window has told yet, and what the monitor remembers."""
    log = Log(IDLE, restarts=restarts)
    log.read(at(0, 5, event(5, 1.0, id="a")), quiet(1, 31, 30), expire(2, 60, 50))
    log.read(at(3, 61, event(5, 1.0, id="a"), event(6, 2.0, id="late")), expire(4, 80, 80))
    log.windows()
    log.read(at(5, 200, event(200, 1.0, stream=WINE)))
    assert log.partition.dormant == 1
    log.read(at(6, 201, event(30, 3.0, id="c")), quiet(7, 202, 99))

    assert log.windows("duplicates_since_last", "late_since_last", "seen") == [(30, 1, 1, 3)]


@pytest.mark.parametrize("restarts", [False, True])
def test_requests_that_were_given_up_are_counted_still(restarts: bool) -> None:
    """A window that closes after the stream was dormant knows those that were unanswered before, and that some were not."""
    of_responses = Counting(windows=seconds(40, 10), features=NO_COLUMNS, predictions=ONE_COLUMN)
    log = Log(IDLE, of_responses, restarts=restarts)
    log.read(at(0, 5, event(5, 1.0, id="x", half="response"), event(38, 1.0, id="a")), expire(1, 66, 66))
    log.read(quiet(2, 67, 46), at(3, 300, event(300, 1.0, stream=WINE)))
    assert log.partition.dormant == 1
    log.windows()
    log.read(at(4, 301, event(47, 2.0, id="b"), event(47, 2.0, id="b", half="response")), quiet(5, 302, 52))

    assert log.windows("unanswered") == [(10, 1)]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_stream_that_has_answered_is_known_to_answer(restarts: bool) -> None:
    """A request that waits behind the pause is unanswered, and not of a stream of which nobody can know."""
    log = Log(IDLE, restarts=restarts)
    log.read(at(0, 5, event(5, 1.0, id="a"), event(5, 1.0, id="a", half="response")), quiet(1, 31, 30))
    log.read(at(2, 300, event(300, 1.0, stream=WINE)))
    assert log.partition.dormant == 1
    log.windows()
    log.read(at(3, 301, event(30, 2.0, id="b")), quiet(4, 302, 50))

    assert log.windows("unanswered") == [(30, 1)]


@pytest.mark.parametrize("restarts", [False, True])
def test_idle_streams_are_looked_for_where_the_log_says_so(restarts: bool) -> None:
    """Where arrivals pass into the next period, and nowhere else, whoever has restarted in between."""
    log = Log(IDLE, restarts=restarts)
    log.read(at(0, 5, event(5, 1.0, id="a")), quiet(1, 31, 30), expire(2, 60, 50))
    found = []
    for offset, arrival in enumerate([81, 84, 86, 89, 84, 90, 91], 3):
        log.read(at(offset, arrival, event(arrival, 1.0, stream=WINE)))
        found.append(log.partition.dormant)

    assert found == [0, 0, 0, 0, 0, 1, 1]


def test_a_dormant_stream_obeys_the_log() -> None:
    """Its clock is moved by silence, records that were lost make its windows partial, and it stays dormant."""
    log = laid_down()
    log.read(quiet(4, 101, 50))
    log.partition.note_gap(7, 5)
    assert log.partition.dormant == 1
    log.read(at(6, 102, event(49, 1.0, id="b"), event(51, 1.0, id="c"), event(60, 1.0, id="d")), quiet(7, 103, 99))

    assert log.windows("partial", "lost_records", "late_since_last") == [(50, True, 7, 1), (60, False, 0, 0)]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_monitor_that_starts_meanwhile_has_missed_what_was_before(restarts: bool) -> None:
    """And one that has ended is gone from the state, as is a stream that nobody watches any more."""
    log = laid_down(restarts=restarts)
    other = replace(COUNTING, name="demo/other")
    log.partition.configure([other])
    log._monitors = (other,)
    log.read(configure(4, other))
    assert log.partition.dormant == 1
    assert {name for name, _, stream in read(log.state).headers if stream == str(IRIS)} == {"demo/other"}
    log.read(at(5, 1_000_001, event(29, 2.0, id="b"), event(31, 3.0, id="c"), event(50, 3.0, id="d")))
    assert log.windows("partial", "late_since_last") == [(30, False, 1)]

    log = laid_down(restarts=restarts)
    log.partition.configure([])
    log._monitors = ()
    log.read(configure(4))
    assert not log.partition.dormant
    left = read(log.state)
    assert (left.clocks, left.headers, left.memories) == ({}, {}, {})


@pytest.mark.parametrize(
    "coming",
    [
        at(0, 5, event(5, 1.0, id="a")),  # an open window, a half that waits
        at(0, 5, event(5, 1.0, id="a"), event(5, 1.0, id="a", half="response")),  # an open window
    ],
)
def test_what_is_open_keeps_a_stream_in_memory(coming: Record) -> None:
    """However long ago its last event was."""
    log = Log(IDLE)
    log.read(coming, at(1, 500, event(500, 1.0, stream=WINE)))

    assert (log.partition.streams, log.partition.dormant) == (2, 0)


def test_a_half_that_waits_keeps_a_stream_in_memory() -> None:
    """It may meet the other still, as long as the log does not say that it is given up."""
    log = Log(IDLE)
    log.read(at(0, 5, event(5, 1.0, id="a")), quiet(1, 31, 30), at(2, 500, event(500, 1.0, stream=WINE)))
    assert log.partition.dormant == 0

    log.read(expire(3, 501, 50), at(4, 600, event(600, 1.0, stream=WINE)))
    assert log.partition.dormant == 1


@pytest.mark.parametrize("restarts", [False, True])
def test_those_that_were_idle_for_longest_are_forgotten(restarts: bool) -> None:
    """Where too much is left of all, they are gone from the state too, and come again as new streams."""
    one = laid_down().partition.state_bytes - 1100  # what is left of a stream, beside an open window
    log = laid_down(restarts=restarts, bounds=replace(IDLE, dormant_bytes=2 * one + 40))
    log.read(quiet(4, 111, 130, WINE), expire(5, 180, 110, WINE), at(6, 300, event(300, 1.0, stream=BEER)))
    log.read(quiet(7, 301, 31), quiet(8, 311, 330, BEER), expire(9, 380, 310, BEER))
    assert log.partition.dormant == 2
    log.read(at(10, 500, event(500, 1.0, stream=TEA)))
    log.windows()

    assert (log.partition.streams, log.partition.dormant) == (1, 2)
    left = read(log.state)
    assert set(left.clocks) == {stream for *_, stream in left.headers} == {str(WINE), str(BEER), str(TEA)}
    log.read(at(11, 501, event(3, 1.0, id="new"), event(12, 1.0, id="newer")))
    assert log.windows("partial", "late_since_last") == [(0, True, 0)]


@pytest.mark.parametrize("restarts", [False, True])
def test_events_of_one_stream_too_many_are_set_aside(restarts: bool) -> None:
    """Each is a letter with the reason and is counted; those of the others, and of idle ones that return, go on."""
    log = Log(replace(IDLE, streams=1), restarts=restarts)
    log.read(at(0, 5, event(5, 1.0, id="a"), event(5, 1.0, id="b", stream=WINE), event(5, 1.0, id="c", stream=WINE)))
    log.read(at(1, 6, event(5, 1.0, id="b", stream=WINE), event(11, 1.0, id="d")))

    assert [position for position, _ in log.letters] == ["inferences/3@0[1]", "inferences/3@0[2]"]
    assert (
        "monitor demo/counting watches 1 streams of this partition, as many as it may (--max-streams)"
        in log.letters[0][1]
    )
    assert log.tally.stream_overflow == {"demo/counting": 2}
    assert log.windows("of") == [(0, str(IRIS))]
    assert set(read(log.state).clocks) == {str(IRIS)}


def test_an_idle_stream_makes_room() -> None:
    """A bound that was reached is no end: what is dormant does not count."""
    log = laid_down(bounds=replace(IDLE, streams=1))
    assert not log.letters
    log.read(at(4, 101, event(101, 1.0)))

    assert len(log.letters) == 1


def test_no_other_monitor_s_streams_are_set_aside() -> None:
    """The bound is each monitor's own."""
    named = [replace(COUNTING, name=f"demo/{name}", services=frozenset({name})) for name in ("iris", "wine")]
    log = Log(replace(IDLE, streams=1), *named)
    log.read(at(0, 5, event(5, 1.0), event(5, 1.0, stream=Stream("demo", "wine", "predictor", ""))))

    assert not log.letters
    assert log.partition.streams == 2


def test_what_cannot_be_used_makes_no_stream() -> None:
    """Bodies that do not decode, with ever new endpoints, take no memory; those from the future are counted."""
    tally = Tally()
    partition = PartitionState([COUNTING], LIMITS, tally)
    broken = [event(5, body=b"{", stream=Stream("demo", "iris", "predictor", f"{number}")) for number in range(20)]
    partition.apply([batch(0, *broken, event(10**9, 1.0))])

    assert partition.streams == 0
    assert sum(found.future for found in partition.counters()) == 1


def spread(offset: int, *times: int) -> Record:
    """Returns a record of events a window each."""
    return at(offset, 0, *[event(time, 1.0, id=f"{offset}/{time}") for time in times])


WIDE = Counting(windows=seconds(10, delay=1000))


@pytest.mark.parametrize("together", [1, 2, 5])
def test_windows_beyond_the_bound_are_not_opened(together: int) -> None:
    """Their events are set aside with the reason; rows of windows that are open go on; the log decides which."""
    tally = Tally()
    partition = PartitionState([WIDE], replace(LIMITS, future=10_000 * SECOND, window_bytes=6000), tally)
    log = [spread(0, 0, 10, 20), spread(1, 30, 40, 50), spread(2, 60, 55, 5), spread(3, 1035, 1036), spread(4, 70, 80)]
    letters = []
    for first in range(0, len(log), together):
        partition.apply(log[first : first + together])
        letters += partition.take().dead

    positions = [dict(letter.headers)[POSITION].decode().partition("@")[2] for letter in letters]
    assert positions == ["1[2]", "2[0]", "2[1]", "3[0]", "3[1]", "4[0]", "4[1]"]
    assert tally.window_overflow == {"demo/counting": len(positions)}
    assert "open windows may take 6000 bytes (--max-window-bytes)" in dict(letters[0].headers)[REASON].decode()


@pytest.mark.parametrize("together", [1, 3])
def test_a_monitor_may_have_four_windows_in_any_case(together: int) -> None:
    """However large they are."""
    partition = PartitionState([WIDE], replace(LIMITS, future=10_000 * SECOND, window_bytes=1))
    log = [spread(0, 0, 10), spread(1, 20, 30), spread(2, 40, 35)]
    for first in range(0, len(log), together):
        partition.apply(log[first : first + together])

    [counters] = partition.counters()
    assert (counters.open_windows, len(partition.take().dead)) == (4, 1)


def test_what_is_closed_or_dropped_makes_room() -> None:
    """The sum is that of the windows that are open, whoever closes or ends them, or restores them."""
    partition = PartitionState([WIDE], LIMITS)
    partition.apply([spread(0, 0, 10, 20)])
    assert partition.state_bytes == 3 * 1100
    again = PartitionState([WIDE], LIMITS)
    again.restore(partition.take().changes)
    assert again.state_bytes == 3 * 1100
    partition.apply([at(1, 0, event(5, 1.0, id="more")), quiet(2, 1012, 1012)])
    assert partition.state_bytes == 2 * 1100
    again.configure([])
    again.apply([configure(1)])
    assert again.state_bytes == 0


def test_windows_of_few_rows_do_not_fill_memory_with_one_event() -> None:
    """An event whose rows would fill thousands of windows of rows needs room for all of them until its record ends."""
    monitor = replace(WIDE, windows=WindowSpec(0, 0, 0, count=1))
    partition = PartitionState([monitor], replace(LIMITS, window_bytes=100 * 1100))

    partition.apply([batch(0, event(1, *[1.0] * 1000, id="many"))])
    refused = partition.take()
    partition.apply([batch(1, event(3, *[1.0] * 50, id="few"))])

    assert (len(refused.dead), len(refused.findings)) == (1, 0)
    assert len(partition.take().findings) == 50
    assert partition.state_bytes == 0


def test_a_window_that_is_open_does_not_grow_beyond_the_room() -> None:
    """Rows need room as well; an event is taken whole or not at all, and the window goes on with what it has."""
    monitors = [replace(WIDE, name=f"demo/{number}") for number in range(2)]
    room = 20 * 1100
    partition = PartitionState(monitors, replace(LIMITS, window_bytes=room))
    for number in range(200):
        partition.apply([batch(number, event(10 * (number % 7), *[1.0] * 5, id=f"{number}"))])

    assert partition.state_bytes <= room + 2 * 4 * 1100
    assert partition.take().dead
