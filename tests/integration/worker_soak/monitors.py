"""The monitors of a soaked worker: a model of two columns, one with a column of text, and a wide one."""

import random
from collections.abc import Sequence
from pathlib import Path

from tests.integration.stack import nilometer

NARROW, TEXTUAL, WIDE = "narrow", "textual", "wide"
WIDTH = 2_000  # columns of the wide model: the finding of its windows is larger than a record of Kafka by default
_WIDE_ROWS = 60  # of its baseline
COLOURS = ("red", "green", "blue")


def make_baseline(directory: Path, service: str) -> Path:
    """Makes the baseline of a model with `nilometer baseline`, and returns its directory."""
    chance = random.Random(1)
    if service == TEXTUAL:
        lines = ["x,colour", *(f"{chance.gauss(10, 1):.3f},{chance.choice(COLOURS)}" for _ in range(500))]
        return _made(directory, lines, "--categorical", "colour")
    if service == WIDE:
        names = ",".join(f"pixel_{number:05}" for number in range(WIDTH))
        rows = (",".join(f"{chance.gauss(0, 1):.3f}" for _ in range(WIDTH)) for _ in range(_WIDE_ROWS))
        return _made(directory, [names, *rows])
    return _made(directory, ["x,y", *(f"{chance.gauss(10, 1):.3f},{chance.gauss(20, 2):.3f}" for _ in range(500))])


def _made(directory: Path, lines: Sequence[str], *arguments: str) -> Path:
    (directory / "data.csv").write_text("\n".join(lines))
    command = (directory / "data.csv", "--out", directory / "baseline", *arguments)
    process = nilometer("baseline", directory, *command).start()
    assert process.wait() == 0, process.output()
    return directory / "baseline"


def write_monitor(directory: Path, service: str, baseline: Path) -> None:
    """Writes a monitor that keeps what comes late; large values are outliers, but for the model with texts."""
    detector = "" if service == TEXTUAL else "\n  - {name: range, detector: zscore, threshold: 20}"
    (directory / f"{service}.yaml").write_text(f"""\
apiVersion: nilometer.io/v1alpha1
kind: ModelMonitor
metadata: {{name: {service}, namespace: demo}}
spec:
  stream: {{inferenceService: {service}, component: predictor}}
  baseline: {{path: {baseline}}}
  windows: {{size: 2s, watermarkDelay: 1s, late: true}}
  statistics: [count, mean, stddev, min, max, histogram]
  outliers: {detector or "[]"}
  drift:
  - {{name: ks, detector: {"auto" if service == TEXTUAL else "ks"}, pValue: 0.01, minRows: 50}}
""")
