"""A baseline as a person reads it in a terminal."""

from nilometer_detectors.baseline import Baseline

_SHOWN = 6  # categories in a line


def describe(baseline: Baseline) -> str:
    """Writes a baseline as a table for a terminal, a line a column."""
    head = ("", "column", "type", "count", "missing", "mean", "stddev", "min", "max", "categories")
    lines: list[tuple[str, ...]] = [head]
    for half, columns in (("feature", baseline.features), ("prediction", baseline.predictions)):
        for column in columns:
            counted = (half, column.name, column.type, str(column.count), str(column.missing))
            moments = (column.mean, column.stddev, column.min, column.max)
            measured = tuple("" if value is None else f"{value:.6g}" for value in moments)
            some = ", ".join(column.categories[:_SHOWN]) + (", …" if len(column.categories) > _SHOWN else "")
            lines.append((*counted, *measured, some))
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join(
        [f"{baseline.rows} rows, {len(baseline.feature_sample)} in the sample, {baseline.digest}", "", *table]
    )
