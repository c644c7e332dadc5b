"""Reference data become a baseline.

Statistics come from the same code that runs over a window. A histogram has `BINS` bins of equal width from the
smallest to the largest value; a constant column has one bin from its value to its value, so that any other value lies
outside; a boolean one has a bin for false and one for true. The sample holds the rows with the k smallest hashes of
their numbers, so that the same file always gives the same baseline.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nilometer_detectors.baseline import Baseline, BaselineColumn
from nilometer_detectors.statistics.contract import Layout, Result
from nilometer_detectors.statistics.summary import Summary
from nilometer_detectors.table import TableColumn, read_csv
from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Column, Floats, Schema, row_hashes

BINS = 20
SAMPLE = 10_000
_CHUNK = 1000  # rows taken at once; keeps the moments' rounding error small
_FALSE_TRUE = np.array([0.0, 0.5, 1.0])


def build(
    path: Path, predictions: Sequence[str] = (), categorical: Sequence[str] = (), sample: int = SAMPLE
) -> Baseline:
    """Builds a baseline from a CSV file.

    Args:
        path: of the file; its first line names the columns.
        predictions: the columns that are predictions, in the order of the model's answer; all others are features, in
            the order of the file.
        categorical: columns whose numbers are categories.
        sample: how many rows to keep for the tests that compare with them.

    Returns:
        The baseline, of which `Baseline.save` makes an artefact.

    Raises:
        SettingError: if the file does not make a baseline; naming the line or column, and what helps.
    """
    columns = {column.column.name: column for column in read_csv(path, categorical)}
    for name in predictions:
        if name not in columns:
            raise SettingError(f"{path}: has no column {name!r} for predictions; there are {', '.join(columns)}")
    answers = [columns[name] for name in dict.fromkeys(predictions)]
    features = [column for name, column in columns.items() if name not in predictions]
    if not features:
        raise SettingError(f"{path}: all of its columns are predictions, so there is no feature")
    return summarise(features, answers, sample)


def summarise(
    features: Sequence[TableColumn], predictions: Sequence[TableColumn] = (), sample: int = SAMPLE
) -> Baseline:
    """Makes a baseline of typed columns.

    Args:
        features: at least one.
        predictions: of the same rows.
        sample: how many rows to keep for the tests that compare with them.
    """
    columns, feature_sample = _half(features, sample)
    answers, prediction_sample = _half(predictions, sample) if predictions else ((), feature_sample[:, :0])
    return Baseline(len(features[0].values), columns, answers, feature_sample, prediction_sample)


def _half(columns: Sequence[TableColumn], sample: int) -> tuple[tuple[BaselineColumn, ...], Floats]:
    """Describes and samples the columns of one half."""
    values = np.stack([column.values for column in columns], axis=1)
    schema = Schema(tuple(column.column for column in columns))
    edges = [_edges(column) for column in columns]
    summary = Summary(Layout(schema, edges, sample), ("mean", "stddev", "min", "max", "histogram"))
    hashes = row_hashes(0, len(values))
    for start in range(0, len(values), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        summary.take(values[chunk], hashes[chunk])
    described = summary.result().values()
    pairs = zip(schema.columns, described, strict=True)
    return tuple(_described(column, result) for column, result in pairs), summary.sample(sample)


def _edges(column: TableColumn) -> Floats | None:
    """Lays out a histogram; None for a categorical column."""
    if column.column.type == "categorical":
        return None
    if column.column.type == "boolean":
        return _FALSE_TRUE
    finite = column.values[np.isfinite(column.values)]
    low, high = finite.min(), finite.max()
    # Not linspace: the width of a range from -1e308 to 1e308 does not fit into float64.
    share = np.arange(BINS + 1) / BINS
    edges = np.unique(np.clip(low * (1 - share) + high * share, low, high))
    return edges if len(edges) > 1 else np.array([low, low])


def _described(column: Column, result: Result) -> BaselineColumn:
    """Gives the result of a column's statistics the form that the artefact keeps."""
    said = {name: value for name, value in result.items() if name in BaselineColumn.__struct_fields__}
    histogram = msgspec.convert(result["histogram"], dict[str, Any])
    bins = {"edges": histogram.get("edges", ()), "counts": histogram["counts"]}
    named = {"name": column.name, "type": column.type, "categories": column.categories}
    return msgspec.convert({**named, **said, **bins}, BaselineColumn)
