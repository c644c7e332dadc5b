"""False alarms: in a window, in a day, and of autocorrelated streams."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.honesty.asking import DAY, REFERENCE, Asked, Stream, band, baseline_of, built, everywhere
from tests.benchmarks.honesty.streams import KINDS

NOMINAL = 0.05
COLUMNS, SIZES = (4, 30), (30, 100, 1000)
DETECTORS = {
    "continuous": ("ks", "cvm", "auto", "mmd", "classifier"),
    "rounded": ("ks", "cvm", "auto", "mmd", "classifier"),
    "categorical": ("chi2", "auto", "mmd", "classifier"),
    "boolean": ("fet", "chi2"),
}
PERMUTED = ("mmd", "classifier")  # by permutations, which are dear: fewer windows can be asked for
PER_DAY = 0.1


@dataclass(frozen=True)
class Extent:
    """How much of the table of false alarms in a window is made.

    Attributes:
        windows: of a cell.
        permuted: of a cell of a detector that permutes.
        detectors: which; all where none is named.
        sizes: of windows.
        columns: of windows.
        seed: another one draws other windows.
    """

    windows: int
    permuted: int
    detectors: Collection[str] = ()
    sizes: Collection[int] = SIZES
    columns: Collection[int] = COLUMNS
    seed: int = 0


@dataclass(frozen=True)
class Cell:
    """One line of a table of false alarms in a window.

    Attributes:
        asked: the detector.
        kind: of data.
        columns: of a window.
        size: of a window, in rows.
        windows: how many.
        seed: another one draws other windows.
    """

    asked: Asked
    kind: str
    columns: int
    size: int
    windows: int
    seed: int = 0


def in_a_window(cell: Cell) -> tuple[int, int]:
    """Counts alarms in windows without drift, each with a baseline of its own.

    Returns:
        Alarms, and windows that were judged.
    """
    data, asked, columns, size = KINDS[cell.kind], cell.asked, cell.columns, cell.size
    seeds = [columns, size, sum(map(ord, asked.title + cell.kind)), cell.seed]
    generator = np.random.default_rng(seeds if cell.seed else seeds[:-1])
    alarms = judged = 0
    for _ in range(cell.windows):
        baseline = baseline_of(data.draw(generator, REFERENCE, columns), data.schema(columns), asked)
        said = Stream(built(asked, baseline), baseline).judge(data.draw(generator, size, columns))
        alarms += said.verdict == "drift"
        judged += said.verdict != "nodata"
    return alarms, judged


def in_days(asked: Asked, columns: int, size: int, days: int) -> int:
    """Counts alarms in days without drift, each day with a baseline of its own."""
    data, alarms = KINDS["continuous"], 0
    for day in range(days):
        generator = np.random.default_rng([day, sum(map(ord, asked.title))])
        baseline = baseline_of(data.draw(generator, REFERENCE, columns), data.schema(columns), asked)
        stream = Stream(built(asked, baseline), baseline)
        alarms += sum(stream.judge(data.draw(generator, size, columns)).verdict == "drift" for _ in range(DAY))
    return alarms


def _line(title: str, rate: float, low: float, high: float, verdict: str) -> str:
    return f"  {title:<58}{rate:>9.2%}   {low:>6.2%} to {high:>6.2%}   {verdict}"


def windows_table(extent: Extent) -> Iterator[str]:
    """Yields the table of false alarms in a window."""
    yield f"false alarms a window at p = {NOMINAL}, without drift, a fresh baseline of {REFERENCE:,} rows each"
    yield f"  {'':<58}{'rate':>9}   {'99 % band':<16}"
    cells = [
        Cell(
            Asked(name, {"pValue": NOMINAL, "minRows": 10}),
            kind,
            columns,
            size,
            extent.permuted if name in PERMUTED else extent.windows,
            extent.seed,
        )
        for columns in extent.columns
        for kind, detectors in DETECTORS.items()
        for name in detectors
        for size in extent.sizes
        if not extent.detectors or name in extent.detectors
    ]
    for cell, (alarms, judged) in zip(cells, everywhere(in_a_window, [(cell,) for cell in cells]), strict=True):
        low, high = band(judged, NOMINAL)
        rate = alarms / judged
        verdict = "above" if rate > high else "inside" if rate >= low else "below"
        title = f"{cell.asked.title}, {cell.kind}, {cell.columns} columns, n {cell.size} ({judged:,} windows)"
        yield _line(title, rate, low, high, verdict)


def days_table(days: int) -> Iterator[str]:
    """Yields the table of false alarms a day."""
    yield ""
    yield f"false alarms a day of {DAY} windows, asked for: {PER_DAY} (falseAlarmsPerDay), 4 columns, n 100"
    asked = {"falseAlarmsPerDay": PER_DAY, "minRows": 10}
    persistence = {"persistence": {"atLeast": 2, "of": 3}}
    cells = [
        (Asked(name, {**asked, **more}, f"{name}{', 2 of 3 windows' if more else ''}"), 4, 100, days)
        for name in ("ks", "cvm", "auto")
        for more in ({}, persistence)
    ]
    for cell, alarms in zip(cells, everywhere(in_days, cells), strict=True):
        low, high = (bound * DAY for bound in band(days * DAY, PER_DAY / DAY))
        rate = alarms / days
        verdict = "above" if rate > high else "at or under"
        yield f"  {cell[0].title:<40}{rate:>8.3f} a day in {days} days   {low:.3f} to {high:.3f}   {verdict}"


def autocorrelation_table(windows: int) -> Iterator[str]:
    """Yields the table of false alarms of autocorrelated streams."""
    yield ""
    yield f"false alarms a window at p = {NOMINAL} of autocorrelated streams, 4 columns, n 100, {windows:,} windows"
    cells = [
        Cell(Asked(name, {"pValue": NOMINAL, "minRows": 10, "autocorrelation": how}), kind, 4, 100, windows)
        for name in ("ks", "cvm", "auto")
        for kind in ("AR(1) 0.3", "AR(1) 0.6")
        for how in ("ignore", "correct")
    ]
    for cell, (alarms, judged) in zip(cells, everywhere(in_a_window, [(cell,) for cell in cells]), strict=True):
        asked, kind, how, rate = cell.asked, cell.kind, cell.asked.parameters["autocorrelation"], alarms / judged
        verdict = "" if how == "ignore" else "under twice" if rate < 2 * NOMINAL else "twice or more"
        yield f"  {asked.title}, {kind}, autocorrelation: {how:<10}{rate:>10.2%}   {verdict}"
