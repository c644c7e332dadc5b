"""Blocks of rows are split and joined without losing what belongs to a row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.rows import UNSEEN, Column, Rows, Schema, hashes_of, row_hashes

SCHEMA = Schema((Column("length"), Column("colour", "categorical", ("red",))))


def block(start: int, count: int) -> Rows:
    """Returns rows that are told apart in every part; each odd one has an unseen category."""
    numbers = np.arange(start, start + count)
    colours = np.where(numbers % 2, UNSEEN, 0.0)
    return Rows(
        half="request",
        schema=SCHEMA,
        values=np.column_stack([numbers, colours]).astype(np.float64),
        times=numbers * 10,
        ids=[f"id {number}" for number in numbers],
        numbers=numbers % 3,
        hashes=numbers.astype(np.uint64) * 7,
        unrecognized={(row, 1): f"colour {number}" for row, number in enumerate(numbers) if number % 2},
    )


def facts(rows: Rows) -> list[tuple[object, ...]]:
    """Returns all that is known of each row."""
    return [
        (
            rows.values[row].tolist(),
            int(rows.times[row]),
            rows.ids[row],
            int(rows.numbers[row]),
            int(rows.hashes[row]),
            rows.unrecognized.get((row, 1)),
        )
        for row in range(len(rows))
    ]


def test_the_schema_tells_names_and_their_number() -> None:
    """Columns are counted and named in their order."""
    assert SCHEMA.names == ("length", "colour")
    assert len(SCHEMA) == 2


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_joined_blocks_have_all_rows_in_order(sizes: list[int]) -> None:
    """Values, times, ids, numbers, hashes, blocks and strange texts stay with their row."""
    starts = np.cumsum([0, *sizes[:-1]]).tolist()

    joined = Rows.concatenate([block(start, size) for start, size in zip(starts, sizes, strict=True)])

    assert facts(joined) == facts(block(0, sum(sizes)))


@given(st.lists(st.integers(0, 9), unique=True))
def test_taken_rows_keep_all_that_is_theirs(indices: list[int]) -> None:
    """Rows are taken in the order asked for, each with its own strange texts."""
    rows = block(0, 10)

    taken = rows.take(np.array(indices, dtype=np.intp))

    assert facts(taken) == [facts(rows)[index] for index in indices]
    assert len(taken.unrecognized) == sum(index % 2 for index in indices)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_hashes_are_of_identity_and_number(identity: int, other: int) -> None:
    """A row's hash is the same wherever it is read, and differs between rows and between identities."""
    hashes = row_hashes(identity, 5)

    assert row_hashes(identity, 3).tolist() == hashes[:3].tolist()
    assert len(set(hashes.tolist())) == 5
    assert identity == other or set(hashes.tolist()) != set(row_hashes(other, 5).tolist())


def test_the_hash_is_splitmix64() -> None:
    """The published generator's own outputs for seed 0, so that a later version samples the same rows."""
    assert [hex(number) for number in row_hashes(0, 3).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 4)), max_size=5))
def test_the_rows_of_many_events_are_hashed_as_those_of_each(events: list[tuple[int, int]]) -> None:
    """A row is sampled or not whatever was read beside it."""
    identities = np.array([identity for identity, rows in events for _ in range(rows)], dtype=np.uint64)
    numbers = np.array([number for _, rows in events for number in range(rows)], dtype=np.int64)

    alone = [one for identity, rows in events for one in row_hashes(identity, rows).tolist()]

    assert hashes_of(identities, numbers).tolist() == alone
