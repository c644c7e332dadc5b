"""Thresholds are found on reference data, for a rate of false alarms, before any monitor needs them.

A detector is built from a part of the sample and judges rows that it has never seen, so that what is found holds for the
rows to come. Nothing here knows one detector from another: they are built with their default parameters and asked as a
monitor asks them.

* Outlier detectors: the sample's rows, in the order of their hashes, are dealt out into five parts; each part is scored
  by a detector built from the other four. The threshold is the quantile of all scores that leaves at most the wanted
  share of rows above it.
* Drift detectors: a hundred times the rows are shuffled and split; of the smaller part windows are drawn without
  replacement (Politis and Romano, "Large sample confidence regions based on subsampling under minimal assumptions", The
  Annals of Statistics 22, 1994), so that each is as good as a fresh one. A column's threshold is a multiple of its mean
  distance, the same multiple for all columns: the quantile of each window's largest one. So the rate is that of windows
  with any alarm, and columns that drift together are not counted twice.

The intervals are percentiles of the same quantile over resampled rows, or resampled splits (Efron, "Bootstrap methods:
another look at the jackknife", The Annals of Statistics 7, 1979). All randomness comes from a seed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.baselines.baseline import Baseline, BaselineColumn
from nilometer_detectors.baselines.build import summarise
from nilometer_detectors.baselines.table import TableColumn
from nilometer_detectors.baselines.thresholds import CONFIDENCE, WHOLE, Calibration, Threshold
from nilometer_detectors.detector import Context, InvalidDetector, can_be_calibrated
from nilometer_detectors.drift.base.contract import AnyDriftDetector, DriftDetector, DriftResult, Of, Window
from nilometer_detectors.outliers.base.contract import OutlierDetector
from nilometer_detectors.registry import available, find
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.cloudevents.kserve import Half
from nilometer_logger.errors import NilometerError
from nilometer_logger.rows import Floats, Rows, Schema, row_hashes

WINDOW_ROWS = (100, 1000)
_PARTS = 5
_SPLITS = 100
_RESAMPLED = 200
_FEWEST, _MOST = 400, 5000  # windows of a size
_Indices = NDArray[np.intp]


@dataclass(frozen=True)
class CalibrationOptions:
    """What is asked of a calibration.

    Attributes:
        rate: the share of normal rows, or of normal windows, that may raise an alarm; between 0 and 1.
        window_rows: the sizes of windows.
        seed: of the shuffles and the resampling.
    """

    rate: float
    window_rows: tuple[int, ...] = WINDOW_ROWS
    seed: int = 0


def calibrate(baseline: Baseline, wanted: CalibrationOptions) -> tuple[Baseline, dict[str, str]]:
    """Finds the threshold of every installed detector that has one.

    Args:
        baseline: with a sample of at least 1 / rate rows.
        wanted: the rate of false alarms, and how to look for it.

    Returns:
        The same baseline with its calibrations; and the detectors without one though they have a threshold, by their
        type, with the reason.
    """
    found: list[Calibration] = []
    left_out: dict[str, str] = {}
    for name in available():
        if "." in name:
            continue
        try:
            detector = find(name)
            if not can_be_calibrated(detector):
                continue
            if issubclass(detector, OutlierDetector):
                found.append(_of_scores(detector, name, baseline, wanted))
            elif issubclass(detector, DriftDetector):
                halves: list[Of] = ["features", "predictions"] if baseline.predictions else ["features"]
                found += [_of_distances(detector, name, baseline, wanted, of) for of in halves]
        except NilometerError as error:
            left_out[name] = str(error)
        except Exception as error:  # noqa: BLE001 - a detector that fails takes the baseline from none of the others
            left_out[name] = f"the detector failed: {error!r}"
    return replace(baseline, calibrations=tuple(found)), left_out


def _of_scores(
    kind: type[OutlierDetector[Any]], name: str, baseline: Baseline, wanted: CalibrationOptions
) -> Calibration:
    """Calibrates an outlier detector."""
    count, rate = len(baseline.feature_sample), wanted.rate
    if count * rate < 1:
        raise InvalidDetector(
            f"a rate of {rate} needs a sample of at least {math.ceil(1 / rate)} rows, and there are {count}"
        )
    places = np.arange(count)
    scores = []
    for part in range(_PARTS):
        held = places % _PARTS == part
        detector = kind(kind.Parameters(), _context(name, _part(baseline, places[~held])))
        scores.append(detector.score(_rows(baseline, places[held], "request")).score)
    known = np.concatenate(scores)
    known = known[~np.isnan(known)]
    if not len(known):
        raise InvalidDetector("none of the sample's rows could be scored")
    generator = np.random.default_rng(wanted.seed)
    resampled = [_quantile(generator.choice(known, len(known)), rate) for _ in range(_RESAMPLED)]
    threshold = _threshold(_quantile(known, rate), resampled)
    if not math.isfinite(threshold.high):
        raise InvalidDetector(f"about {rate:g} of the sample's rows, or more, score infinitely high")
    return Calibration(type=name, false_alarm_rate=rate, scores=threshold)


def _of_distances(
    kind: type[AnyDriftDetector], name: str, baseline: Baseline, wanted: CalibrationOptions, of: Of
) -> Calibration:
    """Calibrates a drift detector for one half."""
    count, sizes = len(baseline.feature_sample), tuple(sorted(set(wanted.window_rows)))
    if count < 3 * sizes[-1]:
        raise InvalidDetector(
            f"windows of {sizes[-1]} rows need a sample of at least {3 * sizes[-1]}, and there are {count}"
        )
    each = math.ceil(min(max(10 / wanted.rate, _FEWEST), _MOST) / _SPLITS)
    told: dict[int, list[list[Mapping[str, float]]]] = {size: [] for size in sizes}  # by size, split and window
    for split in range(_SPLITS):
        generator = np.random.default_rng([wanted.seed, split])
        shuffled = generator.permutation(count)
        held, kept = np.split(shuffled, [max(2 * sizes[-1], count // _PARTS)])
        part = _part(baseline, np.sort(kept))
        detector = kind(kind.Parameters.model_validate({"of": of}), _context(name, part))
        for size in sizes:
            drawn = (generator.choice(held, size, replace=False) for _ in range(each))
            told[size].append([_distances(detector.judge(_window(detector, baseline, part, rows))) for rows in drawn])
    columns: dict[str, list[Threshold]] = {}
    for size in sizes:
        for column, threshold in _largest(told[size], wanted).items():
            columns.setdefault(column, []).append(threshold)
    whole = {column: tuple(found) for column, found in columns.items() if len(found) == len(sizes)}
    if not whole:
        raise InvalidDetector(f"windows of {', '.join(map(str, sizes))} rows are too small for it")
    return Calibration(type=name, of=of, false_alarm_rate=wanted.rate, window_rows=sizes, distances=whole)


def _distances(said: DriftResult) -> dict[str, float]:
    """Gives the distances of a judgement by column; that of all columns where they have none of their own."""
    found = (
        {name: column.get("distance") for name, column in said.columns.items()}
        if said.columns
        else {WHOLE: said.distance}
    )
    return {name: float(distance) for name, distance in found.items() if isinstance(distance, float)}


def _largest(told: Sequence[Sequence[Mapping[str, float]]], wanted: CalibrationOptions) -> dict[str, Threshold]:
    """Finds the thresholds of the columns at one size of windows.

    Args:
        told: by split and window, the distance of each column.
        wanted: whose rate is that of windows in which any column may lie beyond its threshold.
    """
    names = sorted({name for windows in told for window in windows for name in window})
    table = np.array([[[window.get(name, math.nan) for name in names] for window in windows] for windows in told])
    if not table.size:
        return {}
    means = np.nanmean(table, axis=(0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(table > 0, table / means, 0.0).max(axis=2)  # shape (splits, windows)
    generator = np.random.default_rng(wanted.seed)
    drawn = (ratios[generator.integers(len(ratios), size=len(ratios))] for _ in range(_RESAMPLED))
    resampled = [_quantile(splits.ravel(), wanted.rate) for splits in drawn]
    common = _threshold(_quantile(ratios.ravel(), wanted.rate), resampled)
    return {
        name: Threshold(value=common.value * mean, low=common.low * mean, high=common.high * mean)
        for name, mean in zip(names, means.tolist(), strict=True)
    }


def _quantile(scores: Floats, rate: float) -> float:
    """Gives the smallest score above which lies at most the wanted share of all."""
    return float(np.quantile(scores, 1 - rate, method="inverted_cdf"))


def _threshold(value: float, resampled: Sequence[float]) -> Threshold:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], method="inverted_cdf")
    return Threshold(value=value, low=float(low), high=float(high))


def _part(baseline: Baseline, places: _Indices) -> Baseline:
    """Makes a baseline of some rows of the sample."""
    features = baseline.feature_sample[places]
    for column, values in zip(baseline.features, features.T, strict=True):
        if not np.isfinite(values).any():
            raise InvalidDetector(f"the sample has too few values of {column.name!r}")
    return summarise(
        _columns(baseline.feature_schema, features),
        _columns(baseline.prediction_schema, baseline.prediction_sample[places]),
        len(places),
    )


def _columns(schema: Schema, values: Floats) -> list[TableColumn]:
    return [TableColumn(column, values[:, place]) for place, column in enumerate(schema.columns)]


def _context(name: str, part: Baseline) -> Context:
    return Context(name, name, part.feature_schema, part, predictions=part.prediction_schema)


def _rows(baseline: Baseline, places: _Indices, half: Half) -> Rows:
    """Gives some rows of the sample as they would arrive."""
    asked = half == "request"
    values = (baseline.feature_sample if asked else baseline.prediction_sample)[places]
    return Rows(
        half=half,
        schema=baseline.feature_schema if asked else baseline.prediction_schema,
        values=values,
        times=np.zeros(len(values), dtype=np.int64),
        ids=[""] * len(values),
        numbers=np.arange(len(values), dtype=np.int64),
        hashes=row_hashes(0, len(values)),
    )


def _window(detector: AnyDriftDetector, baseline: Baseline, part: Baseline, places: _Indices) -> Window:
    """Gives some rows of the sample as a closed window of a monitor whose baseline is a part of it."""
    needs = detector.needs()
    halves: list[Summary] = []
    sides: list[tuple[Of, Half, Sequence[BaselineColumn]]] = [
        ("features", "request", part.features),
        ("predictions", "response", part.predictions),
    ]
    for of, half, columns in sides:
        rows = _rows(baseline, places, half)
        edges = [np.array(column.edges, dtype=np.float64) if column.edges else None for column in columns]
        asked = needs.of == of and bool(columns)
        summary = Summary(Layout(rows.schema, edges, needs.sample if asked else 0), needs.statistics if asked else ())
        if asked:
            summary.update(rows)
        halves.append(summary)
    features, predictions = halves
    return Window(features, predictions)
