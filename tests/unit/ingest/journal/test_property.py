"""Whatever happens in whatever order: every promise is kept, and nothing is held in the end."""

import asyncio
from itertools import count
from typing import Any

from aiokafka.errors import MessageSizeTooLargeError
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from nilometer_logger.errors import TooLargeError, UnavailableError
from tests.unit.ingest.journal.clock import run, settle, until
from tests.unit.ingest.journal.kafka import PARTITIONS, TRANSIENT, Kafka, journal, sized

PARTITION = st.integers(0, PARTITIONS - 1)
SIZE = st.integers(300, 1100)
REFUSALS = st.sampled_from([TRANSIENT, MessageSizeTooLargeError("too large"), RuntimeError("a bug")])
STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(st.tuples(PARTITION, SIZE), min_size=1, max_size=1)),
    st.tuples(st.just("batch"), st.lists(st.tuples(PARTITION, SIZE), max_size=5)),
    st.tuples(st.just("acknowledge"), PARTITION),
    st.tuples(st.just("refuse"), st.tuples(PARTITION, REFUSALS)),
    st.tuples(st.just("wait"), st.sampled_from([0.0005, 0.003, 0.5, 3.0])),
    st.tuples(st.just("leave"), st.integers(0, 50)),
)
SETTINGS = {"max_held_events": 12, "max_held_bytes": 6000, "max_held_seconds": 2.0, "max_linger_seconds": 0.003}


class Story:
    """A journal, what was asked of it, and what was answered."""

    def __init__(self) -> None:
        self.kafka = Kafka(max_record_bytes=1000)
        self.journal = journal(self.kafka, **SETTINGS)
        self.asked: list[tuple[list[str], asyncio.Future[Any]]] = []
        self.refused: list[str] = []
        self._names = count()

    async def step(self, kind: str, what: Any) -> None:
        """Does one thing."""
        match kind:
            case "append" | "batch":
                self._append([sized(next(self._names), size, partition) for partition, size in what], kind)
            case "acknowledge" if what in self.kafka.in_flight:
                self.kafka.acknowledge(what)
            case "refuse" if what[0] in self.kafka.in_flight:
                self.kafka.refuse(what[1], what[0])
            case "wait":
                await until(asyncio.get_running_loop().time() + what)
            case "leave" if what < len(self.asked):
                self.asked[what][1].cancel()
        await settle()
        assert self.journal.held_events <= SETTINGS["max_held_events"]
        assert self.journal.held_bytes <= SETTINGS["max_held_bytes"]

    def _append(self, events: list[Any], kind: str) -> None:
        ids = [event["id"] for event in events]
        if kind == "batch":
            self.asked.append((ids, asyncio.ensure_future(self.journal.append_all(events))))
            return
        try:
            self.asked.append((ids, self.journal.append(events[0])))
        except (TooLargeError, UnavailableError):
            self.refused += ids

    async def end(self) -> None:
        """Acknowledges whatever is still to come, until nothing is."""
        while self.journal.held_events:
            await until(asyncio.get_running_loop().time() + 0.01)
            for partition in list(self.kafka.in_flight):
                self.kafka.acknowledge(partition)
            await settle()


@given(st.lists(STEP, max_size=60))
def test_every_promise_is_kept(steps: list[tuple[str, Any]]) -> None:
    """All that was promised is in Kafka, once and in order; everybody was told something; nothing is held."""

    async def test() -> None:
        story = Story()
        for kind, what in steps:
            await story.step(kind, what)
        await story.end()
        await settle()

        assert (story.journal.held_events, story.journal.held_bytes) == (0, 0)
        taken = {name for ids in story.kafka.taken for name in ids}
        assert taken.isdisjoint(story.refused)
        for ids, done in story.asked:
            assert done.done()
            if not done.cancelled() and done.exception() is None:
                assert set(ids) <= taken
            elif not done.cancelled():
                assert isinstance(done.exception(), TooLargeError | UnavailableError)
        for ids in story.kafka.taken:
            assert ids == sorted(set(ids), key=int)

    with capture_logs():
        run(test())
