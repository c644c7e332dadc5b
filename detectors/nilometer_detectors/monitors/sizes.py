"""How large findings and window states will be, told before there are any: for wide models, whose findings may not fit.

The statistics of a few columns of the schema are computed over rows drawn at random in the range of their histograms,
and written as a finding has them; what a column takes on average counts for all. A drift finding says some hundred bytes
of each column. Both are estimates, good to about a tenth. What the state of a window takes at most is known exactly.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.summary import DEFAULT, Summary
from nilometer_logger.rows import Floats, Schema

KAFKA_BYTES, OWN_BYTES = 2**20, 8 * 2**20
"""What a topic takes by Kafka's default, and where we create it."""

_ROWS, _COLUMNS = 500, 50
_HEAD_BYTES = 1500
_DRIFT_BYTES = 130
_MEBIBYTE = 2**20


def warnings_of(monitor: CompiledMonitor) -> list[str]:
    """Says which findings of a monitor will not be whole in Kafka, a line each; nothing where all will be."""
    window = monitor.open().window
    lines = [_warning("statistics", _statistics_bytes([window.features, window.predictions]))]
    for detector in monitor.drift_detectors:
        columns = [len(name) + _DRIFT_BYTES for name in detector.schema.names]
        lines.append(_warning(f"drift detector {detector.name}", _HEAD_BYTES + sum(columns)))
    return [line for line in lines if line]


def warnings_of_baseline(baseline: Baseline) -> list[str]:
    """Says as much of the statistics that a monitor with this baseline reports by default."""
    halves = [(baseline.feature_schema, baseline.features), (baseline.prediction_schema, baseline.predictions)]
    layouts = [
        Layout(schema, [np.array(column.edges) if column.edges else None for column in columns])
        for schema, columns in halves
    ]
    line = _warning("statistics", _statistics_bytes([Summary(layout, DEFAULT) for layout in layouts]))
    return [line] if line else []


def _warning(what: str, size: int) -> str:
    if size <= KAFKA_BYTES:
        return ""
    about = f"{what}: a finding takes some {size / _MEBIBYTE:.1f} MiB"
    if size <= OWN_BYTES:
        return (
            f"{about}; topics that nilometer creates take 8 MiB, but one with Kafka's default of 1 MiB gets the worst "
            f"columns only, some {_share(KAFKA_BYTES, size)} % of them: raise its max.message.bytes"
        )
    return (
        f"{about}, more than the 8 MiB of topics that nilometer creates: it will be shortened to the worst columns, some "
        f"{_share(OWN_BYTES, size)} % of them; keep fewer statistics, or raise --max-finding-bytes of the worker and "
        "max.message.bytes of the topic"
    )


def _share(room: int, size: int) -> int:
    return 100 * room // size


def _statistics_bytes(summaries: Sequence[Summary]) -> int:
    return _HEAD_BYTES + sum(_summary_bytes(summary) for summary in summaries)


def _summary_bytes(summary: Summary) -> int:
    """Estimates what the result of a summary takes in JSON."""
    columns = summary.layout.schema.columns
    if not columns:
        return 0
    places = np.unique(np.linspace(0, len(columns) - 1, min(_COLUMNS, len(columns))).astype(int)).tolist()
    edges = [summary.layout.edges[place] if summary.layout.edges else None for place in places]
    schema = Schema(tuple(columns[place] for place in places))
    some = Summary(Layout(schema, edges), summary.reported)
    some.take(_rows(schema, edges), np.arange(_ROWS, dtype=np.uint64))
    average = len(msgspec.json.encode(list(some.result().values()))) / len(places)
    return int(len(columns) * average) + sum(len(column.name) + 4 for column in columns)


def _rows(schema: Schema, edges: Sequence[Floats | None]) -> Floats:
    """Draws rows, always the same, with as many digits as numbers have that come from JSON's decimals."""
    chance = np.random.default_rng(0)
    rows = np.empty((_ROWS, len(schema)))
    for place, (column, edge) in enumerate(zip(schema.columns, edges, strict=True)):
        if column.categories:
            rows[:, place] = chance.integers(0, len(column.categories), _ROWS)
        elif column.type == "boolean":
            rows[:, place] = chance.integers(0, 2, _ROWS)
        else:
            low, high = (edge[0], edge[-1]) if edge is not None and len(edge) else (0.0, 1.0)
            rows[:, place] = chance.uniform(low, high, _ROWS)
    return rows
