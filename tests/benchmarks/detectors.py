"""`make bench-detectors`: what our detectors cost beside alibi-detect's, in one run, as a table.

Each line is one prediction on one window or block of rows, all features: alibi-detect's, then ours from the same rows
(sorted or counted anew each time; the reference is prepared, which is the point). Both take turns on the same core; CPU
time of the process, of which the best turn stands: a neighbour's noise can only add. Below stand what statistics cost,
and what a worker's judging takes to start.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nilometer_detectors.baselines.build import summarise
from nilometer_detectors.baselines.table import TableColumn
from nilometer_detectors.fitting.prepare import prepare
from nilometer_detectors.kernels import chisquare, cvm, ks
from nilometer_detectors.kernels.ragged import Ragged, pack, pack_sorted
from nilometer_detectors.outliers.base.contract import OutlierDetector
from nilometer_detectors.statistics.base.contract import Layout
from nilometer_detectors.statistics.summary import DEFAULT, Summary
from nilometer_logger.rows import Column, Floats, Rows, Schema, row_hashes
from tests.benchmarks import machine
from tests.benchmarks.honesty.asking import Asked, baseline_of, built
from tests.judging import rows_of

_SIZES = ((4, 1000, 100), (4, 100_000, 100), (30, 10_000, 1000))
_CATEGORIES = 10
_HEAD = f"{'':<50}{'alibi ms':>10}{'ours ms':>10}{'ratio':>9}   target"


@dataclass(frozen=True)
class Case:
    """A window that both judge.

    Attributes:
        name: what is done.
        theirs: one prediction of alibi-detect's.
        ours: the same by our kernels.
        least: the target: how many times as fast ours should be; 0 for none.
    """

    name: str
    theirs: Callable[[], object]
    ours: Callable[[], object]
    least: float

    def line(self, turns: int) -> str:
        """Measures, and makes the line of the table."""
        theirs, ours = best(self.theirs, self.ours, turns)
        ratio = theirs / ours
        target = f">= {self.least:<4.0f} {'met' if ratio >= self.least else 'missed'}" if self.least else "-"
        return f"{self.name:<50}{1e3 * theirs:>10.3f}{1e3 * ours:>10.3f}{ratio:>9.1f}   {target}"


def best(first: Callable[[], object], second: Callable[[], object], turns: int) -> tuple[float, float]:
    """Tells the least CPU seconds that a call of each takes, in turns of some 20 ms each."""
    counts = [max(1, int(0.02 / seconds(call, 1))) for call in (first, second)]
    pairs = [(seconds(first, counts[0]), seconds(second, counts[1])) for _ in range(turns)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def seconds(call: Callable[[], object], count: int) -> float:
    """Tells the CPU seconds of one of `count` calls."""
    began = time.process_time()
    for _ in range(count):
        call()
    return max(time.process_time() - began, 1e-9) / count


def columns(rows: Floats) -> Ragged:
    """Sorts a window's columns, as a detector does for each window."""
    return pack_sorted(list(rows.T))


def counted(rows: Floats) -> Ragged:
    """Counts the categories of a window's columns."""
    return pack([np.bincount(column, minlength=_CATEGORIES) * 1.0 for column in rows.T.astype(np.int64)])


def cases(cd: Any) -> Iterator[Case]:
    """Yields what is compared.

    Args:
        cd: alibi-detect's drift detectors.
    """
    random = np.random.default_rng(1)
    for features, n, m in _SIZES:
        reference, window = random.normal(size=(n, features)), random.normal(size=(m, features))
        codes, seen = (random.integers(0, _CATEGORIES, size=(rows, features)) * 1.0 for rows in (n, m))
        sizes = f"{features} features, reference {n:,}, n {m:,}"
        prepared, theirs = columns(reference), partial(cd.KSDrift(reference).predict, window)
        least = 10 if m == 100 else 0
        yield Case(f"KS, {sizes}", theirs, partial(_ks, prepared, window), 20 if n == 100_000 else least)
        yield Case(f"KS calibrated, {sizes}", theirs, partial(_ks_calibrated, prepared, window), 0)
        theirs = partial(cd.CVMDrift(reference).predict, window)
        yield Case(f"CVM, {sizes}", theirs, partial(_cvm, prepared, window), least)
        theirs = partial(cd.ChiSquareDrift(codes).predict, seen)
        yield Case(f"Chi-squared, {sizes}", theirs, partial(_chi_squared, counted(codes), seen), least)


def outlier_cases(od: Any) -> Iterator[Case]:
    """Yields what is compared of outlier detectors.

    Args:
        od: alibi-detect's outlier detectors.
    """
    random = np.random.default_rng(2)
    for features, count, least in ((4, 1, 100), (30, 1, 100), (4, 1000, 0)):
        reference, values = random.normal(size=(10_000, features)), random.normal(size=(count, features))
        forest = od.IForest(threshold=0.0)
        forest.fit(reference)
        ours = partial(_detector("iforest", reference).score, _rows(values))
        yield Case(
            f"isolation forest, {features} features, {count:,} rows", partial(forest.predict, values), ours, least
        )
    for features in (4, 30):
        reference, values = random.normal(size=(10_000, features)), random.normal(size=(1000, features))
        theirs = od.Mahalanobis(threshold=0.0, n_components=features)
        ours = partial(_detector("mahalanobis", reference).score, _rows(values))
        yield Case(f"Mahalanobis, {features} features, 1,000 rows", partial(theirs.predict, values), ours, 10)


def _schema(features: int) -> Schema:
    return Schema(tuple(Column(f"x{place}") for place in range(features)))


def _rows(values: Floats) -> Rows:
    return rows_of(values, _schema(values.shape[1]))


def _detector(name: str, reference: Floats) -> OutlierDetector[Any]:
    asked = Asked(name)
    detector = built(asked, baseline_of(reference, _schema(reference.shape[1]), asked))
    assert isinstance(detector, OutlierDetector)
    return detector


def statistics_line(turns: int) -> str:
    """Measures count, mean, stddev, min, max and histogram, and makes the line of the table."""
    values = np.random.default_rng(3).normal(size=(100, 20))
    edges = [np.linspace(-3, 3, 21)] * 20
    summary, hashes = Summary(Layout(_schema(20), edges), DEFAULT), row_hashes(1, 100)
    summary.take(values, hashes)
    count = max(1, int(0.02 / seconds(partial(summary.take, values, hashes), 10)))
    best_seconds = min(seconds(partial(summary.take, values, hashes), count) for _ in range(turns))
    rate, least = values.size / best_seconds / 1e6, 10
    verdict = "met" if rate >= least else "missed"
    return f"{'statistics, blocks of 100 rows x 20 features':<50}{rate:>10.1f} million values/s   >= {least} {verdict}"


def start_line() -> str:
    """Loads a monitor with compiled detectors in a process of its own, and tells what that takes."""
    with tempfile.TemporaryDirectory() as directory:
        reference = np.random.default_rng(4).normal(size=(10_000, 20))
        columns = [TableColumn(column, reference[:, place]) for place, column in enumerate(_schema(20).columns)]
        prepare(summarise(columns))[0].save(Path(directory, "base"))
        Path(directory, "monitor.yaml").write_text(_MONITOR)
        done = subprocess.run([sys.executable, "-c", _START, directory], check=True, stdout=subprocess.PIPE, text=True)
    resident, imported = done.stdout.split()
    verdict = "met" if float(resident) <= 200 else "missed"
    return f"{'a loaded monitor with Faust: resident memory':<50}{float(resident):>10.0f} MB   <= 200 {verdict}; {imported}"


_MONITOR = """
apiVersion: nilometer.io/v1alpha1
kind: ModelMonitor
metadata: {name: bench}
spec:
  stream: {inferenceService: bench}
  baseline: {path: base}
  windows: {size: 15s}
  outliers: [{name: z, detector: zscore}, {name: forest, detector: iforest}]
  drift: [{name: ks, detector: ks}, {name: cvm, detector: cvm}]
"""
_START = """
import sys
from pathlib import Path
import nilometer_detectors.apps.worker
from nilometer_detectors.monitors.files.loader import load_monitor
load_monitor(Path(sys.argv[1], "monitor.yaml"))
kilobytes = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS"))
print(int(kilobytes) / 1024, "alibi_detect:" + ("imported" if "alibi_detect" in sys.modules else "not-imported"))
"""


def _ks(references: Ragged, window: Floats) -> Floats:
    samples = columns(window)
    return ks.asymptotic(ks.distances(references, samples), references.sizes, samples.sizes)


def _ks_calibrated(references: Ragged, window: Floats) -> Floats:
    samples = columns(window)
    return ks.calibrated(ks.distances(references, samples), references, samples)[0]


def _cvm(references: Ragged, window: Floats) -> Floats:
    samples = columns(window)
    found, sums = cvm.statistics(references, samples)
    return cvm.p_values(found, sums, references.sizes, samples.sizes)


def _chi_squared(references: Ragged, window: Floats) -> Floats:
    return chisquare.compatible(references, counted(window))[1]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.detectors", description="What tests cost.")
    parser.add_argument("--quick", action="store_true", help="fewer turns: a hint, no figure")
    turns = 3 if parser.parse_args().quick else 15
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from alibi_detect import cd, od  # noqa: PLC0415 - takes 5 s, and prints
    sys.stdout.write(f"{machine.description()}\n\n{_HEAD}\n")
    with machine.on(machine.server_cores()):
        for case in (*cases(cd), *outlier_cases(od)):
            sys.stdout.write(f"{case.line(turns)}\n")
            sys.stdout.flush()
        sys.stdout.write(f"\n{statistics_line(turns)}\n{start_line()}\n")


if __name__ == "__main__":
    main()
