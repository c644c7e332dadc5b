"""Values of the state that are too large for one record lie in several."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.engine.multipart import Change, Parts
from nilometer_logger.engine.snapshots import key, value
from nilometer_logger.errors import StateError

PANE = key("pane", "demo/iris", "d1", "demo/iris/predictor/", 1_000)
MOST = 2_000


def written(changes: list[Change], before: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
    """Returns what a compacted topic holds after changes."""
    latest = dict(before or {})
    for name, content in changes:
        if content is None:
            latest.pop(name, None)
        else:
            latest[name] = content
    return latest


def test_what_fits_is_written_as_it_is() -> None:
    """One record, byte for byte."""
    change = (PANE, value(1, 2, b"x" * 100))
    assert list(Parts().split([change], MOST)) == [change]


@given(sizes=st.lists(st.none() | st.integers(0, 20_000), min_size=1, max_size=6), most=st.integers(1_200, 5_000))
def test_every_record_fits_and_the_last_value_is_read(sizes: list[int | None], most: int) -> None:
    """Whatever a value grows and shrinks to, also across restarts; and nothing is left of one that is deleted."""
    parts, topic = Parts(), dict[bytes, bytes]()
    for size in sizes:
        content = None if size is None else value(1, 2, b"x" * size)
        changes = list(parts.split([(PANE, content)], most))
        assert all(len(name) + len(part or b"") <= most for name, part in changes)
        topic = written(changes, topic)
        parts = Parts()
        assert parts.join(topic) == ({} if content is None else {PANE: content})
    assert written(list(parts.split([(PANE, None)], most)), topic) == {}


def test_a_part_that_is_missing_is_said() -> None:
    """Half a window is none: the state is refused, with the key."""
    topic = written(list(Parts().split([(PANE, value(1, 2, b"x" * 10_000))], MOST)))
    lost = next(name for name in topic if name != PANE)

    with pytest.raises(StateError, match=r"lacks a part of the record with key .*pane"):
        Parts().join({name: content for name, content in topic.items() if name != lost})


def test_records_of_earlier_versions_are_read() -> None:
    """A state without parts is what it was."""
    topic = {key("partition"): value(3, 41), PANE: value(1, 2, b"x")}
    assert Parts().join(topic) == topic
