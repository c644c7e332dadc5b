"""What the worker has told the log already: a record that it wrote is on its way, and is not written again meanwhile."""

from collections.abc import Hashable, Iterator

from nilometer_logger.engine.punctuation import Configure, ExpirePending, Idle, Punctuation

AGAIN_SECONDS = 5.0
_MOST_BYTES = 256 * 1024
_TIME_BYTES = 16  # of a time and the headers of MessagePack


class PendingPunctuation:
    """What was told of one partition."""

    def __init__(self) -> None:
        self._told: dict[Hashable, float] = {}

    def due(self, wanted: list[Punctuation], now: float, *, is_at_end: bool) -> Iterator[Punctuation]:
        """Yields what should be written now, and takes it as written.

        Args:
            wanted: what the log does not say yet.
            now: in seconds, of a clock that only goes forwards.
            is_at_end: whether the partition has just been read to its end. Only then do silence and waiting mean
                anything: a backlog or an outage closes nothing early.
        """
        self._told = {key: told for key, told in self._told.items() if told > now - AGAIN_SECONDS}
        for each in wanted:
            match each:
                case Configure(monitors):
                    if self._is_new(("configure", *sorted(monitors.items())), now):
                        yield each
                case Idle(clocks) if is_at_end:
                    fresh = {key: time for key, time in clocks.items() if self._is_new(("quiet", key), now)}
                    yield from map(Idle, _small(fresh))
                case ExpirePending(streams) if is_at_end:
                    fresh = {key: time for key, time in streams.items() if self._is_new(("give up", key), now)}
                    yield from map(ExpirePending, _small(fresh))

    def _is_new(self, key: Hashable, now: float) -> bool:
        return self._told.setdefault(key, now) == now


def _small(times: dict[str, int]) -> Iterator[dict[str, int]]:
    """Cuts what is said of many streams into records that Kafka takes."""
    some: dict[str, int] = {}
    size = 0
    for stream, time in times.items():
        added = len(stream.encode()) + _TIME_BYTES
        if some and size + added > _MOST_BYTES:
            yield some
            some, size = {}, 0
        some[stream] = time
        size += added
    if some:
        yield some
