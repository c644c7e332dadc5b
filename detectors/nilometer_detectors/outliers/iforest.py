"""The isolation forest, grown when the baseline is built and scored by compiled code."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nilometer_detectors.detector import Context, InvalidDetector, Parameters
from nilometer_detectors.kernels.forest import Forest, is_sound, path_lengths
from nilometer_detectors.outliers.base.contract import OutlierDetector, PercentileParameters, Scores, tell
from nilometer_detectors.outliers.base.growing import grow
from nilometer_logger.rows import ColumnType, Floats, Rows

if TYPE_CHECKING:
    from nilometer_detectors.baselines.baseline import Baseline

_LARGEST = float(np.finfo(np.float32).max)
_QUANTILES = np.linspace(0.0, 1.0, 33)
_MIDDLE = len(_QUANTILES) // 2
_MOST_NAMED = 10


class IForestParameters(PercentileParameters):
    """The parameters of `iforest`."""

    threshold: float | None = Field(
        default=None, gt=0, lt=1, description="the largest normal score; by default that of thresholdPerc"
    )


class IForest(OutlierDetector[IForestParameters]):
    """Flags a row that few random cuts set apart from the baseline's rows.

        score(row) = 2^(-E(h(row)) / c(n))

    with h the length of the row's path through a tree, on average over 100 trees of n = 256 rows, and c the average
    length among n rows (Liu, Ting and Zhou, "Isolation forest", ICDM 2008, equation 2): towards 1 for outliers, 0.5
    and less for normal rows. The trees are scikit-learn's (`sklearn.ensemble.IsolationForest`, seed 0), and so are the
    scores: those of `-score_samples`. They see values rounded to float32. All numeric features take part.

    * A missing value goes the way scikit-learn sends it: where the value was missing among the tree's rows as they
      went, otherwise with most of them. So it hardly counts, and the row is judged by its others.
    * An infinite value gives its row the score 1, and so does another value of a feature that is constant in the baseline,
      by which no tree can cut.
    * To blame are the features whose median in place of their value lowers the score most, or at least half as much; by
      how much, is a feature's score. Where the row is no normal one with all their medians, so are the next. Expected is
      the range of its values around the median with which the row would be normal, in steps of 1/32 of the baseline,
      with the medians in the place of all values to blame.

    O(rows · trees · depth) to score, and as much for features² rows to explain one.
    """

    Parameters: ClassVar[type[Parameters]] = IForestParameters
    judges: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "text"})

    @classmethod
    def prepare(cls, baseline: "Baseline") -> Mapping[str, NDArray[Any]]:
        """Grows the forest from the baseline's sample, and scores the sample with it.

        Raises:
            InvalidDetector: if there are fewer than two rows to grow it from.
            ExtraMissing: if scikit-learn is not installed.
        """
        places = [place for place, column in enumerate(baseline.features) if column.type in cls.judges]
        places = [place for place in places if len(baseline.reference(place))]
        if not places:
            return {}
        values = baseline.feature_sample[:, places]
        values = values[~(np.abs(values) > _LARGEST).any(axis=1) & ~np.isnan(values).all(axis=1)]
        if len(values) < 2:
            raise InvalidDetector("the baseline's sample has fewer than two rows of numbers: no tree can be grown")
        forest, divisor = grow(values)
        return {
            **forest._asdict(),
            "features": np.array(places, dtype=np.int64),
            "divisor": np.array([divisor]),
            "quantiles": np.stack([np.quantile(baseline.reference(place), _QUANTILES) for place in places], axis=1),
            "scores": np.sort(_scores(values, forest, divisor)),
        }

    def __init__(self, parameters: IForestParameters, context: Context) -> None:
        """Takes the forest out of the baseline.

        Raises:
            InvalidDetector: if there is no baseline, or its forest was grown over other features.
            ExtraMissing: if the baseline has no forest, and scikit-learn is not installed to grow one.
        """
        super().__init__(parameters, context)
        self._features = self.chosen(parameters.features, context)
        prepared = self.prepared(context)
        if not prepared or tuple(prepared["features"].tolist()) != self._features:
            grown = [context.features.names[place] for place in prepared.get("features", np.empty(0)).tolist()]
            raise InvalidDetector(
                f"the baseline's forest was grown over {', '.join(grown) or 'no feature'}, and judges all of them "
                "together: name those, or build a baseline without the others",
                "features" if parameters.features is not None else None,
            )
        self._forest = Forest(*(prepared[name] for name in Forest._fields))
        if not is_sound(self._forest, len(self._features)):
            raise InvalidDetector("the baseline's forest is damaged: build the baseline again")
        self._divisor = float(prepared["divisor"][0])
        self._quantiles = prepared["quantiles"]
        self._constant = self._quantiles[0] == self._quantiles[-1]
        self._threshold = parameters.threshold_of(prepared["scores"])
        self._scores(np.empty((0, len(self._features))))  # compiled before the first row comes

    def _scores(self, values: Floats) -> Floats:
        return _scores(values, self._forest, self._divisor)

    def _unusual(self, values: Floats) -> NDArray[np.bool_]:
        """Tells which values are outliers whatever the trees say; the same shape."""
        other = self._constant & (values != self._quantiles[_MIDDLE]) & ~np.isnan(values)
        unusual: NDArray[np.bool_] = np.isinf(values) | other
        return unusual

    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""
        values = rows.values[:, self._features]
        score = self._scores(values)
        if self._constant.any() or not np.isfinite(values).all():
            score[self._unusual(values).any(axis=1)] = 1.0
            score[np.isnan(values).all(axis=1)] = np.nan
        return Scores(score, score > self._threshold, self._threshold, self._features)

    def explain(self, rows: Rows, scores: Scores, row: int) -> Mapping[str, Mapping[str, object]]:
        """Names the features whose values, replaced by their medians, leave a normal row."""
        values = rows.values[row, self._features]
        medians = self._quantiles[_MIDDLE]
        unusual = self._unusual(values)
        changed = np.where(unusual, medians, values)
        blamed = dict.fromkeys(np.flatnonzero(unusual).tolist(), 1.0)
        left = np.flatnonzero(~np.isnan(values) & ~unusual).tolist()
        score = float(self._scores(changed[np.newaxis])[0])
        while left and len(blamed) < _MOST_NAMED and (score > scores.threshold or not blamed):
            trials = np.repeat(changed[np.newaxis], len(left), axis=0)
            trials[np.arange(len(left)), left] = medians[left]
            lowered = self._scores(trials)
            drops = score - lowered
            chosen = np.flatnonzero(drops >= (drops.max() / 2 if drops.max() > 0 else drops.max())).tolist()
            for at in sorted(chosen, key=lambda at: -drops[at]):
                blamed[left[at]] = max(float(drops[at]), 0.0)
            left = [place for place in left if place not in blamed]
            changed[list(blamed)] = medians[list(blamed)]
            score = float(self._scores(changed[np.newaxis])[0])
        return {
            rows.schema.names[self._features[place]]: tell(
                float(values[place]), lowered_by, self._expected(changed, place, scores.threshold)
            )
            for place, lowered_by in blamed.items()
        }

    def _expected(self, values: Floats, place: int, threshold: float) -> list[float]:
        """Gives the range around a feature's median with which a row would be normal; the median alone where none is."""
        steps = self._quantiles[:, place]
        trials = np.repeat(values[np.newaxis], len(steps), axis=0)
        trials[:, place] = steps
        unusual = np.flatnonzero(self._scores(trials) > threshold)
        low = int(max(unusual[unusual < _MIDDLE], default=-1)) + 1
        high = int(min(unusual[unusual > _MIDDLE], default=len(steps))) - 1
        return [float(steps[low]), float(steps[high])]


def _scores(values: Floats, forest: Forest, divisor: float) -> Floats:
    """Scores rows; shape (rows,)."""
    scores: Floats = np.power(2.0, -path_lengths(values, forest) / divisor)
    return scores
