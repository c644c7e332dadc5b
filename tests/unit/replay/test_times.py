"""The cells of a time column."""

import pytest

from nilometer_detectors.replay._times import Times, Unit
from nilometer_logger.times import SECOND, parse_time

MOMENT = parse_time("2026-11-23T08:52:22.342390117Z")


@pytest.mark.parametrize(
    ("cell", "unit", "time"),
    [
        ("2026-11-23T08:52:22.342390117Z", "iso", MOMENT),
        ("2026-11-23 08:52:22.342390117", "iso", MOMENT),
        ("2026-11-23 08:52:22.342390117 UTC", "iso", MOMENT),
        ("2026-11-23T09:52:22.342390117+0100", "iso", MOMENT),
        ("2026-11-23", "iso", parse_time("2026-11-23T00:00:00Z")),
        ("1795423942", "s", MOMENT // SECOND * SECOND),
        (1795423942, "s", MOMENT // SECOND * SECOND),
        (1795423942.5, "s", MOMENT // SECOND * SECOND + SECOND // 2),
        ("1795423942342", "ms", MOMENT // 10**6 * 10**6),
        ("1795423942342390", "us", MOMENT // 1000 * 1000),
        ("1795423942342390117", "ns", MOMENT),
        (1795423942342390117, "ns", MOMENT),
        ("1.795423942342390117e9", "s", MOMENT),
        ("0", "s", 0),
    ],
)
def test_the_first_cell_decides_what_all_are(cell: object, unit: Unit, time: int) -> None:
    """Exactly, to the nanosecond, whether the unit is declared or seen."""
    seen, declared = Times(), Times(unit)
    assert seen.read(cell) == declared.read(cell) == time
    assert seen.unit == unit


def test_small_numbers_need_their_unit_declared() -> None:
    """Milliseconds since the beginning of 1970 look like seconds; who knows says so."""
    assert Times().read("1000") == 1000 * SECOND
    assert Times("ms").read("1000") == SECOND


def test_a_time_without_a_zone_is_told() -> None:
    """It is taken for UTC, and that is remembered."""
    zoned, bare = Times(), Times()
    zoned.read("2026-11-23T08:52:22Z")
    bare.read("2026-11-23T08:52:22")
    assert (zoned.assumed_utc, bare.assumed_utc) == (False, True)


@pytest.mark.parametrize(
    ("first", "cell", "reason"),
    [
        (None, "", "is empty"),
        (None, None, "is empty"),
        (None, "tomorrow", "is 'tomorrow': expected a time such as"),
        (None, "nan", "is 'nan': expected a time such as"),
        (None, True, "is 'True': expected a time such as"),
        ("1795423942", "2026-11-23T08:52:22Z", "a number of s is expected, as in the rows before"),
        ("2026-11-23T08:52:22Z", "1795423942", "is '1795423942': expected a time such as"),
        ("1795423942", "17954239420000", "outside the years 1677 to 2262"),
        (None, "2026-13-01T00:00:00Z", "is '2026-13-01T00:00:00Z'"),
        (None, "x" * 1000, "…"),
    ],
)
def test_what_is_no_time_is_told(first: object, cell: object, reason: str) -> None:
    """The value, shortened, and what was expected there."""
    times = Times()
    if first is not None:
        times.read(first)
    with pytest.raises(ValueError, match=r"expected|needs|outside") as error:
        times.read(cell)
    assert reason in str(error.value)
    assert len(str(error.value)) < 200
