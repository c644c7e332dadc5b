"""Whether Kafka gathers records before it hands them over."""

import pytest

from nilometer_logger.pace import MANY, Pace


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


def second(pace: Pace, clock: Clock, records: float) -> None:
    """Lets a second pass in a hundred looks, which find so many records in all."""
    found = 0.0
    for each in range(1, 101):
        clock.seconds += 0.01
        new = int(records * each / 100 - found)
        found += new
        pace.saw(new)


def test_few_records_are_handed_over_at_once(clock: Clock) -> None:
    """At first, and as long as fewer come: an outlier does not wait."""
    pace = Pace(clock)
    assert not pace.many
    for _ in range(3):
        second(pace, clock, MANY - 20)
        assert not pace.many


def test_many_records_are_gathered_and_few_no_longer(clock: Clock) -> None:
    """Whatever a look finds, one record or all of a backlog; and when they stop, the next is handed over at once."""
    pace = Pace(clock)
    found = []
    for records in (MANY + 20, 0, 50 * MANY, MANY - 20):
        second(pace, clock, records)
        found.append(pace.many)
    assert found == [True, False, True, False]


def test_a_burst_is_no_pace(clock: Clock) -> None:
    """What has just come is not held against the records after it until half a second shows that they go on."""
    pace = Pace(clock)
    pace.saw(3 * int(MANY))
    assert not pace.many


def test_looks_that_found_nothing_for_long_count(clock: Clock) -> None:
    """A pause is part of the span that it ends."""
    pace = Pace(clock)
    pace.saw(int(MANY))
    clock.seconds += 10
    pace.saw(1)
    assert not pace.many
