"""Bounds of each value: the baseline's extremes, its mean plus or minus some standard deviations, or given ones."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from nilometer_detectors.baselines.baseline import BaselineColumn
from nilometer_detectors.detector import Context, Distinct, InvalidDetector, Parameters, baseline_of
from nilometer_detectors.outliers.base.contract import OutlierDetector, Scores, total
from nilometer_logger.rows import Rows

Rule = Literal["min", "max", "mean"]
_INFINITE = "infinite"


class BoundsParameters(Parameters):
    """The parameters of `bounds`."""

    rules: Distinct[Rule] | None = Field(
        default=None,
        description="what of the baseline bounds a value: its min, its max, its mean ± k standard deviations; by default "
        "all three, or none where bounds are given",
    )
    k: float = Field(
        default=3.0, gt=0, description="how many standard deviations from the baseline's mean are still normal"
    )
    min: dict[str, float] = Field(default={}, description="the smallest normal value of features, by their names")
    max: dict[str, float] = Field(default={}, description="the largest normal value of features, by their names")


class Bounds(OutlierDetector[BoundsParameters]):
    """Flags a row with a value that breaks a rule.

        min: value < min,    max: value > max,    mean: |value - mean| > k · stddev
        score(value) = the number of rules that it breaks,    score(row) = the sum of its values' scores

    These are the rules of the descriptive-statistics detector of de la Rúa Martínez, "Scalable Architecture for
    Automating Machine Learning Model Monitoring" (2020), whose k was 3. Minimum and maximum are given, or the
    baseline's, as mean and stddev always are; a given one goes before the baseline's. Where bounds are given and
    `rules` is not, only the features that have given bounds are judged, and no baseline is needed.

    The finding names the broken rules of each value, and expects a value within all of them. An infinite value breaks a
    rule of its own. A missing value is not judged. O(rows · features).
    """

    Parameters: ClassVar[type[Parameters]] = BoundsParameters
    calibrates: ClassVar[bool] = False

    def __init__(self, parameters: BoundsParameters, context: Context) -> None:
        """Puts the bounds together.

        Raises:
            InvalidDetector: if a rule needs a baseline or a number that it does not have, or no value could be normal.
        """
        super().__init__(parameters, context)
        given = {*parameters.min, *parameters.max}
        rules: list[Rule] = [] if given else ["min", "max", "mean"]
        if parameters.rules is not None:
            rules = parameters.rules
        if not rules and not given:
            raise InvalidDetector("is empty, and no min or max is given: nothing would be judged", "rules")
        named = sorted(given) if not rules and parameters.features is None else parameters.features
        self._features = self.chosen(named, context)
        names = [context.features.names[place] for place in self._features]
        for parameter in ("min", "max"):
            for name in getattr(parameters, parameter):
                if name not in names:
                    raise InvalidDetector(
                        f"names {name!r}, which is none of the judged features ({', '.join(names)})", parameter
                    )
        columns = [baseline_of(context).features[place] for place in self._features] if rules else [None] * len(names)
        limits = [_limits(name, column, rules, parameters) for name, column in zip(names, columns, strict=True)]
        self._low, self._high, self._below, self._above = np.array(limits).T
        self._expected = np.stack([np.maximum(self._low, self._below), np.minimum(self._high, self._above)], axis=1)

    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""
        values = rows.values[:, self._features]
        broken = np.isinf(values).astype(np.float64)
        broken += values < self._low
        broken += values > self._high
        broken += (values < self._below) | (values > self._above)
        broken[np.isnan(values)] = np.nan
        score = total(broken)
        return Scores(score, score > 0, 0.0, self._features, broken, self._expected)

    def explain(self, rows: Rows, scores: Scores, row: int) -> Mapping[str, Mapping[str, object]]:
        """Names the rules that each value of a flagged row breaks."""
        told = super().explain(rows, scores, row)
        places = {rows.schema.names[feature]: place for place, feature in enumerate(self._features)}
        return {name: {**said, "rules": self._broken(rows, row, places[name])} for name, said in told.items()}

    def _broken(self, rows: Rows, row: int, place: int) -> list[str]:
        value = rows.values[row, self._features[place]]
        rules = {
            "min": value < self._low[place],
            "max": value > self._high[place],
            "mean": value < self._below[place] or value > self._above[place],
            _INFINITE: np.isinf(value),
        }
        return [rule for rule, broken in rules.items() if broken]


def _limits(
    name: str, column: BaselineColumn | None, rules: list[Rule], parameters: BoundsParameters
) -> tuple[float, float, float, float]:
    """Gives a feature's smallest and largest value, and those of the rule `mean`; infinite where there is no rule."""
    low, high = parameters.min.get(name), parameters.max.get(name)
    below, above = -np.inf, np.inf
    if column is not None:
        if (
            column.min is None
            or column.max is None
            or ("mean" in rules and (column.mean is None or column.stddev is None))
        ):
            raise InvalidDetector(
                f"the baseline has too few usable values of {name!r} for the rules {', '.join(rules)}, or too large ones: "
                "name the features to judge without it"
            )
        low = column.min if low is None and "min" in rules else low
        high = column.max if high is None and "max" in rules else high
        if "mean" in rules and column.mean is not None and column.stddev is not None:
            with np.errstate(over="ignore"):
                below, above = column.mean - parameters.k * column.stddev, column.mean + parameters.k * column.stddev
    low, high = -np.inf if low is None else low, np.inf if high is None else high
    if max(low, below) > min(high, above):
        raise InvalidDetector(
            f"no value of {name!r} could be normal: it may not be smaller than {max(low, below):.6g} nor larger than "
            f"{min(high, above):.6g}",
            "min" if name in parameters.min else "max",
        )
    return low, high, below, above
