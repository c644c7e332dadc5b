"""What is written into the log, and what is not written again while it is on its way."""

from nilometer_logger.engine.punctuation import Configure, ExpirePending, Idle, Punctuation, encode
from nilometer_logger.worker.pending_punctuation import AGAIN_SECONDS, PendingPunctuation


def told(
    telling: PendingPunctuation, *wanted: Punctuation, now: float = 0.0, is_at_end: bool = True
) -> list[Punctuation]:
    """Returns what should be written."""
    return list(telling.due(list(wanted), now, is_at_end=is_at_end))


def test_silence_and_waiting_are_told_only_at_the_end_of_the_log() -> None:
    """A backlog or an outage closes nothing early; which monitors run is told at any time."""
    telling, configure = PendingPunctuation(), Configure({"demo/iris": "d1"})

    assert told(telling, configure, Idle({"a": 1}), ExpirePending({"a": 1}), is_at_end=False) == [configure]
    assert told(telling, Idle({"a": 1}), ExpirePending({"a": 1})) == [Idle({"a": 1}), ExpirePending({"a": 1})]


def test_what_was_told_is_not_told_again_at_once() -> None:
    """The record is on its way; each stream waits for its own, and is told again if that has not come."""
    telling = PendingPunctuation()
    told(telling, Idle({"a": 1}), Configure({"demo/iris": "d1"}))

    assert told(telling, Idle({"a": 2, "b": 2}), Configure({"demo/iris": "d1"}), now=1.0) == [Idle({"b": 2})]
    assert told(telling, Idle({"a": 3, "b": 3}), now=AGAIN_SECONDS) == [Idle({"a": 3})]


def test_other_monitors_are_told_at_once() -> None:
    """A second change of the monitors does not wait for the first."""
    telling = PendingPunctuation()
    told(telling, Configure({"demo/iris": "d1"}))

    assert told(telling, Configure({"demo/iris": "d2"}), now=1.0) == [Configure({"demo/iris": "d2"})]


def test_what_is_told_of_many_streams_fits_into_records() -> None:
    """Tens of thousands of streams fall silent together: each is told of once, in records that Kafka takes."""
    streams = {f"demo/iris/predictor/{number:05d}": number for number in range(40_000)}
    quiet = told(PendingPunctuation(), Idle(streams))
    given_up = told(PendingPunctuation(), ExpirePending(streams))

    assert {stream: time for each in quiet for stream, time in each.clocks.items()} == streams
    assert {stream: time for each in given_up for stream, time in each.streams.items()} == streams
    assert all(len(encode(each)) < 2**20 // 2 for each in [*quiet, *given_up])
