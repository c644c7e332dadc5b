"""What a snapshot writes, and how it is read again."""

import msgspec
import pytest

from nilometer_logger import snapshots
from nilometer_logger.errors import StateError
from nilometer_logger.snapshots import Change, Restored, key, read, value

STREAM = "demo/iris/predictor/"
HEADER: Change = (key("partition"), value(snapshots.VERSION, 41))
CLOCK: Change = (key("clock", STREAM), value(7_000, 8_000))
MONITOR: Change = (key("monitor", "demo/iris", "d1", STREAM), value(5_000, 2))
WINDOW: Change = (key("window", "demo/iris", "d1", STREAM, 1_000), value(1_001, 1_999, b"state"))


def test_nothing_is_an_empty_state() -> None:
    """A partition that was never written begins before its first record."""
    assert read([]) == Restored(offset=-1)


def test_every_kind_of_record_is_read() -> None:
    """The offset, clocks, what monitors keep of a stream, and their windows."""
    assert read([HEADER, CLOCK, MONITOR, WINDOW]) == Restored(
        offset=41,
        clocks={STREAM: (7_000, 8_000)},
        monitors={("demo/iris", "d1", STREAM): (5_000, 2)},
        windows={("demo/iris", "d1", STREAM, 1_000): (1_001, 1_999, b"state")},
    )


def test_the_last_record_of_a_key_counts() -> None:
    """The log is read in its order, compacted or not."""
    later = (HEADER[0], value(snapshots.VERSION, 42))

    assert read([HEADER, later]).offset == 42
    assert read([later]).offset == 42


def test_a_record_without_a_value_deletes_its_key() -> None:
    """A closed window is gone, and one that is opened again later is there again."""
    closed: Change = (WINDOW[0], None)

    assert read([HEADER, WINDOW, closed]).windows == {}
    assert len(read([HEADER, WINDOW, closed, WINDOW]).windows) == 1
    assert read([HEADER, closed]).windows == {}


def test_times_of_64_bits_survive() -> None:
    """Starts and times are int64 nanoseconds, before 1970 as well."""
    change = (key("window", "m", "d", "s", -(2**63)), value(-(2**63), 2**63 - 1, b""))

    assert read([change]).windows == {("m", "d", "s", -(2**63)): (-(2**63), 2**63 - 1, b"")}


def test_another_version_is_refused_with_the_remedy() -> None:
    """The message says what wrote it and what helps, whatever other records that version has."""
    strange = (key("pending", STREAM), value(1))
    newer = (key("partition"), value(snapshots.VERSION + 1, 41))

    with pytest.raises(StateError, match=r"written in format 2, and this version reads 1: run the version that wrote"):
        read([strange, newer])


@pytest.mark.parametrize(
    "change",
    [
        (None, b""),
        (b"", b""),
        (b"key", b"\x90"),
        (msgspec.msgpack.encode([]), value()),
        (key("other"), value()),
        (key("partition"), value(1)),
        (key("partition"), b"\xc1"),
        (key("clock"), value(1, 2)),
        (key("clock", STREAM), value(1)),
        (key("clock", STREAM), b"\x05"),
        (key("monitor", "name", "digest"), value(1, 2)),
        (key("monitor", "name", "digest", STREAM), value(1)),
        (key("window", "name", "digest", STREAM), value(1, 2, b"")),
        (key("window", "name", "digest", STREAM, 0), value(1, 2)),
    ],
    ids=repr,
)
def test_a_record_that_is_not_ours_is_refused(change: Change) -> None:
    """A damaged or foreign record is a StateError that names its key, and never half a state."""
    with pytest.raises(StateError, match="the state holds a record that is not ours, with key"):
        read([change])
