"""How many records are taken in at a time."""

from aiokafka import ConsumerRecord

from nilometer_logger.times import SECOND
from nilometer_logger.worker.fetcher import MOST_BYTES, MOST_RECORDS, chunks


def fetched(offset: int, value: bytes | None = b"") -> ConsumerRecord:
    """Returns a record as the client hands it over, with a timestamp of 1.5 s."""
    return ConsumerRecord("inferences", 3, offset, 1500, 0, None, value, None, -1, -1, (("name", b"content"),))


def test_every_record_is_handed_over_once_and_in_order() -> None:
    """With its position, its arrival in nanoseconds, its headers and its value."""
    [chunk] = chunks([fetched(4, b"a"), fetched(7, None)])

    assert [(record.partition, record.offset, record.value) for record in chunk] == [(3, 4, b"a"), (3, 7, None)]
    assert {record.timestamp for record in chunk} == {3 * SECOND // 2}
    assert chunk[0].headers == [("name", b"content")]


def test_no_bite_has_too_many_records() -> None:
    """Small records are many, and each costs its time."""
    sizes = [len(chunk) for chunk in chunks([fetched(offset) for offset in range(2 * MOST_RECORDS + 1)])]

    assert sizes == [MOST_RECORDS, MOST_RECORDS, 1]


def test_no_bite_has_too_many_bytes_but_for_one_large_record() -> None:
    """Large records are taken in one by one, however large they are."""
    half, large = bytes(MOST_BYTES // 2), bytes(MOST_BYTES + 1)

    found = [[record.offset for record in chunk] for chunk in chunks([fetched(n, half) for n in range(3)])]
    assert found == [[0, 1], [2]]
    found = [[record.offset for record in chunk] for chunk in chunks([fetched(0), fetched(1, large), fetched(2)])]
    assert found == [[0], [1], [2]]


def test_nothing_makes_no_bite() -> None:
    """A look that found nothing costs nothing."""
    assert not list(chunks([]))
