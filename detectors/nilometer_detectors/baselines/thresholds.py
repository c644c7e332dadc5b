"""Thresholds that were found on the reference data, for a rate of false alarms that was asked for.

An outlier detector has one threshold of its scores. A drift detector has one of each column's distance, at several sizes
of windows, because the distances of small windows are larger; between two sizes it is interpolated on logarithmic scales,
on which the thresholds of most distances lie on a line.
"""

import math
from collections.abc import Mapping

import msgspec

CONFIDENCE = 0.95
"""Of the interval that is given with a threshold."""

WHOLE = ""
"""The column of a distance that is one of all columns together."""


class Threshold(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A threshold, and how sure it is.

    Attributes:
        value: what a score or distance must exceed.
        low: the lower end of its bootstrap interval, of the confidence `CONFIDENCE`.
        high: the upper end.
    """

    value: float
    low: float
    high: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What was found of one detector with default parameters.

    Attributes:
        type: of the detector, as a monitor names it.
        of: the half that it judges.
        false_alarm_rate: of rows, or of windows.
        scores: the threshold of an outlier detector's scores; None for a drift detector.
        window_rows: the sizes of windows, ascending; empty for an outlier detector.
        distances: the thresholds of a drift detector, one a size, by column.
    """

    type: str
    of: str = "features"
    false_alarm_rate: float
    scores: Threshold | None = None
    window_rows: tuple[int, ...] = ()
    distances: Mapping[str, tuple[Threshold, ...]] = {}

    def threshold(self, column: str, rows: float) -> float:
        """Gives the threshold of a column's distance in a window.

        Args:
            column: by its name; `WHOLE` for a distance of all columns.
            rows: of the window. Beyond the largest size the largest's threshold holds. Below the smallest, the line
                through the first two goes on, as steep as 1 / rows at most, which is how distances of counts fall; that
                is taken where there is one size only, so that no false alarm comes of it.
        """
        values = [threshold.value for threshold in self.distances[column]]
        sizes = self.window_rows
        if rows >= sizes[-1]:
            return values[-1]
        if len(sizes) == 1:
            return values[0] * sizes[0] / rows
        place = next(place for place in range(1, len(sizes)) if rows < sizes[place])
        (small, large), (before, after) = sizes[place - 1 : place + 1], values[place - 1 : place + 1]
        if not (before > 0 and after > 0):
            return max(before, after)
        slope = (math.log(after) - math.log(before)) / (math.log(large) - math.log(small))
        if rows < small:
            slope = min(0.0, max(-1.0, slope))
        return before * math.exp(slope * (math.log(rows) - math.log(small)))
