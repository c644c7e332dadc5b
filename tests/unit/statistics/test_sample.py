"""The sample: the rows with the smallest hashes, whatever order they come in."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.sample import Sample
from nilometer_logger.rows import row_hashes
from tests.judging import schema_of, take


def sample_of(size: int, *blocks: tuple[int, int]) -> Sample:
    """Returns a sample after blocks of (identity, rows); a row's value is its hash, so that it tells itself."""
    sample = Sample(Layout(schema_of("numeric"), sample=size))
    for identity, rows in blocks:
        hashes = row_hashes(identity, rows)
        take(sample, hashes.astype(np.float64), hashes)
    return sample


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 40)), max_size=8, unique_by=lambda block: block[0]))
def test_it_keeps_the_smallest_hashes(blocks: list[tuple[int, int]]) -> None:
    """A sample of k holds exactly the rows with the k smallest hashes, or all where there are fewer."""
    hashes = sorted(int(one) for identity, rows in blocks for one in row_hashes(identity, rows))
    assert sample_of(25, *blocks).rows().ravel().tolist() == [float(one) for one in hashes[:25]]


def test_a_smaller_sample_is_part_of_a_larger_one() -> None:
    """A detector that asks for fewer rows gets the first of those that another asks for."""
    sample = sample_of(50, (1, 200))
    assert sample.rows(20).tolist() == sample_of(20, (1, 200)).rows().tolist()
    assert len(sample.rows(20)) == 20


def test_a_sample_is_uniform() -> None:
    """Every row has the same chance, whichever event it came in and wherever it stood there."""
    kept = np.zeros(10)
    for identity in range(2000):
        hashes = row_hashes(identity, 10)
        sample = Sample(Layout(schema_of("numeric"), sample=3))
        take(sample, np.arange(10.0), hashes)
        kept[sample.rows().ravel().astype(int)] += 1
    assert np.abs(kept / 2000 - 0.3).max() < 0.05


def test_one_identity_twice_does_not_make_order_matter() -> None:
    """Two rows of one identity (a client may repeat itself) are kept or not by their values, not by their order."""
    hashes = np.array([5, 5, 5, 5], dtype=np.uint64)
    values = np.array([[3.0], [1.0], [2.0], [4.0]])
    results = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        sample = Sample(Layout(schema_of("numeric"), sample=2))
        for row in order:
            take(sample, values[[row]], hashes[[row]])
        results.append(sample.rows().tolist())
    assert results[0] == results[1] == [[1.0], [2.0]]
