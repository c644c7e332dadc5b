"""The last identities are remembered, by a rule that knows nothing but their sequence."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.engine import deduplication
from nilometer_logger.engine.deduplication import Duplicates
from nilometer_logger.errors import StateError

LARGEST = 2**64 - 1
IDENTITY = st.integers(0, 30) | st.integers(0, LARGEST)


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> Iterator[None]:
    """Lets a few identities fill a chunk."""
    with patch.object(deduplication, "_LARGEST_CHUNK", 3):
        yield


class Obvious:
    """Every new identity there ever was, in a list; the answer is looked for from where the oldest generation begins."""

    def __init__(self, most: int) -> None:
        """Begins with none."""
        self._generation = -(-most // 8)
        self._all: list[int] = []

    def add(self, identity: int) -> bool:
        """Takes in an identity, and tells whether it is new."""
        begin = max(0, len(self._all) // self._generation - 8) * self._generation
        is_new = identity not in self._all[begin:]
        if is_new:
            self._all.append(identity)
        return is_new


def restarted(state: dict[int, bytes], most: int, order: list[int]) -> Duplicates:
    """Returns what a new owner makes of a compacted state, read in an order of its own."""
    duplicates_ = Duplicates(most)
    for chunk in order:
        duplicates_.load(chunk, state[chunk])
    return duplicates_


def keep(state: dict[int, bytes], changes: list[tuple[int, bytes | None]]) -> None:
    """Writes changes into a state as a compacted topic keeps it."""
    for chunk, blob in changes:
        if blob is None:
            del state[chunk]
        else:
            assert chunk not in state
            state[chunk] = blob


@given(
    st.integers(1, 20),
    st.lists(
        IDENTITY | st.lists(IDENTITY, max_size=5) | st.sampled_from(["write", "restart"]),
        max_size=200,
    ),
    st.randoms(use_true_random=False),
)
def test_it_answers_as_an_endless_list_would(most: int, steps: list[int | list[int] | str], random: object) -> None:
    """Whatever is written in between, and whoever goes on from what was written."""
    seen, obvious, state = Duplicates(most), Obvious(most), dict[int, bytes]()
    for step in steps:
        if isinstance(step, int):
            assert seen.add(step) is obvious.add(step)
            continue
        if isinstance(step, list):
            assert seen.add_all(step) == [obvious.add(identity) for identity in step]
            continue
        keep(state, seen.changes())
        if step == "restart":
            order = list(state)
            random.shuffle(order)  # type: ignore[attr-defined]
            seen = restarted(state, most, order)


@given(st.integers(1, 100), st.integers(0, 300))
def test_the_last_ones_are_remembered(most: int, count: int) -> None:
    """At least as many as were asked for, and at most an eighth more and one generation."""
    seen = Duplicates(most)
    for identity in range(count):
        assert seen.add(identity)

    assert min(most, count) <= len(seen) < most + -(-most // 8) + 8
    assert not any(seen.add(identity) for identity in range(max(0, count - most), count))


def test_what_is_forgotten_is_new_again() -> None:
    """Memory does not grow with traffic."""
    seen = Duplicates(8)
    for identity in range(9):
        seen.add(identity)

    assert seen.add(0)
    assert not seen.add(8)


def test_only_what_is_new_is_written() -> None:
    """Eight bytes each; a second call has nothing to say."""
    seen = Duplicates(100)
    seen.add(1)
    seen.add(LARGEST)
    assert seen.changes() == [(0, b"\1" + bytes(7) + b"\xff" * 8)]

    seen.add(1)
    assert seen.changes() == []

    seen.add(2)
    assert seen.changes() == [(2, b"\2" + bytes(7))]


def test_a_chunk_goes_when_all_of_it_is_forgotten() -> None:
    """The state stays as small as what is remembered."""
    seen, state = Duplicates(8), dict[int, bytes]()
    for identity in range(1000):
        seen.add(identity)
        keep(state, seen.changes())

    assert sorted(state) == list(range(992, 1000))


@pytest.mark.parametrize(("chunk", "blob"), [(0, b"1234567"), (-1, b"12345678")])
def test_a_chunk_that_cannot_be_read_is_refused(chunk: int, blob: bytes) -> None:
    """Half a memory would count events twice."""
    with pytest.raises(StateError, match="identities that cannot be read"):
        Duplicates(8).load(chunk, blob)
