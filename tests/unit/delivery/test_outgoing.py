"""What delivery makes of a record of Kafka."""

from types import SimpleNamespace
from typing import Any

import pytest

from nilometer_detectors.delivery import outgoing, overrides
from nilometer_logger.errors import EventError

HEADERS = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/x"), ("ce_type", b"io.nilometer.drift")]


def record(headers: list[tuple[str, bytes]]) -> Any:
    """Returns as much of a Kafka record as delivery reads."""
    return SimpleNamespace(headers=headers, value=b"{}", timestamp=1_795_469_000_123)


def test_a_finding_says_when_kafka_got_it() -> None:
    """`detectedtime` is the time of the Kafka record, the same however often it is delivered."""
    event = outgoing(record(HEADERS), {})
    assert event["detectedtime"] == "2026-11-23T21:23:20.123Z"
    assert (event["id"], event.data) == ("1", b"{}")


def test_a_sink_binding_puts_extensions_on_every_event() -> None:
    """What `K_CE_OVERRIDES` asks for is on the event that leaves."""
    extensions = overrides('{"extensions": {"cluster": "blue", "shard": 3}}')
    event = outgoing(record(HEADERS), extensions)
    assert (event["id"], event["cluster"], event["shard"]) == ("1", "blue", "3")


def test_a_record_that_is_no_event_is_told() -> None:
    """A foreign record in a topic of findings is an error of its own, which stops nothing."""
    with pytest.raises(EventError, match="ce_type"):
        outgoing(record(HEADERS[:-1]), {})
