"""What a report remembers: bounded, however many windows and outliers there were, and nothing lost from the totals."""

import math

import numpy as np
import pytest

from nilometer_detectors.replay._columns import Column, Histogram
from nilometer_detectors.replay._story import MOST_OUTLIERS, MOST_WINDOWS, WORST, Story, merged
from tests.unit.replay.told import ABOUT, LENGTH, outlier, window


@pytest.mark.parametrize("count", [1, 7, 2 * MOST_WINDOWS - 1, 2 * MOST_WINDOWS, 10_001])
def test_windows_are_bounded_and_all_counted(count: int) -> None:
    """Neighbours become one where there are too many; rows, late rows and verdicts are all still there."""
    story = Story(ABOUT)
    for number in range(count):
        story.take(window(number, verdict="drift" if number == count // 2 else "ok"))
    kept = story.windows
    assert len(kept) <= 2 * MOST_WINDOWS
    assert len(kept) == count or count >= 2 * MOST_WINDOWS
    assert sum(each.windows for each in kept) == count
    assert sum(each.rows for each in kept) == 60 * count
    assert sum(each.late for each in kept) == story.account.late == count
    assert sum(each.drifts for each in kept) == 1
    assert [each.start for each in kept] == sorted(each.start for each in kept)
    assert story.account.drifting[ABOUT] == story.blamed[LENGTH] == 1


def test_statistics_of_neighbours_are_those_of_their_rows() -> None:
    """Count, mean, standard deviation, least and most, as if the rows had been in one window."""
    chance = np.random.default_rng(1)
    samples = [chance.normal(mean, 2, size) for mean, size in ((0, 30), (5, 50))]
    windows = [window(number) for number in range(2)]
    for each, values in zip(windows, samples, strict=True):
        stddev = float(values.std(ddof=1))
        each.columns = {LENGTH: Column(len(values), 2, float(values.mean()), stddev, values.min(), values.max())}
    pooled, both = merged(*windows).columns[LENGTH], np.concatenate(samples)
    assert (pooled.count, pooled.missing, pooled.least, pooled.most) == (80, 4, both.min(), both.max())
    assert pooled.mean == pytest.approx(both.mean(), rel=1e-12)
    assert pooled.stddev == pytest.approx(both.std(ddof=1), rel=1e-12)


@pytest.mark.parametrize("first", [True, False])
def test_a_window_without_values_leaves_its_neighbour_as_it_is(first: bool) -> None:
    """Nothing is pooled with nothing."""
    empty = Column(0, 60)
    windows = [window(0), window(1)]
    windows[0 if first else 1].columns = {LENGTH: empty}
    pooled = merged(*windows).columns[LENGTH]
    assert (pooled.count, pooled.mean, pooled.stddev) == (60, 3.0, 1.0)


def test_of_verdicts_the_worst_stays() -> None:
    """Drift before ok, ok before what was not judged; for each column alike."""
    for verdicts, worst in ((("ok", "drift"), "drift"), (("drift", "nodata"), "drift"), (("nodata", "ok"), "ok")):
        both = merged(*(window(number, verdict=verdict) for number, verdict in enumerate(verdicts)))
        assert both.said["ks"].verdict == both.said["ks"].columns[LENGTH].verdict == worst


def test_outliers_are_bounded_and_the_farthest_stay() -> None:
    """Marks are thinned evenly; the highest scores are kept whenever they came, an infinite one first."""
    story = Story(ABOUT)
    story.take(outlier(5, score=math.inf))
    for number in range(10 * MOST_OUTLIERS):
        story.take(outlier(number))
    assert len(story.outliers) <= MOST_OUTLIERS
    assert story.are_thinned
    gaps = {later.time - earlier.time for earlier, later in zip(story.outliers[1:], story.outliers[2:], strict=False)}
    assert len(gaps) == 1
    assert [each.score for each in story.worst] == [
        math.inf,
        *range(10 * MOST_OUTLIERS - 1, 10 * MOST_OUTLIERS - WORST, -1),
    ]
    assert story.outliers_by_feature["length"] == 10 * MOST_OUTLIERS + 1
    assert story.account.outliers[ABOUT, "range"].count == 10 * MOST_OUTLIERS + 1


def test_histograms_are_those_of_drift_and_of_the_rest() -> None:
    """Column by column; a window that was seen in part only is in neither; the findings' own are left as they are."""
    story, first = Story(ABOUT), window(0)
    for each in (first, window(1), window(2, verdict="drift"), window(3, partial=True)):
        story.take(each)
    assert story.others[LENGTH] == Histogram((0.0, 2.0, 4.0), [118, 2])
    assert story.drifting[LENGTH] == Histogram((0.0, 2.0, 4.0), [59, 1])
    assert first.columns[LENGTH].histogram == Histogram((0.0, 2.0, 4.0), [59, 1])
