"""Which records an owned partition takes, and when a snapshot of it is due."""

import asyncio
from collections.abc import Callable

import pytest

from nilometer_logger.errors import UnavailableError
from nilometer_logger.ownership import Owned
from nilometer_logger.settings import WorkerSettings
from tests.unit.eventtime.counting import Counting
from tests.unit.logged import batch, event


def owning(act: Callable[[Owned], None]) -> None:
    """Hands over a partition whose state is at offset 7; Kafka is never asked."""

    async def own() -> None:
        owned = Owned(WorkerSettings(), "group", 0, [Counting()])
        owned.state.apply(batch(7, event(5, 1.0)))
        owned.state.take()
        try:
            act(owned)
        finally:
            await owned.close()

    asyncio.run(own())


def test_records_that_the_state_includes_are_passed_over() -> None:
    """A consumer may be set back to an older offset; nothing counts twice."""

    def act(owned: Owned) -> None:
        assert [offset for offset in range(10) if owned.expects(offset)] == [8, 9]

    owning(act)


def test_a_gap_is_never_passed_over() -> None:
    """Records that were not handed over are lost if the worker goes on, so it must start again."""

    def act(owned: Owned) -> None:
        assert owned.expects(8)
        with pytest.raises(UnavailableError, match="partition 0: 2 records before offset 11 were not handed over"):
            owned.expects(11)

    owning(act)


def test_no_snapshot_is_due_where_nothing_was_read() -> None:
    """An idle partition writes nothing, however long it has been."""

    def act(owned: Owned) -> None:
        assert not owned.is_due(float("inf"), 0)

    owning(act)


def test_a_snapshot_is_due_when_patience_ends() -> None:
    """Rows may wait for company, but not for ever."""

    def act(owned: Owned) -> None:
        owned.state.apply(batch(8, event(6, 1.0)))

        assert not owned.is_due(float("-inf"), 1)
        assert owned.is_due(float("inf"), 1)

    owning(act)


def test_a_snapshot_is_due_at_once_for_findings() -> None:
    """Somebody waits for a window that has closed."""

    def act(owned: Owned) -> None:
        owned.state.apply(batch(8, event(16, 1.0)))

        assert owned.is_due(float("-inf"), 3600)

    owning(act)
