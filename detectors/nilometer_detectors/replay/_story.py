"""What a report needs of one monitor over one stream: of bounded size, however many windows there were.

Beyond `MOST_WINDOWS` windows neighbours become one: their counts are added, their means and variances pooled (Chan,
Golub & LeVeque 1979), and of what a detector says the worst stays. Outliers are kept likewise, every second one of them
after each time that they are too many; those with the highest scores stay in any case.
"""

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field, replace

from nilometer_detectors.replay._account import Account
from nilometer_detectors.replay._columns import Column, Histogram
from nilometer_detectors.replay._reading import About, DetectorResult, Key, Outlier, Window

MOST_WINDOWS = 400
MOST_OUTLIERS = 1000
WORST = 50
_RANKS = {"nodata": 0, "ok": 1, "drift": 2}


@dataclass
class Story:
    """What happened to one monitor over one stream.

    Attributes:
        about: whose story it is.
        account: totals.
        drifting, others: the histograms of the windows that drifted, and of all others, by column.
        blamed: in how many windows each column drifted.
        outliers_by_feature: how many outlying rows each feature is blamed for.
        outliers: some of them, by time of arrival.
    """

    about: About
    account: Account = field(default_factory=Account)
    drifting: dict[Key, Histogram] = field(default_factory=dict)
    others: dict[Key, Histogram] = field(default_factory=dict)
    blamed: Counter[Key] = field(default_factory=Counter)
    outliers_by_feature: Counter[str] = field(default_factory=Counter)
    outliers: list[Outlier] = field(default_factory=list)
    _windows: list[Window] = field(default_factory=list)
    _group: Window | None = None
    _stride: int = 1
    _every: int = 1
    _seen: int = 0
    _worst: list[tuple[float, int, Outlier]] = field(default_factory=list)

    def take(self, found: Window | Outlier) -> None:
        """Takes a finding."""
        self.account.take(self.about, found)
        if isinstance(found, Outlier):
            self._take_outlier(found)
        else:
            self._take_window(found)

    @property
    def windows(self) -> list[Window]:
        """The windows in their order, neighbours together where they were too many."""
        return [*self._windows, *([self._group] if self._group else [])]

    @property
    def worst(self) -> list[Outlier]:
        """The outliers with the highest scores, the highest first."""
        return [outlier for _, _, outlier in sorted(self._worst, reverse=True)]

    @property
    def are_thinned(self) -> bool:
        """Whether `outliers` are not all of them."""
        return self._every > 1

    def _take_outlier(self, outlier: Outlier) -> None:
        self.outliers_by_feature.update(list(outlier.features))
        entry = (outlier.rank, -self._seen, outlier)
        if len(self._worst) < WORST:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)
        if self._seen % self._every == 0:
            self.outliers.append(outlier)
        self._seen += 1
        if len(self.outliers) > MOST_OUTLIERS:
            del self.outliers[1::2]
            self._every *= 2

    def _take_window(self, window: Window) -> None:
        self._blame(window)
        self._group = window if self._group is None else merged(self._group, window)
        if self._group.windows < self._stride:
            return
        self._windows.append(self._group)
        self._group = None
        if len(self._windows) >= 2 * MOST_WINDOWS:
            pairs = zip(self._windows[::2], self._windows[1::2], strict=True)
            self._windows = [merged(first, second) for first, second in pairs]
            self._stride *= 2

    def _blame(self, window: Window) -> None:
        """Adds a window's histograms to those of drift or to the others, column by column."""
        blamed = {key for said in window.said.values() for key, each in said.columns.items() if each.verdict == "drift"}
        self.blamed.update(blamed)
        if window.partial:
            return
        for key, column in window.columns.items():
            if column.histogram is None:
                continue
            kept = self.drifting if key in blamed else self.others
            if key in kept:
                kept[key].add(column.histogram)
            else:
                kept[key] = replace(column.histogram, counts=list(column.histogram.counts))


def merged(first: Window, second: Window) -> Window:
    """Makes one window of two neighbours."""
    return Window(
        start=min(first.start, second.start),
        end=max(first.end, second.end),
        rows=first.rows + second.rows,
        closed_by=second.closed_by,
        partial=first.partial or second.partial,
        too_small=first.too_small and second.too_small,
        late=first.late + second.late,
        duplicates=first.duplicates + second.duplicates,
        unanswered=None
        if first.unanswered is None and second.unanswered is None
        else (first.unanswered or 0) + (second.unanswered or 0),
        columns={
            key: _pooled(column, second.columns[key]) if key in second.columns else column
            for key, column in {**second.columns, **first.columns}.items()
        },
        said={
            name: _worse(said, second.said[name]) if name in second.said else said
            for name, said in {**second.said, **first.said}.items()
        },
        windows=first.windows + second.windows,
    )


def _worse(first: DetectorResult, second: DetectorResult) -> DetectorResult:
    """Chooses what says more of drift: for the whole and for each column."""
    worse = max((first, second), key=_suspicion)
    columns = {
        key: max((said, second.columns.get(key, said)), key=_suspicion)
        for key, said in {**second.columns, **first.columns}.items()
    }
    return replace(worse, columns=columns)


def _suspicion(said: DetectorResult) -> tuple[int, float, float]:
    p_value = 1.0 if said.p_value is None else said.p_value
    return _RANKS[said.verdict], -p_value, -math.inf if said.distance is None else said.distance


def _pooled(first: Column, second: Column) -> Column:
    """Pools the statistics of two windows; a histogram is not kept, since it is drawn for all of them together."""
    counts = first.count, second.count
    total = sum(counts)
    mean = stddev = None
    if first.mean is None or second.mean is None or not all(counts):
        some = first if second.mean is None or not second.count else second
        mean, stddev = some.mean, some.stddev
    else:
        step = second.mean - first.mean
        mean = first.mean + step * counts[1] / total
        if first.stddev is not None and second.stddev is not None:
            squares = first.stddev**2 * (counts[0] - 1) + second.stddev**2 * (counts[1] - 1)
            squares += step**2 * counts[0] * counts[1] / total
            stddev = math.sqrt(squares / (total - 1))
    lows = [number for number in (first.least, second.least) if number is not None]
    highs = [number for number in (first.most, second.most) if number is not None]
    return Column(
        total, first.missing + second.missing, mean, stddev, min(lows, default=None), max(highs, default=None)
    )
