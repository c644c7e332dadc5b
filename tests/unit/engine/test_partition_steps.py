"""Records whose bodies hold very much are taken in by parts: bounded work between two turns of others, the same result."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace

from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.decoding.payload import Limits
from nilometer_logger.engine.partition import PartitionState
from tests.unit.engine.counting import Counting, seconds
from tests.unit.engine.partitions import LIMITS
from tests.unit.logged import IRIS, batch, event

WINE = IRIS._replace(inference_service="wine")
SMALL = replace(LIMITS, body=Limits(rows=100, cells=100))


def heavy(time: float, *values: float, id: str = "1", service: str = "iris") -> CloudEvent:  # noqa: A002
    """Returns an event that is as much work as is done at a time."""
    body = gzip.compress(json.dumps({"instances": [[value] for value in values]}).encode().ljust(2048))
    return event(time, id=id, stream=IRIS._replace(inference_service=service), body=body)


def finished(*records: Record, bounds: object = SMALL) -> tuple[PartitionState, list[CloudEvent]]:
    """Returns a partition that has taken in some records, and its findings."""
    partition = PartitionState([Counting(windows=seconds(10), services=frozenset({"iris", "wine"}))], bounds)  # type: ignore[arg-type]
    partition.apply(records)
    return partition, partition.take().findings


def test_no_snapshot_is_taken_in_the_middle_of_a_record() -> None:
    """Between two parts the state holds rows that its offset does not: it says so, and has nothing to hand over."""
    partition = PartitionState([Counting(windows=seconds(10))], SMALL)
    parts = partition.steps([batch(0, *(heavy(number, 1.0, id=f"{number}") for number in range(4)))])

    settled = [(partition.is_settled, partition.has_changed, partition.offset) for _ in parts]

    assert settled == [*[(False, False, -1)] * 4, (True, True, 0)]


def test_findings_on_rows_leave_between_the_parts() -> None:
    """What a part shows does not wait for the rest of its record."""
    partition = PartitionState([Counting(windows=seconds(10))], SMALL)
    parts = partition.steps([batch(0, *(heavy(number, 101.0, id=f"{number}") for number in range(3)))])

    assert [[finding["row"] for finding in found] for found in parts] == [["0/0"], ["1/0"], ["2/0"], []]


def test_windows_are_those_of_the_whole_record() -> None:
    """A window closes at the record's end, whichever part moved the clock past its end and whatever stream follows."""
    events = (heavy(1, 1.0, id="a"), heavy(25, 2.0, id="b"), heavy(2, 3.0, id="c"), heavy(9, 4.0, service="wine"))
    for order in ((0, 1, 2, 3), (3, 1, 0, 2), (1, 3, 2, 0)):
        record = batch(0, *(events[place] for place in order))
        last = batch(1, event(99, 1.0), event(99, 1.0, stream=WINE))

        _, by_parts = finished(record, last)
        _, at_once = finished(record, last, bounds=LIMITS)

        assert contents(by_parts) == contents(at_once)
        assert [finding["stream"] for finding in by_parts].count(str(WINE)) == 1


def contents(findings: Sequence[CloudEvent]) -> list[tuple[str, bytes]]:
    """Returns what was found of each window of each stream."""
    return sorted((finding["stream"], finding.data) for finding in findings)
