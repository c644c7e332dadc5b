"""Silence: what the worker sees of the clock it writes into the log, and obeys when it reads it there."""

import json

from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.decoding.inferences import Record
from nilometer_logger.engine.partition import PartitionState
from nilometer_logger.engine.protocol import WindowSpec
from nilometer_logger.engine.punctuation import Idle
from nilometer_logger.times import SECOND
from tests.unit.engine.counting import Counting, seconds
from tests.unit.engine.partitions import LIMITS, silent
from tests.unit.logged import IRIS, batch, event, punctuated

WINE = Stream("demo", "wine", "predictor", "")


def watching(*specs: WindowSpec) -> PartitionState:
    """Returns a partition with a monitor of each of some windows, on two streams."""
    services = frozenset({"iris", "wine"})
    monitors = [Counting(name=f"demo/{number}", windows=spec, services=services) for number, spec in enumerate(specs)]
    return PartitionState(monitors, LIMITS)


def quiet(offset: int, time: float, stream: Stream = IRIS) -> Record:
    """Returns the punctuation that a stream was silent until a time in seconds."""
    clocks = {str(stream): round(time * SECOND)}
    return punctuated(offset, Idle(clocks))


def windows(partition: PartitionState) -> list[tuple[str, float, str]]:
    """Returns stream, start and reason of the windows that have closed."""
    found = [(finding["stream"], json.loads(finding.data)["window"]) for finding in partition.take().findings]
    return [(stream, window["start"] / SECOND, window["closed_by"]) for stream, window in found]


def test_a_punctuation_closes_the_windows_of_a_silent_stream() -> None:
    """The last window closes without traffic, and says that it was silence."""
    partition = watching(seconds(10, delay=2))
    partition.apply([batch(0, event(5, 1.0))])
    partition.apply([quiet(1, 11.9)])
    assert windows(partition) == []

    partition.apply([quiet(2, 12)])

    assert windows(partition) == [(str(IRIS), 0, "quiet")]


def test_one_streams_silence_closes_no_others_windows() -> None:
    """The watermark belongs to a stream."""
    partition = watching(seconds(10))
    partition.apply([batch(0, event(5, 1.0), event(5, 1.0, stream=WINE))])

    partition.apply([quiet(1, 50, WINE)])

    assert windows(partition) == [(str(WINE), 0, "quiet")]


def test_a_row_after_silence_is_late() -> None:
    """The clock was moved on, and does not go back."""
    partition = watching(seconds(10))
    partition.apply([batch(0, event(5, 1.0))])
    partition.apply([quiet(1, 50)])
    partition.apply([batch(2, event(6, 2.0), event(61, 3.0))])
    partition.apply([quiet(3, 100)])

    facts = [json.loads(finding.data)["window"] for finding in partition.take().findings]

    assert [(window["start"] / SECOND, window["late_since_last"]) for window in facts] == [(0, 0), (60, 1)]


def test_a_punctuation_of_an_unknown_stream_is_passed_over() -> None:
    """A stream that nobody watches any more has no windows to close."""
    partition = watching(seconds(10))

    partition.apply([quiet(0, 50)])

    assert windows(partition) == []
    assert partition.offset == 0


def test_a_stream_is_silent_when_a_window_waits_and_nothing_comes() -> None:
    """Due by the clock on the wall, and no arrival for the watermark delay: then its clock should be now."""
    partition = watching(seconds(10, delay=2))
    partition.apply([batch(0, event(5, 1.0), arrival=6 * SECOND)])

    assert silent(partition, 12 * SECOND) == {str(IRIS): 12 * SECOND}
    assert silent(partition, 12 * SECOND - 1) == {}


def test_a_stream_that_still_sends_is_not_silent() -> None:
    """Events that come late in time but still come keep their windows open for the watermark delay."""
    partition = watching(seconds(10, delay=2))
    partition.apply([batch(0, event(5, 1.0), arrival=60 * SECOND)])

    assert silent(partition, 62 * SECOND - 1) == {}
    assert silent(partition, 62 * SECOND) == {str(IRIS): 62 * SECOND}


def test_a_stream_without_open_windows_is_not_silent() -> None:
    """Nothing waits for its clock, so nothing is written."""
    partition = watching(seconds(10))
    partition.apply([batch(0, event(5, 1.0), arrival=6 * SECOND)])
    partition.apply([quiet(1, 50)])

    assert silent(partition, 10**6 * SECOND) == {}


def test_asking_changes_nothing() -> None:
    """What the clock on the wall says is obeyed only when it is read from the log."""
    partition = watching(seconds(10))
    partition.apply([batch(0, event(5, 1.0), arrival=6 * SECOND)])
    silent(partition, 10**6 * SECOND)

    assert windows(partition) == []


def test_the_earliest_window_of_any_monitor_makes_a_stream_due() -> None:
    """Two monitors of one stream share its clock."""
    partition = watching(seconds(100), seconds(10))
    partition.apply([batch(0, event(5, 1.0), arrival=6 * SECOND)])

    assert silent(partition, 10 * SECOND) == {str(IRIS): 10 * SECOND}
