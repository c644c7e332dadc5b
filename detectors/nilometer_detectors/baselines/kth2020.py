"""The baseline of the thesis's ModelMonitor becomes one of ours: statistics and histograms, and no sample.

Its custom resource holds two maps, each as JSON or as a text with JSON in it: `descriptive`, from a feature to its
statistics, and `distributions`, from a feature to its bins, from a bin's lower bound to a count or to a probability. A
bin reaches to the next bound, and the last is as wide as the first.

Source: J. de la Rúa Martínez, "Scalable Architecture for Automating Machine Learning Model Monitoring", KTH, 2020.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nilometer_detectors.baselines.baseline import Baseline, BaselineColumn
from nilometer_detectors.baselines.build import ColumnOptions
from nilometer_logger.errors import SettingError

_Maps = dict[str, dict[str, float]]


class _Document(msgspec.Struct):
    descriptive: str | _Maps = {}
    distributions: str | _Maps = {}


def read_thesis(path: Path, wishes: ColumnOptions) -> Baseline:
    """Reads such a baseline.

    Args:
        path: of a file with the object that stands in `spec.monitoring.baseline`.
        wishes: which columns are predictions, and which are left out.

    Returns:
        A baseline without a sample: detectors that compare with one refuse it.

    Raises:
        SettingError: if the file holds something else; naming the feature.
    """
    try:
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
        descriptive, distributions = map(_maps, (document.descriptive, document.distributions))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SettingError(f"{path}: is no baseline of the thesis (descriptive, distributions): {error}") from None
    names = [name for name in dict.fromkeys([*descriptive, *distributions]) if name not in wishes.ignored]
    columns = {name: _column(path, name, descriptive.get(name, {}), distributions.get(name, {})) for name in names}
    for name in wishes.predictions:
        if name not in columns:
            raise SettingError(f"{path}: has no column {name!r}; there are {', '.join(columns) or 'none'}")
    features = tuple(column for name, column in columns.items() if name not in wishes.predictions)
    if not features:
        raise SettingError(f"{path}: names no feature in descriptive or distributions")
    predictions = tuple(columns[name] for name in wishes.predictions)
    rows = max(column.count for column in features)
    return Baseline(rows, features, predictions, np.empty((0, len(features))), np.empty((0, len(predictions))))


def _maps(value: str | _Maps) -> _Maps:
    return msgspec.json.decode(value, type=_Maps) if isinstance(value, str) else value


def _column(path: Path, name: str, described: Mapping[str, float], bins: Mapping[str, float]) -> BaselineColumn:
    try:
        counted = sorted((float(bound), count) for bound, count in bins.items())
    except ValueError as error:
        raise SettingError(f"{path}: distributions.{name}: {error}") from None
    bounds = [bound for bound, _ in counted]
    if any(not math.isfinite(number) or number < 0 for _, number in counted) or not all(map(math.isfinite, bounds)):
        raise SettingError(f"{path}: distributions.{name}: a bin is no number, or negative")
    if len(set(bounds)) < len(bounds) or len(bounds) == 1:
        raise SettingError(f"{path}: distributions.{name}: at least two bins with bounds of their own are expected")
    total = sum(number for _, number in counted)
    # As the thesis tells them apart; only a histogram whose bins all hold one value or none could be either.
    scale = described.get("count", 0) / total if total and max(number for _, number in counted) <= 1 else 1
    counts = tuple(round(number * scale) for _, number in counted)
    moments: dict[str, Any] = {
        # The thesis's `mean` is not one: it divides the range by the count.
        "mean": described.get("avg", described.get("mean")),
        **{field: described.get(field) for field in ("stddev", "min", "max")},
    }
    return BaselineColumn(
        name=name,
        type="numeric",
        count=round(described.get("count", sum(counts))),
        missing=0,
        **moments,
        edges=(*bounds, bounds[-1] + (bounds[1] - bounds[0])) if bounds else (),
        counts=counts,
    )
