"""Reference data become a baseline.

A source is read twice: first to tell what its columns are and how far they reach, then to describe them, with the same
statistics that run over a window. Neither keeps more than a bounded number of rows, however many there are.

A histogram has bins of equal width from the smallest to the largest value, `BINS` unless asked otherwise; a constant column has one bin from its
value to its value, so that any other value lies outside; a boolean one has a bin for false and one for true. The sample
holds the rows with the k smallest hashes of their numbers, so that the same data always give the same baseline.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.baselines.baseline import Baseline, BaselineColumn
from nilometer_detectors.baselines.profile import ColumnProfile, Profile
from nilometer_detectors.baselines.table import Chunk, Progress, Source, SourceColumn, TableColumn
from nilometer_detectors.statistics.base import binning
from nilometer_detectors.statistics.base.contract import Layout, Result
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Column, ColumnType, Floats, Schema, hashes_of

BINS = 20
SAMPLE = 10_000
_FALSE_TRUE = np.array([0.0, 0.5, 1.0])


@dataclass(frozen=True)
class ColumnOptions:
    """What the user says of the columns, by their names.

    Attributes:
        predictions: which are predictions, in the order of the model's answer; all others are features, in the order of
            the source. Where the source says itself which are, they are left in its order.
        types: of columns that are something else than they look.
        ignored: columns to leave out.
        kept: columns to take although every value is another.
    """

    predictions: Sequence[str] = ()
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    ignored: Collection[str] = ()
    kept: Collection[str] = ()


@dataclass(frozen=True)
class Inferred:
    """What the columns of a source are.

    Attributes:
        features: of requests.
        predictions: of responses.
        remarks: what the user should know of the columns.
    """

    features: Sequence[ColumnProfile]
    predictions: Sequence[ColumnProfile]
    remarks: Sequence[str]


def infer(source: Source, wishes: ColumnOptions, progress: Progress = lambda _: None) -> Inferred:
    """Tells what the columns of a source are.

    Args:
        source: read once, from its beginning to its end.
        wishes: what the user says of the columns.
        progress: told of every chunk.

    Raises:
        SettingError: if the data do not make a baseline; naming the line or column, and what helps.
    """
    profiles: dict[SourceColumn, Profile] = {}
    for chunk in source.chunks():
        for column, cells in chunk.cells.items():
            if column.name in wishes.ignored:
                continue
            if column not in profiles:
                name = column.name
                profiles[column] = Profile(column, wishes.types.get(name), keep=name in wishes.kept)
            profiles[column].take(cells)
        progress(chunk.read)
    _check(source.name, wishes, profiles)
    found = [profile.found(source.name) for profile in profiles.values()]
    taken = [one for one in found if not one.is_id]
    half = {name: place for place, name in enumerate(wishes.predictions)}
    features = [one for one in taken if one.source.half != "response" and one.column.name not in half]
    predictions = [one for one in taken if one not in features]
    predictions.sort(key=lambda one: half.get(one.column.name, -1))
    if not features:
        why = "all of its columns are predictions or ids, so there is no feature"
        raise SettingError(f"{source.name}: {why}; take one with --keep NAME")
    return Inferred(features, predictions, [*source.remarks, *_remarks(found, wishes)])


def _check(file: str, wishes: ColumnOptions, columns: Collection[SourceColumn]) -> None:
    known = [column.name for column in columns]
    for name in (*wishes.predictions, *wishes.types, *wishes.kept):
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise SettingError(f"{file}: has no column {name!r}; {there}")


def _remarks(found: Sequence[ColumnProfile], wishes: ColumnOptions) -> list[str]:
    remarks = []
    for one in found:
        name = one.column.name
        if one.is_id:
            remarks.append(f"column {name!r} has another value in every row, so it is an id: left out (--keep {name})")
        elif one.is_constant:
            remarks.append(f"column {name!r} is constant: any other value will be news (--ignore {name})")
        elif one.column.type == "text" and name not in wishes.types:
            remarks.append(f"column {name!r} is judged by the length of its text (--categorical {name})")
    return remarks


def build(
    source: Source,
    inferred: Inferred,
    sample: int = SAMPLE,
    progress: Progress = lambda _: None,
    *,
    bins: int | str = BINS,
) -> Baseline:
    """Makes a baseline of a source whose columns are known.

    Args:
        source: read once; twice where the bins follow a rule, which must see values first.
        inferred: what `infer` found of it.
        sample: how many rows to keep for the tests that compare with them.
        progress: told of every chunk.
        bins: how many a histogram has, or one of `binning.RULES`, which is given the values of the sample.

    Returns:
        The baseline, of which `Baseline.save` makes an artefact.
    """
    found = (inferred.features, inferred.predictions)
    values = [[np.array([one.low, one.high]) for one in half] for half in found]
    if isinstance(bins, str):
        nothing: list[list[Floats | None]] = [[None] * len(half) for half in found]
        _, *halves = _read(source, found, nothing, sample, progress)
        for half, ranges in zip(halves, values, strict=True):
            ranges[:] = [np.append(seen, ends) for seen, ends in zip(half.sample().T, ranges, strict=True)]
    edges = [
        [_edges(one.column.type, seen, bins) for one, seen in zip(half, ranges, strict=True)]
        for half, ranges in zip(found, values, strict=True)
    ]
    return _baseline(*_read(source, found, edges, sample, progress))


def _read(
    source: Source,
    found: tuple[Sequence[ColumnProfile], Sequence[ColumnProfile]],
    edges: Sequence[Sequence[Floats | None]],
    sample: int,
    progress: Progress,
) -> tuple[int, "_Half", "_Half"]:
    """Reads a source once, and gives the number of its rows and what they are in both halves."""
    features, answers = (
        _Half([one.column for one in half], ours, sample) for half, ours in zip(found, edges, strict=True)
    )
    rows = 0
    for chunk in source.chunks():
        hashes = hashes_of(np.zeros(chunk.rows, dtype=np.uint64), np.arange(rows, rows + chunk.rows))
        for half, columns in ((features, found[0]), (answers, found[1])):
            half.take(_matrix(chunk, columns), hashes)
        rows += chunk.rows
        progress(chunk.read)
    return rows, features, answers


def _matrix(chunk: Chunk, columns: Sequence[ColumnProfile]) -> Floats:
    """Gives the values of a chunk, shape (rows, columns)."""
    values = np.full((chunk.rows, len(columns)), np.nan)
    for place, one in enumerate(columns):
        cells = chunk.cells.get(one.source)
        if cells is not None:
            values[:, place] = one.encode(cells)
    return values


def summarise(
    features: Sequence[TableColumn], predictions: Sequence[TableColumn] = (), sample: int = SAMPLE
) -> Baseline:
    """Makes a baseline of typed columns that are in memory.

    Args:
        features: at least one.
        predictions: of the same rows.
        sample: how many rows to keep for the tests that compare with them.
    """
    rows = len(features[0].values)
    hashes = hashes_of(np.zeros(rows, dtype=np.uint64), np.arange(rows))
    halves = []
    for columns in (features, predictions):
        half = _Half([one.column for one in columns], [_edges(one.column.type, one.values) for one in columns], sample)
        half.take(np.stack([one.values for one in columns], axis=1) if columns else np.empty((rows, 0)), hashes)
        halves.append(half)
    return _baseline(rows, *halves)


class _Half:
    """The columns of one half, described and sampled."""

    def __init__(self, columns: Sequence[Column], edges: Sequence[Floats | None], sample: int) -> None:
        self._schema = Schema(tuple(columns))
        self._size = sample
        self._summary = Summary(Layout(self._schema, edges, sample), ("mean", "stddev", "min", "max", "histogram"))

    def take(self, values: Floats, hashes: NDArray[np.uint64]) -> None:
        """Takes rows: values of shape (rows, columns), hashes of shape (rows,)."""
        if len(self._schema):
            self._summary.take(values, hashes)

    def columns(self) -> tuple[BaselineColumn, ...]:
        """Gives what the rows say of each column."""
        described = self._summary.result()
        return tuple(_described(column, described[column.name]) for column in self._schema.columns)

    def sample(self) -> Floats:
        """Gives the sampled rows, shape (rows, columns)."""
        return self._summary.sample(self._size)


def _baseline(rows: int, features: _Half, predictions: _Half) -> Baseline:
    answers = predictions.columns()
    sample = features.sample()
    answered = predictions.sample() if answers else sample[:, :0]
    return Baseline(rows, features.columns(), answers, sample, answered)


def _edges(kind: ColumnType, values: Floats, bins: int | str = BINS) -> Floats | None:
    """Lays out the histogram of a column that reaches from the smallest to the largest of some values."""
    if kind == "categorical":
        return None
    if kind == "boolean":
        return _FALSE_TRUE
    if isinstance(bins, str):
        return binning.chosen(bins, values)
    finite = values[np.isfinite(values)]
    return binning.equal(float(finite.min()), float(finite.max()), bins)


def _described(column: Column, result: Result) -> BaselineColumn:
    """Gives the result of a column's statistics the form that the artefact keeps."""
    said = {name: value for name, value in result.items() if name in BaselineColumn.__struct_fields__}
    counts = msgspec.convert({name: result.get(name, 0) for name in ("missing", "infinite")}, dict[str, int])
    histogram = msgspec.convert(result["histogram"], dict[str, Any])
    bins = {"edges": histogram.get("edges", ()), "counts": histogram["counts"]}
    named = {"name": column.name, "type": column.type, "categories": column.categories}
    missing = {"missing": sum(counts.values())}  # an infinite value is no value to compare with
    return msgspec.convert({**named, **said, **bins, **missing}, BaselineColumn)
