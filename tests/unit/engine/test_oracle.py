"""The real event-time code and a slow, obvious one agree on every log that hypothesis thinks of.

Disorder, lateness, repeated ids, duplicates, requests without an answer, quiet gaps, several streams and monitors,
tumbling and sliding windows and windows of rows, what cannot be decoded, times from the future, records that are lost, monitors that
start, end and change; and workers that take in any number of records at once, that crash after any of them, whose transactions
fail, whose findings are lost, and that go on after they were thought to be dead. `HYPOTHESIS_PROFILE=thorough` tries
more, and tells how many logs it has tried.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_logger.times import SECOND
from tests.unit.engine.reference import (
    FOREVER,
    Configure,
    Event,
    ExpirePending,
    Idle,
    Life,
    Lost,
    Record,
    Reference,
    Watcher,
    Window,
)
from tests.unit.engine.simulated import Kafka, Kind, Step, work

pytestmark = pytest.mark.timeout(6 * 3600)  # for the thorough profile

STREAMS = ("a", "b")
NAMES = ("demo/0", "demo/1", "demo/2")
END = 10_000  # after every window of every log
KINDS: tuple[Kind, ...] = get_args(Kind)
BOTH = frozenset({"request", "response"})
ONE_BY_ONE = [Step("go on", 1)] * 100

HALVES = st.sampled_from(["request", "response"])
STREAM = st.sampled_from(["a", "a", "a", "b"])
VALUES = st.lists(st.integers(-5, 5) | st.just(999), min_size=1, max_size=3).map(tuple)
# Times stand from where the log is, which goes on from record to record.
TIMES = st.one_of(st.integers(-10, 3), st.integers(-30, 10), st.sampled_from([0, -5, -70, 25]), st.none())
EVENTS = st.builds(
    Event,
    stream=STREAM,
    half=HALVES,
    id=st.sampled_from(["1", "2", "3", "always the same"]),
    time=TIMES,
    values=st.integers(0, 9).flatmap(lambda number: VALUES if number else st.just(())),
    width=st.sampled_from([1] * 9 + [2]),
    broken=st.sampled_from([False] * 14 + [True]),
)
HELD = {
    "events": st.lists(EVENTS, min_size=1, max_size=6).map(tuple),
    "lost": st.builds(Lost),
    "quiet": st.builds(Idle, stream=STREAM, time=st.integers(-20, 20) | st.sampled_from([27, 2**32])),
    "give up": st.builds(ExpirePending, stream=STREAM, arrival=st.integers(-20, 0) | st.sampled_from([27, 2**32])),
    "configure": st.builds(
        Configure,
        st.tuples(*[st.sampled_from(["1", "1", "1", "2", "2", "lost", ""])] * len(NAMES)).map(
            lambda digests: tuple((name, digest) for name, digest in zip(NAMES, digests, strict=True) if digest)
        ),
    ),
}
TRAFFIC = ("events",) * 8 + ("quiet", "give up")
ANYTHING = (*TRAFFIC, "configure", "lost")
STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([kind for kind in KINDS if kind not in ("change", "expire")]),
        st.integers(1, 4),
        st.integers(0, 3),
    ),
    min_size=12,
    max_size=30,
)
CHANGING = st.lists(
    st.builds(
        Step,
        st.sampled_from([kind for kind in (*KINDS, "change", "snapshot") if kind != "expire"]),
        st.integers(1, 4),
        st.integers(0, 2),
    ),
    min_size=12,
    max_size=30,
)

EXPIRING = st.lists(
    st.builds(Step, st.sampled_from([*KINDS[:6], "expire"]), st.integers(1, 4), st.integers(0, 3)),
    min_size=12,
    max_size=30,
)

# An event of each stream and half, so late that with its window all late rows are told.
LAST = Record(
    END, tuple(Event(stream, half, "last", END - 100, (0,)) for stream in STREAMS for half in ("request", "response"))
)

_tried: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _count(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Tells how many logs were tried."""
    yield
    count = _tried[request.node.name.partition("[")[0]]
    record_property("logs tried", count)
    if count and settings().max_examples > 1000:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{request.node.name}: {count} logs tried")  # noqa: T201 - the long form's report


@st.composite
def _watchers(draw: st.DrawFn) -> tuple[Watcher, ...]:
    """Makes some monitors, each in two declarations."""
    found = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        for digest in ("1", "2"):
            size = draw(st.integers(1, 25))
            watcher = Watcher(
                name=name,
                digest=digest,
                size=size,
                slide=draw(st.just(size) | st.integers(-(-size // 6), size)),
                delay=draw(st.sampled_from([0, 0, 1, 3, 8, 15])),
                offset=draw(st.integers(0, 7)),
                count=draw(st.sampled_from([0, 0, 0, 0, 1, 3, 5])),
                wants_late=draw(st.booleans()),
                halves=draw(st.sampled_from([{"request"}, {"response"}, {"request", "response"}]).map(frozenset)),
                streams=draw(st.sampled_from([{"a"}, {"a"}, {"a", "b"}, {"b"}]).map(frozenset)),
            )
            found.append(watcher)
    return tuple(found)


def _placed(
    now: int, holds: Event | Idle | ExpirePending | Configure | Lost
) -> Event | Idle | ExpirePending | Configure | Lost:
    """Puts times to where the log is."""
    if isinstance(holds, ExpirePending):
        return holds._replace(arrival=now + holds.arrival)
    if isinstance(holds, Configure | Lost) or holds.time is None:
        return holds
    return holds._replace(time=now + holds.time)


@st.composite
def _logs(draw: st.DrawFn, kinds: Sequence[str]) -> list[Record]:
    """Makes a log, in which some events come again."""
    log: list[Record] = []
    now = 50
    for _ in range(draw(st.integers(3, 12))):
        now += draw(st.sampled_from([0, 1, 3, 8, 8, 30]))
        holds = draw(HELD[draw(st.sampled_from(kinds))])
        holds = tuple(_placed(now, event) for event in holds) if type(holds) is tuple else _placed(now, holds)
        log.append(Record(now + draw(st.sampled_from([0, 0, 0, -6, 2])), holds))
    with_events = [number for number, record in enumerate(log) if record.events]
    if with_events:
        for source, target in draw(st.lists(st.tuples(*[st.sampled_from(with_events)] * 2), max_size=4)):
            again = draw(st.sampled_from(log[source].events))
            log[target] = log[target]._replace(holds=(*log[target].events, again))
    return log


@st.composite
def references(draw: st.DrawFn, kinds: Sequence[str] = ANYTHING, last: tuple[Record, ...] = ()) -> Reference:
    """Makes a log and all that it depends on what it means.

    At its end the input ends, or every stream falls silent, so that every window closes.
    """
    watchers = draw(_watchers())
    log = draw(_logs(kinds))
    is_drained = draw(st.booleans())
    silence = [] if is_drained else [Record(END, Idle(stream, END)) for stream in STREAMS]
    return Reference(
        watchers,
        (*log, *last, *silence),
        tuple(watcher for watcher in watchers if watcher.digest == "1"),
        pairing=draw(st.sampled_from([FOREVER, FOREVER, 30, 5])),
        remembered=draw(st.sampled_from([FOREVER, FOREVER, FOREVER, 8, 16])),
        is_drained=is_drained,
    )


def check(kafka: Kafka, reference: Reference) -> None:
    """Compares every window of every monitor, in order."""
    for watcher in reference.watchers:
        for stream in STREAMS:
            found, expected = kafka.windows(watcher, stream), reference.windows(watcher, stream)
            assert [_sure(window) for window in found] == [_sure(window) for window in expected]
            for window, wanted in zip(found, expected, strict=True):
                if window.unanswered is None or wanted.unanswered is None:
                    assert window.unanswered == wanted.unanswered
                else:
                    assert wanted.unanswered[0] <= window.unanswered[0] <= wanted.unanswered[1]


def _sure(window: Window) -> Window:
    return window._replace(unanswered=None)


def _try(name: str, reference: Reference, steps: list[Step], *, compact: bool = False, **bounds: int) -> Kafka:
    _tried[name] += 1
    return work(reference, steps, compact=compact, **bounds)


@given(references(), STEPS, st.booleans())
def test_every_window_is_found_once_whoever_crashes(reference: Reference, steps: list[Step], compact: bool) -> None:
    """Each window, with all of its rows and its facts, exactly once and in order, after any crashes."""
    name = "test_every_window_is_found_once_whoever_crashes"

    check(_try(name, reference, steps, compact=compact), reference)


@given(references(), STEPS)
def test_a_window_is_the_same_to_the_bit_whoever_crashes(reference: Reference, steps: list[Step]) -> None:
    """And however many records are taken in at once."""
    name = "test_a_window_is_the_same_to_the_bit_whoever_crashes"
    alone = work(reference, ONE_BY_ONE)

    kafka = _try(name, reference, steps)

    for watcher in reference.watchers:
        for stream in STREAMS:
            assert kafka.told(watcher, stream) == alone.told(watcher, stream)


@settings(max_examples=settings().max_examples // 6)  # each of some fifty runs
@given(references())
def test_every_crash_at_every_record(reference: Reference) -> None:
    """One crash of every kind, after each record of a log, whatever was committed before."""
    name = "test_every_crash_at_every_record"
    for record in range(len(reference.log)):
        for kind in KINDS[2:6]:
            before = [Step("snapshot" if number % 2 else "go on", 1) for number in range(record)]
            check(_try(name, reference, [*before, Step(kind, 1, 2)]), reference)


@given(references(), CHANGING)
def test_a_monitor_that_was_changed_begins_where_the_state_stands(reference: Reference, steps: list[Step]) -> None:
    """Where nobody can go on with the old one; the windows of all others are as they would have been."""
    name = "test_a_monitor_that_was_changed_begins_where_the_state_stands"

    kafka = _try(name, reference, steps)

    check(kafka, reference.with_changes(kafka.changed))


@given(references(), EXPIRING)
def test_records_that_are_lost_are_told_by_the_windows_that_may_miss_them(
    reference: Reference, steps: list[Step]
) -> None:
    """Whatever a worker had read of them without writing it down; and every other window is as it would have been."""
    name = "test_records_that_are_lost_are_told_by_the_windows_that_may_miss_them"

    kafka = _try(name, reference, steps)

    check(kafka, reference.without(kafka.lost))


@given(references(), EXPIRING, st.integers(1, 40), st.booleans())
def test_a_stream_that_was_dormant_is_as_if_it_had_never_been_away(
    reference: Reference, steps: list[Step], idle: int, compact: bool
) -> None:
    """Whenever it comes again, whoever restored it meanwhile, whatever was lost or changed: every window, every fact."""
    name = "test_a_stream_that_was_dormant_is_as_if_it_had_never_been_away"

    kafka = _try(name, reference, steps, compact=compact, idle=idle * SECOND)

    check(kafka, reference.without(kafka.lost))


@given(
    references(),
    STEPS,
    st.integers(1, 40),
    st.integers(1, 2),
    st.sampled_from([0, 300, 500]),
    st.sampled_from([1, 9000, 12_000, 2**60]),
)
def test_who_is_dormant_forgotten_or_refused_the_log_decides(  # noqa: PLR0917 - each bound is one more
    reference: Reference, steps: list[Step], idle: int, streams: int, dormant_bytes: int, window_bytes: int
) -> None:
    """The same windows and the same letters, to the bit, whoever crashes and however many records are read at once."""
    name = "test_who_is_dormant_forgotten_or_refused_the_log_decides"
    bounds = {
        "idle": idle * SECOND,
        "streams": streams,
        "dormant_bytes": dormant_bytes,
        "window_bytes": window_bytes,
    }
    alone = work(reference, ONE_BY_ONE, **bounds)

    kafka = _try(name, reference, steps, **bounds)

    assert [kafka.told(each, stream) for each in reference.watchers for stream in STREAMS] == [
        alone.told(each, stream) for each in reference.watchers for stream in STREAMS
    ]
    assert sorted(kafka.dead_places()) == sorted(alone.dead_places())


@given(references(), STEPS)
def test_every_outlier_is_found_whoever_crashes(reference: Reference, steps: list[Step]) -> None:
    """Each row that is too large, late or not, at least once, and no other."""
    name = "test_every_outlier_is_found_whoever_crashes"

    assert _try(name, reference, steps).rows_found() == reference.outliers()


@given(references(), STEPS)
def test_every_message_is_kept_once_whoever_crashes(reference: Reference, steps: list[Step]) -> None:
    """Each event that cannot be used, and each that is late for a monitor that asks for these, exactly once."""
    name = "test_every_message_is_kept_once_whoever_crashes"

    kafka = _try(name, reference, steps)

    assert sorted(kafka.dead_places()) == sorted(reference.dead())
    assert Counter(kafka.late()) == Counter(reference.late())


@given(references(TRAFFIC, (LAST,)), STEPS)
def test_every_row_is_in_its_windows_or_counted_late(reference: Reference, steps: list[Step]) -> None:
    """Nothing is dropped in silence: rows in windows and late pairs add up, and all duplicates are told."""
    name = "test_every_row_is_in_its_windows_or_counted_late"
    reference = replace(reference, is_drained=True)
    kafka = _try(name, reference, steps)

    for watcher in reference.first:
        for stream in watcher.streams:
            life = Life(-1, FOREVER)
            usable = [
                (move.time, len(move.event.values))
                for move in reference.moves(stream, life)
                if move.event and watcher.fits(move.event)
            ]
            found = kafka.windows(watcher, stream)
            assert sum(len(window.rows) + sum(window.late_by) for window in found) == sum(
                count * (1 if watcher.count else len(watcher.containing(time))) for time, count in usable
            )
            assert sum(window.duplicates for window in found) == len(reference.duplicates(stream, life))


EVERY_SECOND = Watcher("demo/0", "1", 1, 1, 0, 0, 0, wants_late=False, halves=BOTH, streams=frozenset({"a"}))
OF_ANOTHER_STREAM = replace(EVERY_SECOND, digest="2", streams=frozenset({"b"}))


def _case(*log: Record) -> Reference:
    """Returns what a log means to a monitor of stream a, which may be replaced by one of stream b."""
    return Reference((EVERY_SECOND, OF_ANOTHER_STREAM), log, (EVERY_SECOND,))


@pytest.mark.parametrize("kind", ["go on", "snapshot and crash"])
def test_silence_before_the_first_event_moves_no_clock(kind: Kind) -> None:
    """A stream that has only shown what holds no rows is none, whether or not a worker has met it."""
    reference = _case(
        Record(50, (Event("a", "request", "1", 50, ()),)),
        Record(50, Idle("a", 55)),
        Record(50, (Event("a", "request", "1", 50, (1,)),)),
        Record(60, Idle("a", 60)),
    )

    check(work(reference, [Step(kind, 1)]), reference)


def test_what_has_met_is_not_waiting_again_in_another_life() -> None:
    """Halves that met just before their stream was watched no longer are gone from the state."""
    reference = _case(
        Record(50, (Event("a", "request", "1", 55, (1,)),)),
        Record(50, (Event("a", "response", "1", 55, (1,)),)),
        Record(50, Configure((("demo/0", "2"),))),
        Record(50, Configure((("demo/0", "1"),))),
        Record(50, (Event("a", "response", "2", 55, (1,)), Event("a", "request", "2", 55, (1,)))),
        Record(60, Idle("a", 60)),
    )

    check(work(reference, [Step("snapshot", 1), Step("snapshot", 2), Step("snapshot and crash", 2)]), reference)
