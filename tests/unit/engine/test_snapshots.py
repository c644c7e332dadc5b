"""What a snapshot writes, and how it is read again."""

import msgspec
import pytest

from nilometer_logger.engine import snapshots
from nilometer_logger.engine.snapshots import Change, Restored, key, read, value
from nilometer_logger.errors import StateError

STREAM = "demo/iris/predictor/"
HEADER: Change = (key("partition"), value(snapshots.VERSION, 41, "topic-id", 4))
MONITORS: Change = (key("monitors"), value({"demo/iris": "d1"}, {"demo/iris": "d2"}))
CLOCK: Change = (key("clock", STREAM), value(7_000, 8_000, True))
MONITOR: Change = (key("monitor", "demo/iris", "d1", STREAM), value(5_000, 2))
PANE: Change = (key("pane", "demo/iris", "d1", STREAM, 1_000), value(1_001, 1_999, b"state", 3))
PENDING: Change = (key("pending", STREAM, 3), value(b"halves"))
SEEN: Change = (key("seen", 9), value(b"identities"))


def test_nothing_is_an_empty_state() -> None:
    """A partition that was never written begins before its first record."""
    assert read([]) == Restored(offset=-1)


def test_every_kind_of_record_is_read() -> None:
    """Offset and topic, what runs, clocks, what monitors keep of a stream, their panes, pending halves, identities."""
    assert read([HEADER, MONITORS, CLOCK, MONITOR, PANE, PENDING, SEEN]) == Restored(
        offset=41,
        topic=("topic-id", 4),
        active={"demo/iris": "d1"},
        announced={"demo/iris": "d2"},
        clocks={STREAM: (7_000, 8_000, True)},
        headers={("demo/iris", "d1", STREAM): [5_000, 2]},
        pending={(STREAM, 3): b"halves"},
        seen={9: b"identities"},
        panes={("demo/iris", "d1", STREAM, 1_000): (1_001, 1_999, b"state", 3)},
    )


def test_the_last_record_of_a_key_counts() -> None:
    """The log is read in its order, compacted or not."""
    later = (HEADER[0], value(snapshots.VERSION, 42))

    assert read([HEADER, later]).offset == 42
    assert read([later]).offset == 42


def test_a_record_without_a_value_deletes_its_key() -> None:
    """A closed window is gone, and one that is opened again later is there again."""
    closed: Change = (PANE[0], None)

    assert read([HEADER, PANE, closed]).panes == {}
    assert len(read([HEADER, PANE, closed, PANE]).panes) == 1
    assert read([HEADER, closed]).panes == {}


def test_times_of_64_bits_survive() -> None:
    """Starts and times are int64 nanoseconds, before 1970 as well."""
    change = (key("pane", "m", "d", "s", -(2**63)), value(-(2**63), 2**63 - 1, b""))

    assert read([change]).panes == {("m", "d", "s", -(2**63)): (-(2**63), 2**63 - 1, b"", 2**32)}


def test_another_version_is_refused_with_the_remedy() -> None:
    """The message says what wrote it and what helps, whatever other records that version has."""
    strange = (key("novelty", STREAM), value(1))
    newer = (key("partition"), value(snapshots.VERSION + 1, 41))

    with pytest.raises(
        StateError, match=r"written in format 5, and this version reads 1 to 4: run the version that wrote"
    ):
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
        (key("monitor", "name", "digest", STREAM), b"\x05"),
        (key("monitors"), value({})),
        (key("pane", "name", "digest", STREAM), value(1, 2, b"")),
        (key("pane", "name", "digest", STREAM, 0), value(1, 2)),
        (key("pending", STREAM), value(b"")),
        (key("pending", STREAM, 1), value()),
        (key("seen"), value(b"")),
        (key("seen", 1), value(b"", b"")),
    ],
    ids=repr,
)
def test_a_record_that_is_not_ours_is_refused(change: Change) -> None:
    """A damaged or foreign record is a StateError that names its key, and never half a state."""
    with pytest.raises(StateError, match="the state holds a record that is not ours, with key"):
        read([change])


def test_version_1_is_read() -> None:
    """Its windows are panes, and what runs is told by whose windows there are."""
    written = [
        (key("partition"), value(1, 41)),
        (key("monitor", "demo/iris", "d1", STREAM), value(5_000, 2)),
        (key("window", "demo/iris", "d1", STREAM, 1_000), value(1_001, 1_999, b"state", 3)),
    ]

    assert read(written) == Restored(
        version=1,
        offset=41,
        active={"demo/iris": "d1"},
        headers={("demo/iris", "d1", STREAM): [5_000, 2]},
        panes={("demo/iris", "d1", STREAM, 1_000): (1_001, 1_999, b"state", 3)},
    )
