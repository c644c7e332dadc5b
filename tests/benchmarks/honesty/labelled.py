"""Real data whose change is known: delay and false alarms, beside alibi-detect and river.

scikit-learn's digits and breast cancer become streams that switch from one label to another.

river needs another numpy than alibi-detect, so it runs in an environment of its own (`labelled_river`), on the same
rows, which are written to a file for it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

from nilometer_logger.rows import Column, Floats, Schema
from tests.benchmarks.honesty.asking import Asked, Stream, baseline_of, built, everywhere

RIVER = "river==0.26.1"
DETECTORS = ("auto", "ks", "mmd", "classifier", "alibi.KSDrift")
BEFORE, AFTER = 10, 10
_LEVEL = {"pValue": 0.01, "minRows": 10}


@dataclass(frozen=True)
class Labelled:
    """A stream with a change after its tenth window.

    Attributes:
        reference: shape (rows, columns); before the change.
        windows: twenty, each of shape (rows, columns).
    """

    reference: Floats
    windows: list[Floats]


def streams(seed: int) -> dict[str, Labelled]:
    """Makes the streams: digits 0 to 4 become 5 to 9, all or some; more tumours are malignant."""
    generator = np.random.default_rng(seed)
    digits, numbers = load_digits(return_X_y=True)
    tumours, benign = load_breast_cancer(return_X_y=True)
    low, high = digits[numbers < 5], digits[numbers >= 5]
    malignant, harmless = tumours[benign == 0], tumours[benign == 1]
    return {
        "digits, 0-4 to 5-9, 64 columns, n 40": _switch(generator, (low, high), 400, 40, (0.0, 1.0)),
        "digits, 3 of 10 become 5-9, n 40": _switch(generator, (low, high), 400, 40, (0.0, 0.3)),
        "breast cancer, 37 % to 60 % malignant, 30 columns, n 40": _switch(
            generator, (harmless, malignant), 200, 40, (0.37, 0.6)
        ),
    }


def _switch(
    generator: np.random.Generator, kinds: tuple[Floats, Floats], reference: int, size: int, shares: tuple[float, float]
) -> Labelled:
    """Mixes two kinds of rows: a share of the second before the change, another after it; no window shows a reference row."""
    before, after = shares
    one, other = (generator.permutation(kind) for kind in kinds)
    kept_one, kept_other = int(reference * (1 - before)), int(reference * before)
    kept = np.concatenate([one[:kept_one], other[:kept_other]])
    fresh_one, fresh_other = one[kept_one:], other[kept_other:]

    def window(share: float) -> Floats:
        count = generator.binomial(size, share)
        rows = [fresh_one[generator.integers(len(fresh_one), size=size - count)]]
        return generator.permutation(
            np.concatenate([*rows, fresh_other[generator.integers(len(fresh_other), size=count)]])
        )

    return Labelled(kept, [window(before) for _ in range(BEFORE)] + [window(after) for _ in range(AFTER)])


def alarms_of(name: str, title: str, seed: int) -> list[bool]:
    """Tells of each window whether a detector took it for drift."""
    labelled = streams(seed)[title]
    schema = Schema(tuple(Column(f"x{place}") for place in range(labelled.reference.shape[1])))
    asked = Asked(name, _LEVEL)
    baseline = baseline_of(labelled.reference, schema, asked)
    stream = Stream(built(asked, baseline), baseline)
    return [stream.judge(window).verdict == "drift" for window in labelled.windows]


def _of_river(seeds: int) -> dict[tuple[str, str], list[list[bool]]]:
    """Lets river's detectors look at the same rows, each column by itself."""
    with tempfile.TemporaryDirectory() as directory:
        arrays: dict[str, Floats] = {}
        for seed in range(seeds):
            for title, labelled in streams(seed).items():
                arrays[f"{seed}|{title}|reference"] = labelled.reference
                arrays[f"{seed}|{title}|windows"] = np.stack(labelled.windows)
        np.savez(Path(directory, "streams.npz"), **arrays)
        command = [
            str(Path(sys.executable).with_name("uv")),
            "run",
            "--quiet",
            "--no-project",
            "--with",
            RIVER,
            "python",
        ]
        script = Path(__file__).with_name("labelled_river.py")
        done = subprocess.run([*command, str(script), directory], check=True, stdout=subprocess.PIPE)
    found: dict[tuple[str, str], list[list[bool]]] = {}
    for line in done.stdout.splitlines():
        said: dict[str, Any] = json.loads(line)
        found.setdefault((said["title"], said["detector"]), []).append(said["alarms"])
    return found


def labelled_table(seeds: int) -> Iterator[str]:
    """Yields the table of delays and false alarms on real data."""
    yield ""
    yield f"real data with a known change after {BEFORE} windows, p = 0.01, {seeds} shuffles; delay in windows from the change"
    yield f"  {'':<78}{'false alarms':>13}{'delay':>8}{'missed':>9}"
    titles = list(streams(0))
    cells = [(name, title, seed) for title in titles for name in DETECTORS for seed in range(seeds)]
    found: dict[tuple[str, str], list[list[bool]]] = {}
    for (name, title, _), alarms in zip(cells, everywhere(alarms_of, cells), strict=True):
        found.setdefault((title, name), []).append(alarms)
    found |= _of_river(seeds)
    for title in titles:
        for (of, name), runs in found.items():
            if of == title:
                yield f"  {f'{title}: {name}':<78}{_measured(runs)}"


def _measured(runs: list[list[bool]]) -> str:
    early = mean(mean(run[:BEFORE]) for run in runs)
    delays = [run[BEFORE:].index(True) + 1 for run in runs if any(run[BEFORE:])]
    missed = len(runs) - len(delays)
    return f"{early:>12.1%} {mean(delays) if delays else float('nan'):>8.1f}{missed:>6} of {len(runs)}"
