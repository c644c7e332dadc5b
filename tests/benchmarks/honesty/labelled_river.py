"""river's detectors on the streams of `labelled`; it runs where river is installed, and imports nothing of ours.

A multivariate stream is given to one detector a column, row by row after the reference rows; a window is in alarm where
any of them detected a change in it. Levels are divided by the number of columns where a detector has one.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import drift


def main() -> None:
    """Prints a line of JSON for each stream and detector; the streams are divided among the cores."""
    path = Path(sys.argv[1], "streams.npz")
    with np.load(path, allow_pickle=False) as archive:
        names = [name.removesuffix("|reference") for name in archive.files if name.endswith("|reference")]
    with ProcessPoolExecutor() as pool:
        for lines in pool.map(lines_of, repeat(path), names):
            sys.stdout.writelines(lines)


def lines_of(path: Path, name: str) -> list[str]:
    """Tells of each detector in which windows of a stream it was in alarm."""
    with np.load(path, allow_pickle=False) as archive:
        reference, windows = archive[f"{name}|reference"], archive[f"{name}|windows"]
    columns = reference.shape[1]
    made = {
        "river ADWIN": lambda: drift.ADWIN(delta=0.01 / columns),
        "river KSWIN": lambda: drift.KSWIN(alpha=0.01 / columns / 40, seed=1),
        "river PageHinkley": drift.PageHinkley,
    }
    scale = np.where(reference.std(axis=0) > 0, reference.std(axis=0), 1.0)
    lines = []
    for detector, make in made.items():
        kept = [make() for _ in range(columns)]
        feed(kept, reference / scale)
        alarms = [feed(kept, window / scale) for window in windows]
        lines.append(json.dumps({"title": name.partition("|")[2], "detector": detector, "alarms": alarms}) + "\n")
    return lines


def feed(detectors: list[Any], rows: NDArray[np.float64]) -> bool:
    """Gives rows to one detector a column; tells whether any detected a change."""
    found = False
    for row in rows:
        for detector, value in zip(detectors, row, strict=True):
            detector.update(float(value))
            found |= bool(detector.drift_detected)
    return found


if __name__ == "__main__":
    main()
