"""A logger to abuse, and what is expected of it whatever is done to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.logger_faults import memory
from tests.integration.logger_faults.loggers import Logger
from tests.integration.logger_faults.report import Record
from tests.integration.logger_faults.traffic import Traffic

READ_SECONDS = 2
IDLE_SECONDS = 2
MOST_CONNECTIONS = 700
MOST_STREAMS = 100
LONGEST_LINE = 1000
VICTIM_FLAGS = [
    *("--read-seconds", READ_SECONDS),
    *("--idle-seconds", IDLE_SECONDS),
    *("--max-connections", MOST_CONNECTIONS),
    *("--metric-streams", MOST_STREAMS),
]


class Victim:
    """A running logger.

    Args:
        logger: that is abused.
        record: takes the row of each abuse.
    """

    def __init__(self, logger: Logger, record: Record) -> None:
        self.logger = logger
        self.port = logger.port
        self._record = record

    def metric(self, sample: str) -> float:
        """Returns the value of a sample of /metrics."""
        return self.logger.metric(sample)

    @contextmanager
    def abused(self, how: str, times: int, services: int = 16) -> Iterator[Traffic]:
        """Lasts as long as the abuse; normal traffic, which it gives, goes on beside it.

        Afterwards the logger is the same process, all traffic was answered 200 and is in Kafka, memory stayed under
        its bound, and its log holds nothing unforeseen and no line of a client's length.
        """
        logger, pid = self.logger, self.logger.process.pid
        memory.forget(pid)
        said = len(logger.log())
        with Traffic(logger.port, clients=4, name=how.replace(" ", "-"), services=services) as traffic:
            traffic.wait(more=20)
            yield traffic
            traffic.wait(more=20)
        logger.process.check()
        assert logger.process.pid == pid
        row = logger.account(how, times, traffic)
        row.peak = memory.peak(pid)
        row.bound = memory.bound(MOST_CONNECTIONS)
        self._record(row)
        assert row.kept
        assert (set(traffic.answers), traffic.unanswered, traffic.torn) == ({200}, 0, 0)
        log = logger.log()[said:]
        assert "Traceback" not in log
        assert max(map(len, log.splitlines()), default=0) < LONGEST_LINE
