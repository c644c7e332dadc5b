"""Which records an owned partition takes, whose log it takes them from, and when a snapshot of it is due."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from nilometer_logger.engine.snapshots import read
from nilometer_logger.errors import StateError, UnavailableError
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.worker.counters import WorkerCounters
from nilometer_logger.worker.fetcher import OffsetOutOfRange
from nilometer_logger.worker.owned_partition import OwnedPartition
from tests.unit.engine.counting import Counting
from tests.unit.ingest.journal.clock import settle
from tests.unit.logged import batch, event

TOPIC = ("ab", 3)


def owning(act: Callable[[OwnedPartition], Awaitable[None] | None]) -> None:
    """Hands over a partition whose state is at offset 7 of topic "ab" with 3 partitions; Kafka is never asked."""

    async def own() -> None:
        owned = OwnedPartition(WorkerSettings(), "group", 0, [Counting()], WorkerCounters())
        owned.state.apply([batch(7, event(5, 1.0))])
        owned.state.topic = ("ab", 3)
        owned.following = 8
        owned.state.take()
        try:
            if waiting := act(owned):
                await waiting
        finally:
            await owned.close()

    asyncio.run(own())


def test_records_that_the_state_includes_are_passed_over() -> None:
    """Nothing counts twice, whatever is handed over."""

    def act(owned: OwnedPartition) -> None:
        records = [batch(offset, event(5, 1.0, id=f"{offset}")) for offset in range(5, 10)]
        list(owned.steps(records))
        assert owned.state.offset == 9
        assert sum(found.rows for found in owned.state.counters()) == 1 + len([8, 9])

        list(owned.steps(records))
        assert sum(found.rows for found in owned.state.counters()) == 1 + len([8, 9])

    owning(act)


@pytest.mark.parametrize(
    ("out_of_range", "event", "following"),
    [
        (OffsetOutOfRange(0, wanted=8, beginning=20, end=30), "records expired unread", 20),
        (OffsetOutOfRange(0, wanted=8, beginning=0, end=3), "records lost", 3),
    ],
)
def test_records_that_are_gone_are_told(out_of_range: OffsetOutOfRange, event: str, following: int) -> None:
    """Nobody can bring them back: a line and a metric say how many, and reading goes on where the log has records."""

    def act(owned: OwnedPartition) -> None:
        with capture_logs() as lines:
            owned.go_on_from(out_of_range, TOPIC)
        [line] = lines
        records = abs(following - 8)
        assert (line["event"], line["log_level"], line["records"]) == (event, "error", records)
        assert owned.following == following
        assert owned._counters.lost == {0: records}

    owning(act)


@pytest.mark.parametrize(
    "out_of_range",
    [OffsetOutOfRange(0, wanted=8, beginning=20, end=30), OffsetOutOfRange(0, wanted=8, beginning=0, end=3)],
)
def test_records_behind_a_gap_are_taken_in(out_of_range: OffsetOutOfRange) -> None:
    """Behind a log's new end, offsets are given again: the state goes back to them, and a snapshot says so at once."""

    def act(owned: OwnedPartition) -> None:
        owned.go_on_from(out_of_range, TOPIC)
        assert owned.is_due(float("-inf"), 3600)
        assert read(owned.state.take().changes).offset == owned.following - 1
        assert not owned.is_due(float("-inf"), 3600)

        list(owned.steps([batch(owned.following, event(6, 1.0, id="behind"))]))
        assert sum(found.rows for found in owned.state.counters()) == 2

    owning(act)


def test_an_empty_state_begins_where_the_log_begins() -> None:
    """Records that nobody has promised to read are no loss."""

    async def begin() -> None:
        owned = OwnedPartition(WorkerSettings(), "group", 0, [Counting()], WorkerCounters())
        with capture_logs() as lines:
            owned.go_on_from(OffsetOutOfRange(0, wanted=0, beginning=20, end=30), TOPIC)
        assert owned.following == 20
        assert not lines
        await owned.close()

    asyncio.run(begin())


@pytest.mark.parametrize(("noted", "topic"), [(TOPIC, None), (None, TOPIC)])
def test_a_log_that_ends_before_the_state_is_refused(
    noted: tuple[str, int] | None, topic: tuple[str, int] | None
) -> None:
    """It may be another log, where Kafka or the state does not say whose it is; the message says what to delete."""

    def act(owned: OwnedPartition) -> None:
        owned.state.topic = noted
        with pytest.raises(StateError, match=r"at offset 7, but .* ends at 3: it was created anew; delete topic state"):
            owned.go_on_from(OffsetOutOfRange(0, wanted=8, beginning=0, end=3), topic)

    owning(act)


def test_a_log_that_was_created_anew_is_no_gap() -> None:
    """A topic with another id has lost nothing: it is refused before anything else is said of it."""

    def act(owned: OwnedPartition) -> None:
        with pytest.raises(StateError, match="it was created anew"):
            owned.go_on_from(OffsetOutOfRange(0, wanted=8, beginning=0, end=3), ("cd", 3))
        assert not owned._counters.lost

    owning(act)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        (("cd", 3), "another topic inferences than the one that is there: it was created anew; delete topic state"),
        (("ab", 4), "inferences has 4 partitions, and had 3 .* delete topic state"),
    ],
)
def test_a_state_of_another_topic_is_refused(topic: tuple[str, int], reason: str) -> None:
    """Its offsets mean other records, and with other partitions streams lie elsewhere."""

    def act(owned: OwnedPartition) -> None:
        with pytest.raises(StateError, match=reason):
            owned.check(topic)

    owning(act)


@pytest.mark.parametrize("before", [None, ("ab", 3)])
def test_the_state_takes_note_of_its_topic(before: tuple[str, int] | None) -> None:
    """A state that was written before there was such a note gets one."""

    def act(owned: OwnedPartition) -> None:
        owned.state.topic = before
        owned.check(("ab", 3))
        assert owned.state.topic == ("ab", 3)

    owning(act)


def test_a_kafka_that_knows_no_ids_is_believed() -> None:
    """Where nothing can be told apart, nothing is refused, and the note stays."""

    def act(owned: OwnedPartition) -> None:
        owned.check(None)
        assert owned.state.topic == ("ab", 3)

    owning(act)


@pytest.mark.parametrize(("end", "now", "expected"), [(8, 101.0, True), (9, 101.0, False), (8, 160.0, False)])
def test_a_partition_is_at_its_end_only_if_kafka_said_so_just_now(end: int, now: float, *, expected: bool) -> None:
    """Neither a backlog nor an answer of long ago says that a stream is silent."""

    def act(owned: OwnedPartition) -> None:
        owned.end, owned.answered = end, 100.0
        assert owned.is_at_end(now) is expected

    owning(act)


def test_findings_on_rows_wait_while_many_are_on_their_way() -> None:
    """A Kafka that is slow to acknowledge slows the reading, and not the memory's growth alone."""

    async def act(owned: OwnedPartition) -> None:
        acknowledged = asyncio.Event()

        async def finding() -> None:
            await acknowledged.wait()

        async def read() -> None:
            for _ in range(100):
                await owned.leave(finding())

        reading = asyncio.create_task(read())
        await settle()
        assert len(owned._leaving) == 9
        acknowledged.set()
        await reading
        assert len(owned._leaving) <= 100

    owning(act)


def test_no_snapshot_is_due_where_nothing_was_read() -> None:
    """An idle partition writes nothing, however long it has been."""

    def act(owned: OwnedPartition) -> None:
        assert not owned.is_due(float("inf"), 0)

    owning(act)


def test_a_snapshot_is_due_when_patience_ends() -> None:
    """Rows may wait for company, but not for ever."""

    def act(owned: OwnedPartition) -> None:
        owned.state.apply([batch(8, event(6, 1.0))])

        assert not owned.is_due(float("-inf"), 1)
        assert owned.is_due(float("inf"), 1)

    owning(act)


def test_a_snapshot_is_due_at_once_for_findings() -> None:
    """Somebody waits for a window that has closed."""

    def act(owned: OwnedPartition) -> None:
        owned.state.apply([batch(8, event(16, 1.0))])

        assert owned.is_due(float("-inf"), 3600)

    owning(act)


def test_a_snapshot_that_never_ends_does_not_keep_a_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka may not answer any more; who takes the partition away waits a moment, and no task is left behind."""
    monkeypatch.setattr("nilometer_logger.worker.owned_partition._LAST_WORDS_SECONDS", 0.01)

    async def act(owned: OwnedPartition) -> None:
        before = asyncio.all_tasks()

        async def never(*_: object) -> None:
            await asyncio.Event().wait()

        owned._write = never  # type: ignore[method-assign]
        list(owned.steps([batch(8, event(6, 1.0))]))
        snapshot = asyncio.create_task(owned.snapshot())
        await settle()
        await owned.close()

        with pytest.raises(UnavailableError, match="partition 0 was let go"):
            await snapshot
        assert asyncio.all_tasks() == before

    owning(act)
