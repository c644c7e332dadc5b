"""The benchmarks' own arithmetic: a figure in the documentation is no better than what counts it."""

import asyncio
import json
import math
from pathlib import Path
from typing import cast

import pytest

from nilometer_logger.cloudevents import from_http
from nilometer_logger.cloudevents.kserve import Stream, stream_of
from tests.benchmarks import wire
from tests.benchmarks.load import Connection, Load
from tests.benchmarks.plan import Outcome, Plan, percentile
from tests.benchmarks.stored import Stored
from tests.benchmarks.table import Figure, Section
from tests.benchmarks.turns import Row
from tests.benchmarks.windows_profile import STAGES, profile
from tests.benchmarks.windows_traffic import Traffic, monitor

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"


class Transport:
    """Takes what a connection writes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keeps it."""
        self.written.append(data)


@pytest.fixture
def load() -> Load:
    """A closed loop that was not started."""
    return Load(Plan(port=0, run=7, connections=1, streams=2))


@pytest.fixture
def transport() -> Transport:
    """What the connection writes to."""
    return Transport()


@pytest.fixture
def connection(load: Load, transport: Transport) -> Connection:
    """A client that waits for the answer to its first event."""
    client = Connection(load, 1)
    client.connection_made(cast("asyncio.BaseTransport", transport))
    client.send(0.0)
    return client


def outcome(**changes: object) -> Outcome:
    """What a turn of two seconds might tell."""
    fields: dict[str, object] = {
        "seconds": 2.0,
        "acknowledged": 1000,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "cpu_seconds": {"server": 0.05, "Kafka": 0.02, "load": 0.01, "machine": 0.08},
        "sent": 4,
        "refused": [2],
        "statuses": {},
    }
    return Outcome(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "part", "expected"), [([3.0, 1.0, 2.0], 0.5, 2.0), ([1.0] * 99 + [9.0], 0.99, 1.0), ([4.0], 0.99, 4.0)]
)
def test_percentiles_are_values_that_were_measured(values: list[float], part: float, expected: float) -> None:
    """A percentile is the least value that this part of all do not exceed."""
    assert percentile(values, part) == expected


def test_the_percentile_of_nothing_meets_no_target() -> None:
    """A load that was never answered has no latency, and a figure of none is missed."""
    assert math.isnan(percentile([], 0.99))
    assert not Figure("p99", percentile([], 0.99), " ms", 10).met


def test_an_event_is_what_kserve_sends() -> None:
    """The load's requests are CloudEvents of their streams with a body of the size that figures speak of."""
    before, after = wire.request(3)
    head, _, body = (before + wire.event_id(7, 5).encode() + after).partition(b"\r\n\r\n")
    headers = [
        (name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in head.split(b"\r\n"))
    ]

    event = from_http(headers, body)

    assert event["id"] == wire.event_id(7, 5)
    assert stream_of(event.attributes) == Stream("bench", "bench-3", "predictor", "")
    assert dict(headers)[b"content-length"] == str(len(body)).encode()
    assert 1000 <= len(body) <= 1100
    assert json.loads(body)["inputs"][0]["datatype"] == "FP64"


def test_a_client_goes_on_when_it_was_answered(load: Load, connection: Connection, transport: Transport) -> None:
    """Each answer is counted once and lets the client send an event with the next id on the same stream."""
    connection.data_received(OK)

    assert len(load.latencies) == 1
    first, second = transport.written
    assert wire.event_id(7, 0).encode() in first
    assert wire.event_id(7, 1).encode() in second
    assert wire.service(1).encode() in second


def test_an_answer_may_come_in_pieces(load: Load, connection: Connection, transport: Transport) -> None:
    """An answer counts when its head and body are there, and not before."""
    for end in range(len(BUSY) - 1):
        connection.data_received(BUSY[end : end + 1])
        assert len(transport.written) == 1
    connection.data_received(BUSY[-1:])

    assert len(transport.written) == 2
    assert load.statuses == {"503": 1}


def test_only_200_acknowledges(load: Load, connection: Connection) -> None:
    """What was refused, or never answered, is no latency and no acknowledged event."""
    connection.data_received(OK)
    connection.data_received(BUSY)
    connection.connection_lost(None)

    assert len(load.latencies) == 1
    assert load.refused == [1, 2]
    told = outcome(sent=3, refused=load.refused)
    assert told.acknowledged_ids(7) == {wire.event_id(7, 0)}


def test_events_are_missing_or_repeated() -> None:
    """Read back, an acknowledged event that is not there is missing, and one that is there twice is no other event."""
    stored = Stored(records=2, value_bytes=10, ids=["a", "b", "b"])

    assert stored.missing({"a", "b", "c"}) == 1
    assert stored.repeated() == 1
    assert stored.events_a_record == 1.5


def test_a_row_tells_rate_and_cpu_an_event() -> None:
    """CPU is by acknowledged event of the span, and neighbours are what nobody of ours used."""
    told = outcome(cpu_seconds={"server": 0.05, "Kafka": 0.02, "load": 0.01, "machine": 1.08})
    stored = Stored(records=2, value_bytes=8000, ids=["a", "b", "c"])

    text = Section("a load", [Row("the logger", told, 48.0, stored, acknowledged=3, missing=0)]).text()

    assert text[1].split() == ["the", "logger", "500", "50.0", "1.00", "2.00", "20.0", "1.5", "4.0", "48.0", "0.50"]
    assert "3 of 3 acknowledged events" in text[2]
    assert "neighbours kept up to 0.5 cores busy" in text[3]


def test_a_figure_says_whether_its_target_was_met() -> None:
    """A target is met at its bound, as precisely as that is printed, and missed beyond."""
    assert Figure("CPU", 45.04, " µs", 45).line().endswith("45.0 µs   <= 45.0 µs   met")
    assert Figure("CPU", 45.1, " µs", 45).line().endswith("45.1 µs   <= 45.0 µs   missed")


def test_a_profile_names_every_stage_and_adds_up(tmp_path: Path) -> None:
    """No stage is one that nothing calls, and the shares are parts of a whole."""
    head, *stages, total = profile([monitor(tmp_path / "monitors")], Traffic(200), 1)

    assert head.split() == ["CPU", "µs", "share"]
    assert [line[:52].strip() for line in stages] == list(STAGES)
    assert sum(float(line[52:61]) for line in stages) == pytest.approx(float(total[52:61]), abs=0.01 * len(stages))
