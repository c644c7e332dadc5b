"""The columns of a monitor: declared, or taken from its baseline; where there are both, they must be the same."""

from collections.abc import Sequence

import numpy as np

from nilometer_detectors.baselines.baseline import BaselineColumn
from nilometer_detectors.monitors.parts import Parts
from nilometer_detectors.monitors.spec import ColumnSpec, MonitorSpec
from nilometer_detectors.problems import Location, shortened
from nilometer_detectors.statistics.base.binning import given
from nilometer_logger.rows import Column, Floats, Schema


def take_columns(spec: MonitorSpec, parts: Parts) -> None:
    """Takes the columns from the schema or the baseline; where there are both, they must be the same."""
    known = parts.baseline
    if spec.schema_ is None:
        if known is not None:
            parts.features, parts.predictions = known.feature_schema, known.prediction_schema
            parts.feature_edges, parts.prediction_edges = _edges(known.features), _edges(known.predictions)
        return
    features, predictions = spec.schema_.features, spec.schema_.predictions
    above = ("spec", "schema")
    broken = spec.baseline is not None and known is None  # then nothing can be compared
    parts.features = _columns(features, known.features if known else (), (*above, "features"), parts, broken)
    # A baseline may have been built without predictions: then they are watched, and have no histogram.
    seen = known.predictions if known else ()
    parts.predictions = _columns(predictions, seen, (*above, "predictions"), parts, broken)
    parts.feature_edges = _edges(known.features) if known else _declared_edges(features)
    parts.prediction_edges = _edges(seen) if seen else _declared_edges(predictions)


def _columns(
    declared: Sequence[ColumnSpec], known: Sequence[BaselineColumn], location: Location, parts: Parts, broken: bool
) -> Schema:
    names = [column.name for column in declared]
    for place, name in enumerate(names):
        if name in names[:place]:
            parts.report((*location, place, "name"), f"is {name!r}, as that of another column")
    if known and declared and names != (expected := [column.name for column in known]):
        lacking = [name for name in names if name not in expected]
        what = f"{', '.join(lacking)} not among them" if lacking else "others, or in another order"
        parts.report(
            location,
            f"does not match the baseline, whose columns are {', '.join(expected)} ({what}): "
            "leave spec.schema out, or build the baseline from the same columns",
        )
        return Schema(())
    columns = []
    for place, column in enumerate(declared):
        seen = known[place] if known else None
        columns.append(_column(column, seen, (*location, place), parts, broken))
    return Schema(tuple(columns))


def _column(
    declared: ColumnSpec, known: BaselineColumn | None, location: Location, parts: Parts, broken: bool
) -> Column:
    if known is not None and declared.type != known.type:
        flag = f" (nilometer baseline --categorical {declared.name})" if declared.type == "categorical" else ""
        parts.report((*location, "type"), f"is {declared.type!r}: the baseline's column is {known.type}{flag}")
    categories = tuple(declared.categories) or (known.categories if known else ())
    if known is not None and known.type == declared.type and categories != known.categories:
        parts.report(
            (*location, "categories"),
            f"is {shortened(declared.categories)}: the baseline has {shortened(list(known.categories))}; "
            "leave them out to take those",
        )
    if known is not None and declared.bins and tuple(declared.bins) != known.edges:
        parts.report(
            (*location, "bins"),
            f"is {shortened(declared.bins)}: the baseline counts in {shortened(list(known.edges))}; leave them out, or "
            "build the baseline with --bins",
        )
    if declared.type == "categorical" and not categories and not broken:
        parts.report((*location, "categories"), "is missing: without a baseline the categories must be named")
    return Column(declared.name, declared.type, categories)


def _edges(columns: Sequence[BaselineColumn]) -> list[Floats | None]:
    return [np.array(column.edges, dtype=np.float64) if column.edges else None for column in columns]


def _declared_edges(columns: Sequence[ColumnSpec]) -> list[Floats | None]:
    return [given(column.bins) if column.bins else None for column in columns]
