"""Power: how often drift is found, beside alibi-detect on the very same rows."""

from collections.abc import Iterator
from math import sqrt

import numpy as np

from nilometer_logger.rows import Floats
from tests.benchmarks.honesty.asking import REFERENCE, Asked, Stream, baseline_of, built, everywhere
from tests.benchmarks.honesty.streams import KINDS, scaled, shifted, swapped

LEVEL = {"pValue": 0.05, "minRows": 10}
PAIRS = {
    "mean + 0.5 sd": [("ks", "alibi.KSDrift"), ("cvm", "alibi.CVMDrift"), ("auto", "alibi.KSDrift")],
    "scale x 1.5": [("ks", "alibi.KSDrift"), ("cvm", "alibi.CVMDrift"), ("auto", "alibi.KSDrift")],
    "10 % swapped": [("chi2", "alibi.ChiSquareDrift"), ("auto", "alibi.ChiSquareDrift")],
}


def drawn(drift: str, generator: np.random.Generator, size: int) -> Floats:
    """Draws a window of four columns, of which the first has drifted."""
    if drift == "10 % swapped":
        return swapped(generator, KINDS["categorical"].draw(generator, size, 4))
    values = KINDS["continuous"].draw(generator, size, 4)
    return shifted(values) if drift.startswith("mean") else scaled(values)


def found(drift: str, ours: str, theirs: str, size: int, windows: int) -> tuple[int, int, int]:
    """Counts the windows in which drift is found.

    Returns:
        By ours, by theirs, and in how many windows they disagree.
    """
    data = KINDS["categorical" if drift.startswith("10") else "continuous"]
    generator = np.random.default_rng([size, len(drift)])
    counts = [0, 0, 0]
    for _ in range(windows // 20):
        values = data.draw(generator, REFERENCE, 4)
        both = []
        for name in (ours, theirs):
            asked = Asked(name, LEVEL)
            baseline = baseline_of(values, data.schema(4), asked)
            both.append(Stream(built(asked, baseline), baseline))
        for _ in range(20):
            window = drawn(drift, generator, size)
            verdicts = [stream.judge(window).verdict == "drift" for stream in both]
            counts = [counts[0] + verdicts[0], counts[1] + verdicts[1], counts[2] + (verdicts[0] != verdicts[1])]
    return counts[0], counts[1], counts[2]


def power_table(windows: int) -> Iterator[str]:
    """Yields the table of power."""
    yield ""
    yield f"drift found in one of 4 columns at p = 0.05, {windows:,} windows, on the same rows as alibi-detect 0.13"
    yield f"  {'':<46}{'ours':>9}{'theirs':>9}"
    cells = [
        (drift, ours, theirs, size, windows)
        for drift, pairs in PAIRS.items()
        for ours, theirs in pairs
        for size in (100, 1000)
    ]
    for cell, (mine, theirs, apart) in zip(cells, everywhere(found, cells), strict=True):
        # McNemar: of the windows on which they disagree, half would go to each by chance.
        lower = theirs - mine > 2.58 * sqrt(apart)
        title = f"{cell[0]}, n {cell[3]}: {cell[1]} beside {cell[2]}"
        verdict = "lower" if lower else "not lower"
        yield f"  {title:<46}{mine / windows:>9.1%}{theirs / windows:>9.1%}   {verdict}"
