"""Requests and responses of a window are joined as a slow, obvious reference would, whatever way they came."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.joined_sample import JoinedSample, told_apart
from nilometer_detectors.statistics.nearest import nearest
from nilometer_detectors.statistics.uniqueness import hashes_of_texts
from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.errors import StateError
from nilometer_logger.rows import Column, Floats, Rows, Schema, hashes_of
from tests.judging import normal, numbers


class Row(NamedTuple):
    """A row of either half."""

    half: Half
    id: str
    number: int
    time: int
    value: float


HALVES: tuple[Half, ...] = ("request", "response")
IDS = ["a", "b", "c", "d", "e", "f", "always the same"]
ROWS = st.builds(
    Row,
    st.sampled_from(HALVES),
    st.sampled_from(IDS),
    st.integers(0, 2),
    st.integers(0, 9),
    st.integers(-3, 3).map(float) | st.just(float("nan")),
)
LOGS = st.lists(ROWS, max_size=40)
SIZE = 8


def block_of(rows: Sequence[Row], half: Half) -> Rows:
    """Returns the rows of one half as a block; a response's row has a second value."""
    ours = [row for row in rows if row.half == half]
    values = np.array([[row.value, -row.value][: 1 if half == "request" else 2] for row in ours])
    return Rows(
        half=half,
        schema=numbers(1 if half == "request" else 2),
        values=values.reshape(len(ours), -1) if ours else np.empty((0, 1 if half == "request" else 2)),
        times=np.array([row.time for row in ours], dtype=np.int64),
        ids=[row.id for row in ours],
        numbers=np.array([row.number for row in ours], dtype=np.int64),
        hashes=np.zeros(len(ours), dtype=np.uint64),
    )


def joining_of(*blocks: Sequence[Row], size: int = SIZE) -> JoinedSample:
    """Returns the samples after blocks of rows of both halves."""
    joining = JoinedSample(size, 1, 2)
    for block in blocks:
        for half in HALVES:
            joining.update(block_of(block, half))
    return joining


def hash_of(row: Row) -> int:
    """Returns the hash by which a row is chosen."""
    return int(hashes_of(hashes_of_texts([row.id]), np.array([row.number]))[0])


def expected(rows: Sequence[Row], size: int) -> tuple[list[list[float]], int, int]:
    """Joins rows the slow way, and returns the pairs and how many rows of each half were left."""
    kept = {
        half: sorted(
            (row for row in rows if row.half == half),
            key=lambda row: (hash_of(row), row.time, np.isnan(row.value), np.nan_to_num(row.value)),
        )[:size]
        for half in HALVES
    }
    pairs = []
    left = {half: list(kept[half]) for half in HALVES}
    for name in sorted({hash_of(row) for row in kept["request"]}):
        ours, theirs = ([row for row in kept[half] if hash_of(row) == name] for half in HALVES)
        for one, other in nearest([row.time for row in ours], [row.time for row in theirs]):
            pairs.append([ours[one].value, theirs[other].value, -theirs[other].value])
            left["request"].remove(ours[one])
            left["response"].remove(theirs[other])
    full = [hash_of(kept[half][-1]) for half in HALVES if len(kept[half]) == size]
    counts = [sum(not full or hash_of(row) < min(full) for row in left[half]) for half in HALVES]
    return pairs, counts[0], counts[1]


@settings(max_examples=200)
@given(LOGS, st.integers(1, SIZE))
def test_the_halves_are_joined_as_by_the_reference(rows: list[Row], size: int) -> None:
    """Of rows in any order, the pairs and the counts are those that sorting and looking at each give."""
    joined = joining_of(rows).join(size)
    pairs, requests, responses = expected(rows, size)
    np.testing.assert_array_equal(joined.values, np.array(pairs).reshape(-1, 3))
    assert joined.facts == {"rows": len(pairs), "unpairedRequests": requests, "unpairedResponses": responses}


@settings(max_examples=200)
@given(LOGS, st.data())
def test_the_way_of_the_rows_does_not_matter(rows: list[Row], data: st.DataObject) -> None:
    """In any order, cut into blocks anywhere, over states that merge or pass through a snapshot: the same bytes."""
    whole = joining_of(rows)
    shuffled = data.draw(st.permutations(rows))
    first, second, third = (data.draw(st.integers(0, len(rows))) for _ in range(3))
    cuts = sorted((first, second, third))
    parts = [shuffled[: cuts[0]], shuffled[cuts[0] : cuts[1]], shuffled[cuts[1] : cuts[2]], shuffled[cuts[2] :]]
    one, other = joining_of(*parts[:2]), joining_of(*parts[2:])
    before = other.dump()
    restored = JoinedSample(SIZE, 1, 2)
    restored.restore(one.dump())
    restored.merge(other)
    assert restored.dump() == whole.dump()
    assert other.dump() == before


def inferences(count: int, *, answered: float = 1.0, seed: int = 1) -> list[Row]:
    """Returns requests and responses of ids of their own, of which a share is answered."""
    chances = np.random.default_rng(seed).random(count)
    requests = [Row("request", f"id-{place}", 0, 10 * place, float(place)) for place in range(count)]
    return requests + [
        row._replace(half="response", time=row.time + 3)
        for row, chance in zip(requests, chances, strict=True)
        if chance < answered
    ]


def test_both_halves_choose_the_same_inferences() -> None:
    """However many more there are than are kept, a whole sample of pairs is joined, each with its own response."""
    rows = inferences(5000)
    joined = joining_of(rows[:3000], rows[3000:][::-1], size=200).join(200)
    assert joined.facts == {"rows": 200, "unpairedRequests": 0, "unpairedResponses": 0}
    assert (joined.values[:, 0] == joined.values[:, 1]).all()


def test_the_sample_is_uniform() -> None:
    """Pairs come from the whole window, early and late alike."""
    values = joining_of(inferences(5000), size=1000).join(1000).values[:, 0]
    assert np.histogram(values, bins=10, range=(0, 5000))[0].min() > 70  # of 100 each, with a deviation below 10


def test_what_was_not_answered_is_counted_in_the_sample() -> None:
    """Requests without a response are told as such, about as often as they are; none is taken for one that is not."""
    joined = joining_of(inferences(5000, answered=0.8), size=500).join(500)
    assert joined.unpaired_responses == 0
    assert 60 <= joined.unpaired_requests <= 140  # of about 500
    assert 495 <= len(joined.values) + joined.unpaired_requests <= 500
    assert (joined.values[:, 0] == joined.values[:, 1]).all()


def test_in_a_sample_that_is_not_full_every_half_is_accounted_for() -> None:
    """Where all rows are kept, pairs and unpaired rows make up all of them."""
    rows = inferences(300, answered=0.7)
    responses = len(rows) - 300
    joined = joining_of(rows, size=500).join(500)
    assert joined.facts == {"rows": responses, "unpairedRequests": 300 - responses, "unpairedResponses": 0}


def test_a_smaller_sample_is_the_same_whatever_else_is_kept() -> None:
    """A detector that asks for fewer rows gets the same ones, whether another asks for more or not."""
    rows = inferences(2000, answered=0.7)
    few, many = joining_of(rows, size=100), joining_of(rows, size=700)
    assert many.join(100).values.tolist() == few.join(100).values.tolist()
    assert many.join(100).facts == few.join(100).facts


def test_row_n_meets_row_n() -> None:
    """The rows of a request of many meet those of its response in their order, and what a response lacks is unpaired."""
    requests = [Row("request", "many", number, 0, float(number)) for number in range(50)]
    responses = [row._replace(half="response", time=9) for row in requests[:40]]
    joined = joining_of(responses[::-1], requests, size=100).join(100)
    assert (joined.values[:, 0] == joined.values[:, 1]).all()
    assert joined.facts == {"rows": 40, "unpairedRequests": 10, "unpairedResponses": 0}


def test_one_id_for_all_is_joined_by_time() -> None:
    """A client that sends the same id for ever gets each request joined with the response that is nearest in time."""
    rows = [row._replace(id="always the same") for row in inferences(3000)]
    joined = joining_of(rows[::-1], size=200).join(200)
    assert joined.values[:, 0].tolist() == joined.values[:, 1].tolist() == [float(place) for place in range(200)]


def test_what_is_written_is_bounded() -> None:
    """However many rows there were, a state takes no more bytes than its budget says."""
    for rows in (10, 500, 20_000):
        written = joining_of(inferences(rows), size=300).dump()
        taken = sum(len(array) for array in written if isinstance(array, bytes))
        assert taken <= JoinedSample.budget_bytes(300, 1, 2)


def test_blocks_are_left_as_they_are() -> None:
    """What was handed in is neither changed nor looked at again."""
    values: Floats = normal(20, 1)
    block = replace(block_of(inferences(20), "request"), values=values)
    before = values.copy()
    joining = JoinedSample(5, 1, 2)
    joining.update(block)
    kept = joining.dump()
    assert (values == before).all()
    values[:] = 0.0
    assert joining.dump() == kept


@pytest.mark.parametrize(
    "written",
    [
        [9, b"", b"", b"", b"", b"", b""],
        [SIZE, b"", b"", b""],
        [SIZE, b"1234567", b"", b"", b"", b"", b""],
        [SIZE, bytes(8), bytes(8), b"", b"", b"", b""],
        [SIZE, bytes(72), bytes(72), bytes(72), b"", b"", b""],
        [SIZE, 1, b"", b"", b"", b"", b""],
    ],
    ids=["another size", "an array short", "half a number", "no values", "too many rows", "a number"],
)
def test_what_is_no_state_is_refused(written: list[int | bytes]) -> None:
    """Bytes that do not fit are refused, and never half taken."""
    joining = JoinedSample(SIZE, 1, 2)
    with pytest.raises((StateError, ValueError, TypeError)):
        joining.restore(written)
    assert joining.dump() == JoinedSample(SIZE, 1, 2).dump()


@pytest.mark.parametrize(
    ("features", "predictions", "names"),
    [
        (["a", "b"], ["y"], ["a", "b", "y"]),
        (["a", "y"], ["y"], ["a", "features.y", "predictions.y"]),
        (
            ["y", "features.y"],
            ["y", "z"],
            ["features.y", "features.features.y", "predictions.y", "predictions.z"],
        ),
    ],
)
def test_columns_of_both_halves_are_told_apart(features: list[str], predictions: list[str], names: list[str]) -> None:
    """Names are as they are where they can be, and no two columns ever have one name."""
    schemas = [Schema(tuple(Column(name) for name in half)) for half in (features, predictions)]
    assert list(told_apart(*schemas).names) == names
