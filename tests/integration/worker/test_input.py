"""What cannot be decoded is kept with its reason, and the worker goes on."""

import pytest

from nilometer_logger.cloudevents import BATCH_CONTENT_TYPE
from tests.integration.reading import records_of
from tests.integration.stack import eventually
from tests.integration.worker.feeding import PARTITIONS, Sent, append, append_foreign, beginning, last_words, services
from tests.integration.worker.working import PATIENCE, Make, Running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_what_does_not_decode_is_kept_and_the_worker_goes_on(make: Make, running: Running) -> None:
    """Each broken body lies in inferences-dead with its reason, once; the rows around it are in their windows."""
    [service], start = services(1), beginning()
    workers = make([service])
    good = [Sent(f"good-{number}", service, start + number, (10.0, 20.0)) for number in range(6)]
    broken = {
        "broken": b"{",
        "empty": b"",
        "wide": b'{"instances": [[1, 2, 3]]}',
        "half a letter": b'{"instances": [["\\ud800", 1]]}',
    }
    bad = [Sent(name, service, start, (0.0, 0.0), body) for name, body in broken.items()]
    worker = running(workers.make())

    append(workers.kafka, workers.prefix, [*good[:3], *bad, *good[3:], *last_words(start, 20, [service])])
    eventually(workers.windows, "the window", timeout_seconds=PATIENCE)

    [(_, body)] = workers.windows()
    assert body["rows"] == len(good)
    records = records_of(workers.kafka, f"{workers.prefix}inferences-dead")
    facts = {dict(record.headers)["ce_id"].decode(): dict(record.headers) for record in records}
    assert sorted(record.value for record in records) == sorted(broken.values())
    assert facts["empty"]["nilometer-reason"] == b"the body is empty"
    assert facts["wide"]["nilometer-reason"].startswith(b"monitor demo/service-0: 3 columns do not match")
    assert facts["broken"]["nilometer-position"].startswith(f"{workers.prefix}inferences/".encode())
    assert "Traceback" not in worker.output()


@pytest.mark.parametrize(
    "headers", [[], [("content-type", None), ("ce_id", None)], [("content-type", BATCH_CONTENT_TYPE.encode())]]
)
def test_a_record_of_another_producer_ends_nothing(
    make: Make, running: Running, headers: list[tuple[str, bytes | None]]
) -> None:
    """A record that is no batch and no CloudEvent is set aside; the next one is taken."""
    [service], start = services(1), beginning()
    workers = make([service])
    append_foreign(workers.kafka, workers.prefix, [b"not ours", b"\xc1"], headers)
    worker = running(workers.make())

    good = Sent("good", service, start, (10.0, 20.0))
    append(workers.kafka, workers.prefix, [good, *last_words(start, 20, [service])])
    eventually(workers.windows, "the window", timeout_seconds=PATIENCE)

    def dead() -> list[bytes]:
        return [record.value for record in records_of(workers.kafka, f"{workers.prefix}inferences-dead")]

    eventually(lambda: len(dead()) >= 2 * PARTITIONS, "dead letters of all partitions", timeout_seconds=PATIENCE)
    assert sorted(dead()) == [b"not ours"] * PARTITIONS + [b"\xc1"] * PARTITIONS
    assert "Traceback" not in worker.output()
