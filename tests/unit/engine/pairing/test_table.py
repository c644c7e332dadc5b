"""Requests meet responses, and what has no answer is counted."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.engine.pairing import PairingTable, Pool, _chunks, _table
from nilometer_logger.errors import StateError

OF_ONE_ID, OF_A_SILENT_STREAM = 3, 5
LONG = "x" * 100


@pytest.fixture(autouse=True, scope="module")
def _small_bounds() -> Iterator[None]:
    """Lets a few halves reach every bound that is no parameter."""
    with (
        patch.object(_table, "OF_ONE_ID", OF_ONE_ID),
        patch.object(_table, "OF_A_SILENT_STREAM", OF_A_SILENT_STREAM),
        patch.object(_table, "LARGEST_CHUNK", 4),
        patch.object(_chunks, "LARGEST_CHUNK", 4),
    ):
        yield


@dataclass
class Obvious:
    """The same with lists: what waits is (arrival, number, time, half, id), in the order of coming."""

    most: int
    waiting: list[tuple[int, int, int, str, str]] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    has_response: bool = False
    count: int = 0

    def put(self, id_: str, half: str, time: int, arrival: int) -> None:
        """Takes in a half."""
        self.count += 1
        self.has_response |= half == "response"
        if others := [other for other in self.waiting if other[4] == id_ and other[3] != half]:
            self.waiting.remove(min(others, key=lambda other: (abs(other[2] - time), other[1])))
            return
        if not self.has_response and len(self.waiting) >= min(self.most, OF_A_SILENT_STREAM):
            return
        same = [other for other in self.waiting if other[4] == id_]
        if len(same) >= OF_ONE_ID:
            self._give_up(min(same))
        elif len(self.waiting) >= self.most:
            self._give_up(min(self.waiting))
        self.waiting.append((arrival, self.count, time, half, id_))

    def _give_up(self, half: tuple[int, int, int, str, str]) -> None:
        self.waiting.remove(half)
        if half[3] == "request":
            self.given_up = sorted([*self.given_up, half[2]])[-self.most :]

    def expire(self, arrived_before: int) -> int:
        """Lets halves wait no longer."""
        old = sorted(half for half in self.waiting if half[0] <= arrived_before)
        for half in old:
            self._give_up(half)
        return len(old)

    def forget(self, time_before: int) -> None:
        """Drops given-up requests."""
        self.given_up = [time for time in self.given_up if time >= time_before]

    def unanswered(self, start: int, end: int) -> int | None:
        """Counts."""
        times = [half[2] for half in self.waiting if half[3] == "request"] + self.given_up
        return sum(start <= time < end for time in times) if self.has_response else None


def written(state: dict[int, bytes], halves: PairingTable) -> dict[int, bytes]:
    """Returns a state as a compacted topic keeps it, after what has changed."""
    for chunk, blob in halves.changes():
        state.pop(chunk, None)
        if blob is not None:
            state[chunk] = blob
    return state


def restarted(state: dict[int, bytes], most: int, *, has_response: bool, seed: int = 0) -> PairingTable:
    """Returns what a new owner makes of a state, read in an order of its own."""
    halves = PairingTable(most)
    halves.has_response = has_response
    for chunk in random.Random(seed).sample(list(state), len(state)):
        halves.load(chunk, state[chunk])
    return halves


HALVES = st.sampled_from(["request", "response"])
PUTS = st.tuples(
    st.just("put"), st.sampled_from(["a", "b", "c", "d", LONG]), HALVES, st.integers(0, 20), st.integers(0, 20)
)
ALIKE = st.lists(st.tuples(st.sampled_from("abcdefg") | st.just(LONG), HALVES, st.integers(0, 20)), max_size=6)
STEPS = st.one_of(
    PUTS,
    PUTS,
    PUTS,
    st.tuples(st.just("put all"), ALIKE, st.integers(0, 20)),
    st.tuples(st.sampled_from(["give up", "forget"]), st.integers(0, 20)),
    st.tuples(st.sampled_from(["write", "restart"]), st.integers(0, 5)),
)


def put_all(halves: PairingTable, found: list[tuple[str, Half, int]], arrival: int) -> None:
    """Puts the halves of one record."""
    are_requests = np.array([half == "request" for _, half, _ in found], dtype=np.bool_)
    times = np.array([time for *_, time in found], dtype=np.int64)
    halves.put_all([id_ for id_, *_ in found], are_requests, times, arrival)


@given(st.integers(1, 12), st.lists(STEPS, max_size=80))
def test_it_answers_as_lists_would(most: int, steps: list[tuple[object, ...]]) -> None:
    """After every step, whatever is written in between, and whoever goes on from what was written."""
    halves, obvious, state = PairingTable(most), Obvious(most), dict[int, bytes]()
    for kind, *arguments in steps:
        if kind == "put":
            halves.put(*arguments)  # type: ignore[arg-type]
            obvious.put(*arguments)  # type: ignore[arg-type]
        elif kind == "put all":
            put_all(halves, *arguments)  # type: ignore[arg-type]
            for id_, half, time in arguments[0]:  # type: ignore[attr-defined]
                obvious.put(id_, half, time, arguments[1])  # type: ignore[arg-type]
        elif kind == "give up":
            assert halves.expire(*arguments) == obvious.expire(*arguments)  # type: ignore[arg-type]
        elif kind == "forget":
            halves.forget(*arguments)  # type: ignore[arg-type]
            obvious.forget(*arguments)  # type: ignore[arg-type]
        else:
            written(state, halves)
            if kind == "restart":
                halves = restarted(state, most, has_response=halves.has_response, seed=arguments[0])  # type: ignore[arg-type]
        assert len(halves) == len(obvious.waiting)
        assert halves.oldest_arrival() == min((half[0] for half in obvious.waiting), default=None)
        for start in range(0, 21, 3):
            assert halves.unanswered(start, start + 3) == obvious.unanswered(start, start + 3)


def put(halves: PairingTable, text: str, *, arrival: int = 0) -> None:
    """Puts halves written as ``<id><time>`` for a request and ``<id><time>!`` for a response."""
    for word in text.split():
        half: Half = "response" if word.endswith("!") else "request"
        halves.put(word[0], half, int(word[1:].rstrip("!")), arrival)


@pytest.mark.parametrize("text", ["a1 a2!", "a2! a1"])
def test_halves_meet_in_either_order(text: str) -> None:
    """A response may be logged before its request."""
    halves = PairingTable(10)
    put(halves, text)

    assert (len(halves), halves.unanswered(0, 10)) == (0, 0)


def test_where_an_id_repeats_the_nearest_meet() -> None:
    """A client may send the same id for ever; the response of the third request does not answer the first."""
    halves = PairingTable(10)
    put(halves, "a10 a20 a30 a31!")

    assert [halves.unanswered(time, time + 1) for time in (10, 20, 30)] == [1, 1, 0]


def test_a_stream_without_responses_has_no_unanswered() -> None:
    """Where requests alone are logged, none of them lacks an answer; and few of them are kept."""
    halves = PairingTable(1000)
    put(halves, " ".join(f"{chr(100 + time)}{time}" for time in range(100)))
    assert halves.unanswered(0, 100) is None
    assert (len(halves), halves.overflowed) == (OF_A_SILENT_STREAM, 0)

    put(halves, "z1!")

    assert halves.unanswered(0, 100) == OF_A_SILENT_STREAM


def test_a_request_that_is_given_up_stays_unanswered() -> None:
    """Its response comes too late to count, and waits in vain."""
    halves = PairingTable(10)
    put(halves, "z0! a1", arrival=5)
    assert halves.expire(4) == 0
    assert halves.expire(5) == 2

    put(halves, "a2!", arrival=6)

    assert halves.unanswered(0, 10) == 1
    halves.forget(1)
    assert halves.unanswered(0, 10) == 1
    halves.forget(2)
    assert halves.unanswered(0, 10) == 0


def test_the_oldest_goes_where_there_is_no_room() -> None:
    """Memory does not grow with traffic; what goes is counted."""
    halves = PairingTable(2)
    put(halves, "a1", arrival=2)
    put(halves, "b2!", arrival=1)
    put(halves, "c3", arrival=3)

    assert (len(halves), halves.overflowed, halves.oldest_arrival()) == (2, 1, 2)
    put(halves, "b4", arrival=4)
    assert (len(halves), halves.unanswered(0, 10)) == (2, 3)


def test_few_of_one_id_wait() -> None:
    """A client that always sends the same id does not take the room of the others."""
    halves = PairingTable(100)
    put(halves, "b0! a1 a2 a3 a4")

    assert (len(halves), halves.overflowed) == (1 + OF_ONE_ID, 1)


def test_the_smallest_times_go_where_too_many_are_given_up() -> None:
    """They are the ones whose windows close first."""
    halves = PairingTable(2)
    put(halves, "z0! a3")
    halves.expire(0)
    put(halves, "b1 c2")
    halves.expire(0)

    assert halves.overflowed == 1
    assert [halves.unanswered(time, time + 1) for time in (1, 2, 3)] == [0, 1, 1]


def test_pairs_leave_nothing_in_the_state() -> None:
    """A stream that answers in time costs a snapshot nothing."""
    halves = PairingTable(1000)
    put(halves, " ".join(f"{name}{time} {name}{time}!" for time in range(50) for name in "abcdefgh"))

    assert [blob for _, blob in halves.changes() if blob] == []
    assert halves.changes() == []


def test_a_chunk_goes_when_all_of_it_has_met() -> None:
    """And only chunks that have changed are written again."""
    halves, state = PairingTable(1000), dict[int, bytes]()
    put(halves, "a1 b1")
    assert len(written(state, halves)) == 1
    put(halves, "c1")
    assert len(written(state, halves)) == 2
    assert halves.changes() == []

    put(halves, "a1! b1!")
    assert set(halves.chunks()) == set(state)

    assert [blob for _, blob in halves.changes()] == [None]
    assert set(halves.chunks()) < set(state)


def test_met_halves_do_not_pile_up() -> None:
    """What has met its other half is forgotten even where nobody asks for changes."""
    halves = PairingTable(1000)
    for time in range(1000):
        put(halves, f"a{time} b{time} a{time}! b{time}!")

    assert len(halves._chunks.fresh) <= 4
    assert len(halves._queue) <= 8


def test_a_half_that_cannot_be_read_is_refused() -> None:
    """Half a state would count requests as unanswered that are not."""
    with pytest.raises(StateError, match="halves that cannot be read"):
        PairingTable(8).load(0, b"\x93")


def test_streams_share_the_room_of_their_partition() -> None:
    """However many streams never answer, no more halves wait than the partition has room for; what goes is counted."""
    pool = Pool(100)
    streams = [PairingTable(50, pool) for _ in range(30)]
    for number in range(40):
        for pairing in streams:
            pairing.has_response = True
            pairing.put(f"{number}", "request", number, number)

    assert sum(map(len, streams)) <= 100
    assert pool.count <= 100 + len(streams)
    assert sum(pairing.overflowed for pairing in streams) >= 30 * 40 - 2 * 100 - len(streams)
    for pairing in streams:
        pairing.release()
    assert pool.count == 0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans(), st.integers(0, 60)), max_size=80))
def test_the_room_that_is_taken_is_that_of_what_is_kept(steps: list[tuple[int, int, bool, int]]) -> None:
    """Whatever meets, waits, is given up or forgotten, the shared count is never off, and a restart finds the same."""
    pool = Pool(20)
    streams = [PairingTable(8, pool) for _ in range(3)]
    for arrival, (place, name, is_request, time) in enumerate(steps):
        streams[place].put(f"{name}", "request" if is_request else "response", time, arrival)
        streams[place].expire(arrival - 10)
        if time == 0:
            streams[place].forget(arrival)
    again = Pool(20)
    for pairing in streams:
        copy = PairingTable(8, again)
        for chunk, blob in pairing.changes():
            if blob is not None:
                copy.load(chunk, blob)
    assert again.count == pool.count
    for pairing in streams:
        pairing.release()
    assert pool.count == 0
