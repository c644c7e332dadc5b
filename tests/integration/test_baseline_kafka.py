"""A baseline of what Kafka has recorded: the events of one stream and one span, and no others."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nilometer_detectors.baselines.baseline import Baseline
from nilometer_detectors.cli.baseline import command
from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import REQUEST, RESPONSE
from nilometer_logger.errors import SettingError
from nilometer_logger.times import SECOND, format_time
from tests.integration.worker.feeding import append, append_foreign

START = time.time_ns() // SECOND * SECOND - 3600 * SECOND


@dataclass(frozen=True)
class Half:
    """A half of an inference at some second after the start."""

    second: float
    kind: str
    value: float
    service: str = "iris"

    @property
    def event(self) -> CloudEvent:
        """The event that KServe logs of it."""
        attributes = {
            "specversion": "1.0",
            "id": f"{self.service}-{self.value}",
            "source": "http://localhost:9081/",
            "type": self.kind,
            "time": format_time(START + int(self.second * SECOND)),
            "namespace": "demo",
            "inferenceservicename": self.service,
            "component": "predictor",
            "endpoint": "default",
        }
        key = "instances" if self.kind == REQUEST else "predictions"
        return CloudEvent(attributes, json.dumps({key: [[self.value]]}).encode())


def called(kafka: EmbeddedKafka, prefix: str, stream: str, begin: float, end: float, *arguments: Any) -> Result:
    """Calls the command for a span of seconds after the start."""
    span = [format_time(START + int(second * SECOND)) for second in (begin, end)]
    flags = ["--kafka", kafka.bootstrap, "--topic-prefix", prefix, "--from", span[0], "--to", span[1]]
    return CliRunner().invoke(command, ["kafka", stream, *flags, *map(str, arguments)], catch_exceptions=True)


@pytest.fixture
def recorded(kafka: EmbeddedKafka, topic_prefix: str) -> str:
    """Records 300 inferences of one stream, a second apart, out of order, and some of another."""
    halves = []
    for second in range(300):
        halves += [Half(second + 0.2, RESPONSE, second / 4), Half(second, REQUEST, second / 4)]
        halves.append(Half(second, REQUEST, 1000 + second, "wine"))
    append(kafka.bootstrap, topic_prefix, halves)  # type: ignore[arg-type] # all that is asked of one is its event
    append_foreign(kafka.bootstrap, topic_prefix, [b"no event"], [("content-type", b"text/plain")])
    return topic_prefix


def test_a_span_of_a_stream_is_a_baseline(kafka: EmbeddedKafka, recorded: str, tmp_path: Path) -> None:
    """Just the inferences of the stream whose time lies in the span are rows, each with its features and predictions."""
    done = called(kafka, recorded, "demo/iris/predictor/default", 100, 200, "--out", tmp_path / "b", "--names", "x")
    assert done.exit_code == 0, done.output
    baseline = Baseline.load(tmp_path / "b")
    assert baseline.rows == 100
    assert [(column.name, column.min, column.max) for column in baseline.features] == [("x", 25.0, 49.75)]
    assert [(column.name, column.min, column.max) for column in baseline.predictions] == [("y0", 25.0, 49.75)]
    assert (baseline.feature_sample == baseline.prediction_sample).all()


def test_the_columns_can_be_looked_at_first(kafka: EmbeddedKafka, recorded: str) -> None:
    """A dry run prints the schema; a stream may be told by its beginning."""
    done = called(kafka, recorded, "demo/wine", 0, 300, "--dry-run", "--keep", "x0")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == ["schema:", "  features:", '  - {name: "x0", type: numeric}']


def test_a_span_without_inferences_is_told(kafka: EmbeddedKafka, recorded: str, tmp_path: Path) -> None:
    """Nothing of the stream, or nothing of the span, or no topic, is one sentence with what was asked for."""
    for stream, begin, end in (("demo/none", 0, 300), ("demo/iris", 300, 400), ("demo/iris", 9000, 9001)):
        error = called(kafka, recorded, stream, begin, end, "--out", tmp_path / "b").exception
        assert isinstance(error, SettingError)
        assert f"holds no inference of {stream} from" in str(error)
    error = called(kafka, "other-", "demo/iris", 0, 300, "--out", tmp_path / "b").exception
    assert "there is no topic other-inferences" in str(error)
    assert not (tmp_path / "b").exists()


def test_a_span_that_is_none_is_a_wrong_flag(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    """The end must lie behind the beginning, and both must be times."""
    assert called(kafka, topic_prefix, "demo/iris", 2, 1, "--out", tmp_path / "b").exit_code == 2
    flags = ["--from", "yesterday", "--to", "today", "--out", str(tmp_path)]
    done = CliRunner().invoke(command, ["kafka", "demo/iris", *flags])
    assert done.exit_code == 2
    assert "'yesterday' is no RFC 3339 time" in done.stderr
