"""Whether Kafka gathers records before it hands them over."""

import pytest

from nilometer_logger.worker.fetch_rate import MANY, FetchRate


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 5.0

    def __call__(self) -> float:
        """Tells the time in seconds."""
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


def second(rate: FetchRate, clock: Clock, records: float) -> None:
    """Lets a second pass in a hundred looks, which find so many records in all."""
    found = 0.0
    for each in range(1, 101):
        clock.seconds += 0.01
        new = int(records * each / 100 - found)
        found += new
        rate.saw(new)


def test_few_records_are_handed_over_at_once(clock: Clock) -> None:
    """At first, and as long as fewer come: an outlier does not wait."""
    rate = FetchRate(clock)
    assert not rate.many
    for _ in range(3):
        second(rate, clock, MANY - 20)
        assert not rate.many


def test_many_records_are_gathered_and_few_no_longer(clock: Clock) -> None:
    """Whatever a look finds, one record or all of a backlog; and when they stop, the next is handed over at once."""
    rate = FetchRate(clock)
    found = []
    for records in (MANY + 20, 0, 50 * MANY, MANY - 20):
        second(rate, clock, records)
        found.append(rate.many)
    assert found == [True, False, True, False]


def test_a_burst_is_no_pace(clock: Clock) -> None:
    """What has just come is not held against the records after it until half a second shows that they go on."""
    rate = FetchRate(clock)
    rate.saw(3 * int(MANY))
    assert not rate.many


def test_looks_that_found_nothing_for_long_count(clock: Clock) -> None:
    """A pause is part of the span that it ends."""
    rate = FetchRate(clock)
    rate.saw(int(MANY))
    clock.seconds += 10
    rate.saw(1)
    assert not rate.many
