"""The Mahalanobis distance of a row from the baseline, without memory."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import gammaincc, gammainccinv

from nilometer_detectors.detector import Context, InvalidDetector, Parameters, baseline_of
from nilometer_detectors.kernels.whitening import whiten
from nilometer_detectors.outliers.base.contract import OutlierDetector, Scores, tell, weightiest
from nilometer_detectors.outliers.base.covariance import inverse_root, ledoit_wolf
from nilometer_logger.rows import ColumnType, Floats, Rows

if TYPE_CHECKING:
    from nilometer_detectors.baselines.baseline import Baseline

_FEWEST = 1e-290  # of probabilities that are told apart
_PATTERNS = 64  # of missing values, whose matrices are kept; any other is computed again
_LEAST_USABLE = 0.5  # of a column's sample
_MOST_FEATURES = 4096  # whose covariance takes 128 MiB
_MOST_ROOT_BYTES = 64 * 2**20  # of the matrices of patterns


class MahalanobisParameters(Parameters):
    """The parameters of `mahalanobis`."""

    threshold: float | None = Field(
        default=None, gt=0, description="the largest normal squared distance; by default that of pValue"
    )
    p_value: float = Field(
        default=0.001,
        gt=0,
        lt=1,
        description="the share of rows of a normal distribution that lie beyond the threshold, where none is given",
    )


class Mahalanobis(OutlierDetector[MahalanobisParameters]):
    """Flags a row that lies far from the baseline, seen along its features and across them.

        score(row) = zᵀ C⁻¹ z,    z = (row - mean) / stddev

    (Mahalanobis, "On the generalised distance in statistics", 1936) with C the covariance of the baseline's standardised
    complete rows, shrunk (`ledoit_wolf`); so neither features that depend on each other nor ones of tiny scale blind it.
    For normal rows the score has a chi-square distribution with a degree of freedom a feature; the default threshold is
    its quantile at 1 - pValue. Nothing is learned from the rows, unlike in alibi-detect's detector of that name.

    * A missing value is left out: the score is the distance of the others with the matching part of C, which has fewer
      degrees of freedom, as the distance that is as improbable with all of them. So one threshold holds for all rows.
    * A feature's score is w², w = C^(-1/2) z: they add up to the squared distance, and w is the standardised feature
      with least of the others in it (Garthwaite and Koch, "Evaluating the contributions of individual variables to a
      quadratic form", Australian & New Zealand Journal of Statistics 58, 2016). A finding names the features with the
      largest, down to where the rest lies within the threshold; and expects the range in which a value would have been
      normal given the others of its row.
    * An infinite value scores infinitely high, and so does another value of a feature that is constant in the baseline.

    O(rows · features²), and memory of O(features²), so that at most 4096 features are judged.
    """

    Parameters: ClassVar[type[Parameters]] = MahalanobisParameters
    judges: ClassVar[frozenset[ColumnType]] = frozenset({"numeric", "text"})

    @classmethod
    def prepare(cls, baseline: "Baseline") -> Mapping[str, NDArray[Any]]:
        """Estimates moments and the shrunk covariance of all numeric features, from the baseline's sample.

        A feature with fewer than half of its values there is left out, because only complete rows are used.
        """
        numeric = [place for place, column in enumerate(baseline.features) if column.type in cls.judges]
        sample = baseline.feature_sample
        usable = (
            [place for place in numeric if np.isfinite(sample[:, place]).mean() >= _LEAST_USABLE] if len(sample) else []
        )
        if len(usable) > _MOST_FEATURES:
            return {}  # those that a monitor names are estimated when it is loaded
        return cls._estimate(sample, usable)

    @classmethod
    def _estimate(cls, sample: Floats, usable: Sequence[int]) -> Mapping[str, NDArray[Any]]:
        values = sample[:, usable]
        values = values[np.isfinite(values).all(axis=1)]
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scale = (values.mean(axis=0), values.std(axis=0)) if len(values) else np.zeros((2, len(usable)))
            constant = (values == values[:1]).all(axis=0)
            mean[constant], scale[constant] = values[0, constant] if len(values) else 0.0, 0.0
        kept = np.isfinite(mean) & np.isfinite(scale) & (len(values) > 1)
        places, mean, scale, values = np.array(usable, dtype=np.int64)[kept], mean[kept], scale[kept], values[:, kept]
        varying = scale > 0
        covariance = np.zeros((len(places), len(places)))
        if varying.any():
            covariance[np.ix_(varying, varying)], _ = ledoit_wolf((values[:, varying] - mean[varying]) / scale[varying])
        return {"features": places, "mean": mean, "stddev": scale, "covariance": covariance}

    def __init__(self, parameters: MahalanobisParameters, context: Context) -> None:
        """Takes moments and covariance out of the baseline.

        Raises:
            InvalidDetector: if there is no baseline, nothing to judge, or a feature of which the baseline has too few values.
        """
        super().__init__(parameters, context)
        self._features = self.chosen(parameters.features, context)
        if len(self._features) > _MOST_FEATURES:
            raise InvalidDetector(
                f"is to judge {len(self._features)} features together, and takes at most {_MOST_FEATURES}: name fewer",
                "features",
            )
        prepared = self.prepared(context) or self._estimate(baseline_of(context).feature_sample, self._features)
        known = {place: at for at, place in enumerate(prepared["features"].tolist())}
        for place in self._features:
            if place not in known:
                raise InvalidDetector(
                    f"the baseline has too few complete rows with a usable value of {context.features.names[place]!r}: "
                    "name the features to judge without it"
                )
        chosen = [known[place] for place in self._features]
        self._mean, self._scale = prepared["mean"][chosen], prepared["stddev"][chosen]
        self._covariance = prepared["covariance"][np.ix_(chosen, chosen)]
        self._varying = self._scale > 0
        self._degrees = int(self._varying.sum())
        patterns = max(1, min(_PATTERNS, _MOST_ROOT_BYTES // (8 * max(1, len(chosen)) ** 2)))
        self._root = lru_cache(patterns)(self._root_of)
        self._threshold = parameters.threshold or _quantile(parameters.p_value, self._degrees)
        if self._degrees:  # compiled before the first row comes
            whiten(np.empty((0, self._degrees)), self._mean, self._scale, self._root(self._varying.tobytes()))

    def _root_of(self, observed: bytes) -> Floats:
        """Gives the inverse root of the covariance of some varying features."""
        places = np.frombuffer(observed, dtype=np.bool_)
        return inverse_root(self._covariance[np.ix_(places, places)])

    def score(self, rows: Rows) -> Scores:
        """Scores the rows of requests."""
        values = rows.values[:, self._features]
        observed = np.isfinite(values)
        shares = np.where(np.isnan(values), np.nan, 0.0)
        score = np.zeros(len(values))
        for pattern, members in _alike(observed & self._varying):
            places = np.flatnonzero(pattern)
            if not len(places):
                continue
            cells = np.ix_(members, places)
            white = whiten(values[cells], self._mean[places], self._scale[places], self._root(pattern.tobytes()))
            distance = np.zeros(len(members))
            shares[cells] = np.square(white, out=white)
            for column in white.T:
                distance += column
            score[members] = equivalent(distance, len(places), self._degrees)
        unusual = np.isinf(values) | (observed & ~self._varying & (values != self._mean))
        shares[unusual] = np.inf
        score[unusual.any(axis=1)] = np.inf
        score[np.isnan(values).all(axis=1)] = np.nan
        return Scores(score, score > self._threshold, self._threshold, self._features, shares)

    def explain(self, rows: Rows, scores: Scores, row: int) -> Mapping[str, Mapping[str, object]]:
        """Names the features with the largest shares, down to where the rest is within the threshold."""
        if scores.feature_score is None:
            return {}
        shares = scores.feature_score[row]
        values = rows.values[row, self._features]
        blamed, _ = weightiest(shares, scores.threshold)
        return {
            rows.schema.names[self._features[place]]: tell(
                float(values[place]), float(shares[place]), self._expected(values, place)
            )
            for place in blamed
        }

    def _expected(self, values: Floats, place: int) -> list[float]:
        """Gives the range in which a value would be normal, given the other finite ones of its row."""
        if not self._varying[place]:
            return [float(self._mean[place])] * 2
        observed = np.isfinite(values) & self._varying
        observed[place] = True
        at = int(observed[:place].sum())
        root = self._root(observed.tobytes())
        precision = root @ root[at]
        with np.errstate(over="ignore", invalid="ignore"):
            z = ((values - self._mean) / np.where(self._varying, self._scale, 1.0))[observed]
        z[at] = 0.0
        centre = -float(precision @ np.clip(z, -1e100, 1e100)) / precision[at]
        reach = np.sqrt(equivalent(np.array([self._threshold]), self._degrees, 1)[0] / precision[at])
        mean, scale = float(self._mean[place]), float(self._scale[place])
        return [mean + scale * (centre + side * float(reach)) for side in (-1, 1)]


def _alike(observed: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.intp]]]:
    """Sorts rows by which of their values can be used: gives each pattern, and its rows."""
    if not len(observed):
        return
    if (observed == observed[0]).all():
        yield observed[0], np.arange(len(observed))
        return
    packed = np.packbits(observed, axis=1)
    width, text = packed.shape[1], packed.tobytes()
    members: dict[bytes, list[int]] = {}
    for row in range(len(observed)):  # numpy's unique sorts the rows, and takes far longer
        members.setdefault(text[row * width : (row + 1) * width], []).append(row)
    for rows in members.values():
        yield observed[rows[0]], np.array(rows)


def _quantile(probability: float, degrees: int) -> float:
    """Gives what a chi-square variable exceeds with some probability; 0 without a degree of freedom."""
    return float(2 * gammainccinv(degrees / 2, probability)) if degrees else 0.0


def equivalent(distances: Floats, degrees: int, wanted: int) -> Floats:
    """Gives squared distances that are as improbable with other degrees of freedom.

    By the survival function of the chi-square distribution, Q(degrees/2, distance/2) with Q the regularised upper
    incomplete gamma function. Beyond where that is 1e-290, distances go on growing one by one.

    Args:
        distances: shape (rows,).
        degrees: of freedom that they have.
        wanted: degrees of freedom.

    Returns:
        Shape (rows,).
    """
    if degrees == wanted or not degrees:
        return distances
    last = _quantile(_FEWEST, degrees)
    within = 2 * gammainccinv(wanted / 2, gammaincc(degrees / 2, np.minimum(distances, last) / 2))
    grown: Floats = within + np.maximum(distances - last, 0.0)
    return grown
