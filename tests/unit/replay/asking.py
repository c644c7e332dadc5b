"""Monitors, files and replays as tests need them."""

import csv
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from nilometer_detectors.apps.events import to_json_line
from nilometer_detectors.replay import Asked, run
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.settings import ReplaySettings
from nilometer_logger.times import SECOND, format_time, parse_time
from tests.unit.logged import event
from tests.unit.references import csv_file, made

START = parse_time("2026-11-16T08:00:00Z")
STREAM = Stream("demo", "fruit", "predictor", "")
COLUMNS = ("length", "colour", "ripe", "class")
_WINDOWS = "{size: 1m, watermarkDelay: 5s}"


def monitor(directory: Path, *, name: str = "fruit", windows: str = _WINDOWS, extra: str = "") -> Path:
    """Writes a monitor of four columns with a baseline, which drifts where lengths are not around 3."""
    directory.mkdir(exist_ok=True)
    if not (directory / "baseline").exists():
        chance = random.Random(1)
        lines = [
            f"{chance.gauss(3, 1):.3f},{chance.choice(['red', 'green'])},{chance.choice(['true', 'false'])},{number % 2}"
            for number in range(300)
        ]
        reference = csv_file(directory, "\n".join([",".join(COLUMNS), *lines]))
        made(reference, categorical=["class"], predictions=["class"]).save(directory / "baseline")
    path = directory / f"{name}.yaml"
    path.write_text(f"""\
apiVersion: nilometer.io/v1alpha1
kind: ModelMonitor
metadata: {{name: {name}, namespace: demo}}
spec:
  stream: {{inferenceService: fruit}}
  baseline: {{path: baseline}}
  windows: {windows}
  outliers:
  - {{name: range, detector: zscore, threshold: 6}}
  drift:
  - {{name: ks, detector: ks, pValue: 0.001, minRows: 10}}
{extra}""")
    return path


def rows(count: int = 200, *, shift: float = 0.0, start: int = START) -> list[dict[str, Any]]:
    """Makes rows a second apart; one in fifty is far too long."""
    chance = random.Random(2)
    return [
        {
            "time": start + number * SECOND,
            "length": 50.0 if number % 50 == 25 else round(chance.gauss(3 + shift, 1), 3),
            "colour": chance.choice(["red", "green"]),
            "ripe": chance.choice([True, False]),
            "class": number % 2,
        }
        for number in range(count)
    ]


def events_of(table: Iterable[Mapping[str, Any]]) -> list[CloudEvent]:
    """Makes the events that KServe would log of the same rows, with the ids that a table's rows get."""
    events = []
    for number, row in enumerate(table, 1):
        seconds = row["time"] / SECOND
        features = {name: row[name] for name in ("length", "colour", "ripe")}
        for half, body in (
            ("request", {"instances": [features]}),
            ("response", {"predictions": [{"class": row["class"]}]}),
        ):
            made_event = event(seconds, half=half, id=f"row-{number}", stream=STREAM, body=json.dumps(body).encode())  # type: ignore[arg-type]
            attributes = {**made_event.attributes, "time": format_time(row["time"])}
            events.append(CloudEvent(attributes, made_event.data))
    return events


def write_events(path: Path, events: Iterable[CloudEvent]) -> Path:
    """Writes events as `nilometer events inferences --output json` prints them."""
    path.write_text("".join(f"{to_json_line(each)}\n" for each in events), encoding="utf-8")
    return path


def write_csv(path: Path, table: Sequence[Mapping[str, Any]], **changes: Any) -> Path:
    """Writes rows as CSV, times as ISO 8601; columns may be replaced by functions of their values."""
    how = {"time": format_time, **changes}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows({name: how.get(name, str)(value) for name, value in row.items()} for row in table)
    return path


class Printed:
    """What a replay printed."""

    def __init__(self, out: str, err: str) -> None:
        self.out = out
        self.err = err

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The findings, of JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def replay(capsys: pytest.CaptureFixture[str], monitors: Path | Sequence[Path], events: Path, **asked: Any) -> Printed:
    """Replays a file, with JSON lines unless text is asked for."""
    output = asked.pop("output", "json")
    files = [monitors] if isinstance(monitors, Path) else monitors
    capsys.readouterr()
    with capture_logs():  # which the command shows from errors on
        run(ReplaySettings(output=output), Asked(files, str(events), **asked))
    captured = capsys.readouterr()
    return Printed(captured.out, captured.err)
