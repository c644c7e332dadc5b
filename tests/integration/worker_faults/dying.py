"""`nilometer worker`, but it dies at a named point of a row's way; see `tests.integration.dying`."""

from collections.abc import Sequence
from typing import Any

from aiokafka.producer.sender import EndTxnHandler, TxnOffsetCommitHandler
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import EndTxnRequest

from nilometer_logger import topics
from nilometer_logger.engine.outbox import Outbox
from nilometer_logger.engine.partition import PartitionState
from tests.integration.dying import Pass, Points, after, before, in_flight, run


def _applied(here: Pass) -> None:
    """Records were taken in and an outlier was found; nobody but this process knows."""

    def passed(found: Sequence[Any]) -> None:
        if found:
            here()

    after(Outbox, "take_outliers", passed)


def _outlier_in_flight(here: Pass) -> None:
    """An outlier was given to the socket, outside of any transaction; Kafka has not said that it has it."""
    in_flight(here, lambda request: isinstance(request, ProduceRequest) and _is_of(request, topics.OUTLIERS))


def _is_of(request: ProduceRequest, topic: str) -> bool:
    return any(name.endswith(topic) for name, _ in request._topics)


def _records_sent(here: Pass) -> None:
    """A transaction was begun and some of its records were sent."""
    in_flight(here, lambda request: isinstance(request, ProduceRequest) and request._transactional_id is not None)


def _offsets_sent(here: Pass) -> None:
    """All that a transaction holds is in Kafka, the input's offset as the last; it was not committed."""
    before(TxnOffsetCommitHandler, "handle_response", lambda *_: here())


def _commit_in_flight(here: Pass) -> None:
    """The commit was given to the socket; whether it counts, nobody knows."""
    in_flight(here, lambda request: isinstance(request, EndTxnRequest))


def _commit_unseen(here: Pass) -> None:
    """Kafka has committed and has said so; its answer was not looked at."""
    before(EndTxnHandler, "handle_response", lambda *_: here())


def _restoring(here: Pass) -> None:
    """The former owner was fenced and the state was read; it was not taken up."""
    before(PartitionState, "restore", lambda *_: here())


POINTS: Points = {
    "commit answered, unseen": _commit_unseen,
    "applied, nothing produced": _applied,
    "records sent, not committed": _records_sent,
    "outlier unacknowledged": _outlier_in_flight,
    "offsets sent, not committed": _offsets_sent,
    "restoring": _restoring,
    "commit in flight": _commit_in_flight,
}

if __name__ == "__main__":
    run(POINTS)
