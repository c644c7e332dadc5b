"""A baseline as a person reads it in a terminal, and its schema as a monitor's file has it.

The table is as wide as its longest name, so a name longer than `_LONGEST` letters loses its middle: names of one family
often differ only at the end. The schema is for a file, and has all names in full.
"""

import json
from collections.abc import Sequence

from nilometer_detectors.baselines.baseline import Baseline, BaselineColumn
from nilometer_detectors.baselines.thresholds import Calibration, Threshold
from nilometer_logger.rows import Column
from nilometer_logger.terminal import printable

_SHOWN = 6  # categories in a line
_LONGEST = 32  # letters of a name
_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDEST = 40  # blocks of a histogram
_HEAD = ("", "column", "type", "count", "missing", "mean", "stddev", "min", "max", "histogram", "categories")


def describe(baseline: Baseline) -> str:
    """Writes a baseline as a table, a line a column."""
    halves = (("feature", baseline.features), ("prediction", baseline.predictions))
    lines = [_HEAD, *(_line(half, column) for half, columns in halves for column in columns)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    sampled = f"{baseline.rows} rows, {len(baseline.feature_sample)} in the sample, {baseline.digest}"
    prepared = f"prepared for {', '.join(sorted(baseline.prepared)) or 'no detector'}"
    return "\n".join([sampled, prepared, "", *table, *_thresholds(baseline.calibrations)])


def _thresholds(calibrations: Sequence[Calibration]) -> list[str]:
    """Writes the thresholds that were found, a line each."""
    lines = []
    for found in calibrations:
        rate = f"at a false alarm rate of {found.false_alarm_rate:g}"
        if found.scores:
            lines.append(f"{found.type}: threshold {_interval(found.scores)} {rate}")
        for place, rows in enumerate(found.window_rows):
            of = (f"{_shortened(name)} {_interval(values[place])}".strip() for name, values in found.distances.items())
            lines.append(f"{found.type} of {found.of}, {rows} rows: threshold {', '.join(of)} {rate}")
    return ["", *lines] if lines else []


def _interval(threshold: Threshold) -> str:
    return f"{threshold.value:.4g} ({threshold.low:.4g} to {threshold.high:.4g})"


def _line(half: str, column: BaselineColumn) -> tuple[str, ...]:
    moments = (column.mean, column.stddev, column.min, column.max)
    measured = tuple("" if value is None else f"{value:.6g}" for value in moments)
    some = ", ".join(map(_shortened, column.categories[:_SHOWN])) + (", …" if len(column.categories) > _SHOWN else "")
    counted = (str(column.count), str(column.missing))
    return (half, _shortened(column.name), column.type, *counted, *measured, histogram(column.counts), some)


def histogram(counts: Sequence[int]) -> str:
    """Draws counts as blocks, each as high as its share of the largest; a count above zero is never drawn as none.

    More counts than fit into a line are put together, as many to a block.
    """
    together = -(-len(counts) // _WIDEST) if counts else 1
    sums = [sum(counts[place : place + together]) for place in range(0, len(counts), together)]
    most = max(sums, default=0) or 1
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[-(-count * steps // most)] for count in sums)


def _shortened(name: str) -> str:
    """Cuts the middle out of a long name, and makes sure that one from outside cannot move the cursor."""
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST // 2]}…{name[1 - _LONGEST // 2 :]}"
    return printable(name)


def schema_yaml(features: Sequence[Column], predictions: Sequence[Column]) -> str:
    """Writes columns as `spec.schema` of a monitor; texts in quotation marks, so that no reader takes them for numbers."""
    lines = ["schema:"]
    for half, columns in (("features", features), ("predictions", predictions)):
        if columns:
            lines += [f"  {half}:", *(f"  - {_column_yaml(column)}" for column in columns)]
    return "\n".join(lines)


def _column_yaml(column: Column) -> str:
    categories = f", categories: {_quoted(list(column.categories))}" if column.categories else ""
    return f"{{name: {_quoted(column.name)}, type: {column.type}{categories}}}"


def _quoted(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in text)  # as YAML has it
