"""Rows, baselines, windows and monitors for the tests of judging: as small as a test wants them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.baselines.build import summarise
from nilometer_detectors.baselines.table import TableColumn
from nilometer_detectors.detector import Context, Detector
from nilometer_detectors.drift.base.contract import DriftDetector, DriftResult, Window
from nilometer_detectors.monitors.memory import StreamMemory
from nilometer_detectors.statistics.base.contract import Block, Layout, Statistic
from nilometer_detectors.statistics.joined_sample import JoinedSample
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.cloudevents.kserve import Half, Stream
from nilometer_logger.engine.protocol import LATE_BOUNDS, ClosedWindow
from nilometer_logger.rows import Column, ColumnType, Floats, Rows, Schema, row_hashes
from nilometer_logger.times import SECOND, parse_time

NAN, INF = float("nan"), float("inf")
START = parse_time("2026-11-23T21:00:00Z")
WINDOWS_PER_DAY = 288.0  # of five minutes
STREAM = Stream("demo", "iris", "predictor", "default")


def schema_of(*types: ColumnType, categories: tuple[str, ...] = ("red", "green")) -> Schema:
    """Returns columns named a, b, c …, of some types; the categorical ones are of red and green."""
    names = "abcdefghijklmnopqrstuvwxyz"
    columns = [
        Column(name, kind, categories if kind == "categorical" else ())
        for name, kind in zip(names, types, strict=False)
    ]
    return Schema(tuple(columns))


def numbers(columns: int) -> Schema:
    """Returns columns of numbers named a, b, c …."""
    kinds: list[ColumnType] = ["numeric"] * columns
    return schema_of(*kinds)


def rows_of(
    values: Any,
    schema: Schema | None = None,
    half: Half = "request",
    identity: int = 7,
    unrecognized: dict[tuple[int, int], str] | None = None,
) -> Rows:
    """Returns rows of some values, a second apart, each of an inference of its own."""
    matrix = np.array(values, dtype=np.float64)
    if matrix.ndim != 2:
        matrix = matrix.reshape(len(matrix), -1)
    count = len(matrix)
    return Rows(
        half=half,
        schema=schema or numbers(matrix.shape[1]),
        values=matrix,
        times=START + np.arange(count, dtype=np.int64) * SECOND,
        ids=[f"request-{row}" for row in range(count)],
        numbers=np.zeros(count, dtype=np.int64),
        hashes=row_hashes(identity, count),
        unrecognized=unrecognized or {},
    )


def table_of(values: Any, schema: Schema | None = None) -> list[TableColumn]:
    """Returns columns of some values; of numbers where no schema is given."""
    matrix = np.array(values, dtype=np.float64)
    matrix = matrix.reshape(len(matrix), -1)
    schema = schema or numbers(matrix.shape[1])
    return [TableColumn(column, matrix[:, place]) for place, column in enumerate(schema.columns)]


def baseline_of(
    values: Any, schema: Schema | None = None, predictions: Any = None, answer_schema: Schema | None = None
) -> Baseline:
    """Returns a baseline of some values; predictions are numbers named score, unless their schema says otherwise."""
    answers = [] if predictions is None else table_of(predictions, answer_schema or Schema((Column("score"),)))
    return summarise(table_of(values, schema), answers)


def window_of(values: Any, schema: Schema | None = None, sample: int = 1000, identity: int = 7) -> Window:
    """Returns a window with some rows of features in it, and no predictions."""
    rows = rows_of(values, schema, identity=identity)
    features = Summary(Layout(rows.schema, sample=sample), ())
    features.update(rows)
    return Window(features, Summary(Layout(Schema(())), ()))


def window_for(detector: DriftDetector[Any], baseline: Baseline, *blocks: Rows) -> Window:
    """Returns a window that holds some rows, and of them just what a detector asks for."""
    needs = detector.needs()
    halves = []
    for of, schema, columns in (
        ("features", baseline.feature_schema, baseline.features),
        ("predictions", baseline.prediction_schema, baseline.predictions),
    ):
        edges = [np.array(column.edges) if column.edges else None for column in columns]
        ours = needs.of == of
        half = Summary(Layout(schema, edges, needs.sample if ours else 0), needs.statistics if ours else ())
        for block in blocks:
            if (block.half == "request") == (of == "features"):
                half.update(block)
        halves.append(half)
    features, predictions = halves
    if needs.of != "both":
        return Window(features, predictions)
    joining = JoinedSample(needs.sample, len(baseline.features), len(baseline.predictions))
    for block in blocks:
        joining.update(block)
    return Window(features, predictions, joining)


def result_of(detector: DriftDetector[Any], baseline: Baseline, *blocks: Rows) -> DriftResult:
    """Returns what a detector says of a stream's first window, as a monitor lets it judge."""
    memory = StreamMemory([detector], raising)
    for block in blocks:
        memory.update(block)
    return memory.judge(detector, window_for(detector, baseline, *blocks))


def raising(detector: str, error: Exception) -> None:
    """Raises what a monitor would report."""
    raise AssertionError(f"{detector} failed") from error


def detector_of(kind: type[Detector[Any]], name: str, baseline: Baseline | None, **parameters: Any) -> Any:
    """Builds a detector as a monitor does, from parameters as a monitor writes them."""
    features = baseline.feature_schema if baseline else schema_of("numeric")
    predictions = baseline.prediction_schema if baseline else Schema(())
    context = Context("mine", name, features, baseline, predictions=predictions, windows_per_day=WINDOWS_PER_DAY)
    return kind(kind.Parameters.model_validate(parameters), context)


def closed(**facts: Any) -> ClosedWindow:
    """Returns what the broker knows of a closed window of 15 seconds, and of nothing else unless `facts` say so."""
    end = START + 15 * SECOND
    window = ClosedWindow(
        start=START,
        end=end,
        closed_by="watermark",
        watermark=end,
        partial=False,
        late_since_last=0,
        late_by=(0,) * (len(LATE_BOUNDS) + 1),
        latest=0,
        duplicates_since_last=0,
        unanswered=None,
        first_event_time=START,
        last_event_time=end - SECOND,
    )
    return replace(window, **facts)


def normal(rows: int, columns: int = 2, *, seed: int = 1, shift: float = 0.0) -> Floats:
    """Returns normal numbers, shape (rows, columns)."""
    return np.random.default_rng(seed).normal(shift, 1.0, (rows, columns))


def declaration(**spec: Any) -> dict[str, Any]:
    """Returns a monitor's declaration: over one numeric feature, unless `spec` says something else."""
    minimal = {
        "stream": {"inferenceService": "iris"},
        "schema": {"features": [{"name": "a"}]},
        "windows": {"size": "15s"},
    }
    return {
        "apiVersion": "nilometer.io/v1alpha1",
        "kind": "ModelMonitor",
        "metadata": {"name": "iris", "namespace": "demo"},
        "spec": {name: value for name, value in {**minimal, **spec}.items() if value is not None},
    }


def write(path: Path, document: Any) -> Path:
    """Writes a document, or text as it stands, as a YAML file."""
    text = document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False)
    path.write_text(text, encoding="utf-8")
    return path


def take(statistic: Statistic, values: Any, hashes: Any = None, unrecognized: Any = None) -> None:
    """Lets a statistic take a block of values, with numpy as quiet as in a `Summary`."""
    matrix = np.array(values, dtype=np.float64) if isinstance(values, list) else values
    matrix = matrix.reshape(len(matrix), -1) if matrix.size else matrix.reshape(0, len(statistic.layout.schema))
    with np.errstate(over="ignore", invalid="ignore"):
        statistic.update(Block(matrix, row_hashes(1, len(matrix)) if hashes is None else hashes, unrecognized))
