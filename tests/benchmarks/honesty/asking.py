"""A detector is built and asked as a monitor does it; what a cell of the table needs runs in a process of its own."""

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing import get_context
from typing import Any

import numpy as np
from scipy.stats import binom

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.baselines.build import summarise
from nilometer_detectors.baselines.table import TableColumn
from nilometer_detectors.detector import Context
from nilometer_detectors.drift.base.contract import AnyDriftDetector, DriftResult, Window
from nilometer_detectors.monitors.memory import StreamMemory
from nilometer_detectors.registry import find
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.summary import Summary
from nilometer_logger.rows import Floats, Rows, Schema, row_hashes

kind_of = cache(find)  # which looks through all installed packages each time

REFERENCE = 1000
DAY = 288  # windows of five minutes


@dataclass(frozen=True)
class Asked:
    """A detector and what a monitor says of it.

    Attributes:
        type: its entry point.
        parameters: as a monitor writes them.
        name: for the table.
    """

    type: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def title(self) -> str:
        """Its name in the table."""
        return self.name or self.type


def baseline_of(values: Floats, schema: Schema, asked: Asked) -> Baseline:
    """Makes a baseline, with what the detector prepares of it."""
    columns = [TableColumn(column, values[:, place]) for place, column in enumerate(schema.columns)]
    baseline = summarise(columns)
    arrays = kind_of(asked.type).prepare(baseline)
    return replace(baseline, prepared={asked.type: arrays}) if arrays else baseline


def built(asked: Asked, baseline: Baseline) -> Any:
    """Builds a detector as a monitor with windows of five minutes does."""
    kind = kind_of(asked.type)
    context = Context(asked.title, asked.type, baseline.feature_schema, baseline, windows_per_day=DAY)
    return kind(kind.Parameters.model_validate(asked.parameters), context)


class Stream:
    """One stream under one detector: windows go in, judgements come out, and what is remembered in between is kept."""

    def __init__(self, detector: AnyDriftDetector, baseline: Baseline) -> None:
        self._detector, self._baseline = detector, baseline
        self._memory = StreamMemory([detector], _raise)
        self._windows = 0
        needs = detector.needs()
        edges = [np.array(column.edges) if column.edges else None for column in baseline.features]
        self._layout, self._needed = Layout(baseline.feature_schema, edges, needs.sample), needs.statistics

    def judge(self, values: Floats) -> DriftResult:
        """Judges the next window."""
        self._windows += 1
        count = len(values)
        rows = Rows(
            half="request",
            schema=self._baseline.feature_schema,
            values=values,
            times=np.arange(count, dtype=np.int64),
            ids=[""] * count,
            numbers=np.zeros(count, dtype=np.int64),
            hashes=row_hashes(self._windows, count),
        )
        features = Summary(self._layout, (), self._needed)
        features.update(rows)
        self._memory.update(rows)
        window = Window(features, Summary(Layout(Schema(())), ()))
        return self._memory.persisting(self._detector, self._memory.judge(self._detector, window))


def _raise(detector: str, error: Exception) -> None:
    raise RuntimeError(f"{detector} failed") from error


def band(windows: int, rate: float) -> tuple[float, float]:
    """Gives the rates between which 99 of 100 experiments lie if the true rate is the given one."""
    low, high = binom.interval(0.99, windows, rate)
    return low / windows, high / windows


def everywhere(task: Callable[..., Any], cells: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    """Runs a task on each cell, on all cores, and yields the results in the order of the cells."""
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")  # or processes would wait for each other's threads
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), initializer=quiet) as pool:
        yield from (future.result() for future in [pool.submit(task, *cell) for cell in cells])


def quiet() -> None:
    """Silences what alibi-detect's dependencies say."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
