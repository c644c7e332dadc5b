"""Requests meet their responses in a real worker's windows, whoever reads them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import RESPONSE
from nilometer_logger.rows import Column, Schema
from nilometer_logger.times import SECOND
from tests.integration.stack import eventually
from tests.integration.worker.feeding import TOO_LARGE, Sent, append, beginning, last_words, write_monitors
from tests.integration.worker.working import PATIENCE, Running, Workers
from tests.judging import baseline_of, normal

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SERVICE = "joined"
BOTH = "[{name: both, detector: mmd, of: both, minRows: 20}]"


@dataclass(frozen=True)
class Answer(Sent):
    """A response of one row, which is a request's first value with its sign changed."""

    @property
    def event(self) -> CloudEvent:
        """The event that KServe logs of it."""
        body = json.dumps({"predictions": [-self.values[0]]}).encode()
        return CloudEvent({**super().event.attributes, "type": RESPONSE}, body)


def test_what_one_worker_read_is_joined_by_the_next(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, running: Running
) -> None:
    """Requests that one worker took and responses that another takes are joined, by id, from the state in Kafka."""
    features = np.add(normal(300, 2), (10.0, 20.0))
    columns = Schema((Column("x"), Column("y")))
    baseline_of(features, columns, features[:, :1], Schema((Column("z"),))).save(tmp_path / "base")
    monitors = write_monitors(tmp_path, tmp_path / "base", [SERVICE], size="2s", delay="3s", drift=BOTH)
    workers, start = Workers(kafka.bootstrap, topic_prefix, monitors, tmp_path), beginning()

    values = np.add(normal(80, 2, seed=2), (10.0, 20.0))
    # A first window that is not the one in question, because a monitor may start inside its first.
    requests = [Sent("earlier", SERVICE, start - 2 * SECOND, (10.0, 20.0))]
    requests += [
        Sent(f"request-{number}", SERVICE, start + number * SECOND // 100, (x, y))
        for number, (x, y) in enumerate(values.tolist())
    ]
    answers = [Answer(one.id, SERVICE, one.time + SECOND // 4, one.values) for one in requests[1:71]]

    first = running(workers.make())
    append(workers.kafka, workers.prefix, [*requests, Sent("last", SERVICE, start, (TOO_LARGE, 20.0))])
    eventually(workers.outliers, "the outlier, which is read last", timeout_seconds=PATIENCE)
    first.stop(grace_seconds=60)
    second = running(workers.make())
    append(workers.kafka, workers.prefix, [*answers[::-1], *last_words(start, 20, [SERVICE])])
    found = eventually(lambda: workers.windows()[1:], "the window", timeout_seconds=PATIENCE)
    second.stop(grace_seconds=60)

    assert found[0][1]["rows"] == 81
    said = [
        json.loads(event.data) for event in workers.events("findings") if event.attributes.get("detector") == "both"
    ]
    assert [body["drift"] for body in said] == [None, True]
    assert said[1]["joined"] == {"rows": 70, "unpairedRequests": 11, "unpairedResponses": 0}
    assert (list(said[1]["features"]), list(said[1]["predictions"])) == (["x", "y"], ["z"])
    assert "Traceback" not in first.output() + second.output()
