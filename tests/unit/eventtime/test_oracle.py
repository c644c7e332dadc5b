"""The real event-time code and a slow, obvious one agree on every log that hypothesis thinks of.

Disorder, lateness, repeated ids, quiet gaps, several streams and monitors, tumbling and sliding windows, what cannot
be decoded, times from the future, and workers that crash after any record. `HYPOTHESIS_PROFILE=thorough` tries more.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.eventtime.reference import Event, Quiet, Record, Reference, Watcher
from tests.unit.eventtime.simulated import Step, work

pytestmark = pytest.mark.timeout(3600)  # for the thorough profile

STREAMS = ("a", "b")
END = 10_000  # after every window of every log

HALVES = st.sampled_from(["request", "response"])
VALUES = st.lists(st.integers(-5, 5) | st.just(999), max_size=3).map(tuple)
TIMES = st.integers(0, 60) | st.integers(20, 30) | st.none() | st.integers(70, 130)
EVENTS = st.builds(
    Event,
    stream=st.sampled_from(STREAMS),
    half=HALVES,
    id=st.sampled_from(["1", "2", "3", "always the same"]),
    time=TIMES,
    values=VALUES,
    width=st.sampled_from([1, 1, 1, 1, 2]),
    broken=st.sampled_from([False] * 9 + [True]),
)
QUIETS = st.builds(Quiet, stream=st.sampled_from(STREAMS), time=st.integers(0, 90))
RECORDS = st.builds(
    Record,
    arrival=st.sampled_from([50, 50, 100]),
    holds=st.lists(EVENTS, min_size=1, max_size=5).map(tuple) | QUIETS,
)
LOGS = st.lists(RECORDS, min_size=1, max_size=12)


@st.composite
def watchers(draw: st.DrawFn) -> tuple[Watcher, ...]:
    """Makes up to three monitors."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        size = draw(st.integers(1, 25))
        found.append(
            Watcher(
                name=f"demo/{number}",
                size=size,
                slide=draw(st.just(size) | st.integers(1, size)),
                delay=draw(st.integers(0, 15)),
                offset=draw(st.integers(0, 7)),
                halves=draw(st.sets(HALVES, min_size=1).map(frozenset)),
                streams=draw(st.sets(st.sampled_from(STREAMS), min_size=1).map(frozenset)),
            )
        )
    return tuple(found)


# An event of each stream and half, so late that with its window all late rows are told.
LAST = Record(
    END, tuple(Event(stream, half, "last", END - 100, (0,)) for stream in STREAMS for half in ("request", "response"))
)

STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.sampled_from(["go on", "snapshot", "snapshot and crash", "crash", "crash in the transaction"]),
    min_size=12,
    max_size=30,
)


def ended(log: list[Record]) -> tuple[Record, ...]:
    """Returns a log at whose end every stream falls silent, so that every window closes."""
    return (*log, *[Record(END, Quiet(stream, END)) for stream in STREAMS])


@settings(max_examples=settings().max_examples * 6)
@given(watchers(), LOGS, STEPS, st.booleans())
def test_every_window_is_found_once_whoever_crashes(
    declared: tuple[Watcher, ...], log: list[Record], steps: list[Step], compact: bool
) -> None:
    """Each window, with all of its rows and its facts, exactly once and in order, after any crashes."""
    reference = Reference(declared, ended(log))

    kafka = work(declared, reference.log, steps, compact=compact)

    for watcher in declared:
        for stream in STREAMS:
            assert kafka.windows(watcher, stream) == reference.windows(watcher, stream)


@given(watchers(), LOGS, STEPS)
def test_every_outlier_is_found_whoever_crashes(
    declared: tuple[Watcher, ...], log: list[Record], steps: list[Step]
) -> None:
    """Each row that is too large, late or not, at least once, and no other."""
    reference = Reference(declared, ended(log))

    assert work(declared, reference.log, steps, compact=False).rows_found() == reference.outliers()


@given(watchers(), LOGS, STEPS)
def test_every_dead_letter_is_kept_once_whoever_crashes(
    declared: tuple[Watcher, ...], log: list[Record], steps: list[Step]
) -> None:
    """Each event that cannot be used, exactly once, by its place in the log."""
    reference = Reference(declared, ended(log))

    assert sorted(work(declared, reference.log, steps, compact=False).dead_places()) == sorted(reference.dead())


@given(watchers(), LOGS)
def test_every_row_is_in_its_windows_or_counted_late(declared: tuple[Watcher, ...], log: list[Record]) -> None:
    """Nothing is dropped in silence: rows in windows and late pairs add up to rows times windows that contain them."""
    reference = Reference(declared, ended([*log, LAST]))
    kafka = work(declared, reference.log, [], compact=False)

    for watcher in declared:
        for stream in watcher.streams:
            usable = [
                (move.time, len(move.event.values))
                for move in reference.moves(stream)
                if move.event and move.event.half in watcher.halves and move.event.width == 1
            ]
            found = kafka.windows(watcher, stream)
            assert sum(len(window.rows) + window.late_since_last for window in found) == sum(
                count * len(watcher.containing(time)) for time, count in usable
            )
