"""The recorded inferences of a time span, out of Kafka into a file of JSON lines.

A baseline reads its data twice and must find the same both times, whatever Kafka deletes meanwhile; so the events of one
stream are copied first. An event is of the span if its own time is, as in a window; where the log must be read from is
told by the arrival of its records, before which no event's time lies further than the worker allows.
"""

from pathlib import Path

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from nilometer_detectors.apps.events import events_of, reader, to_json_line
from nilometer_detectors.baselines.sources import is_of
from nilometer_logger import topics
from nilometer_logger.cloudevents.kserve import facts_of, half_of, stream_text, time_of
from nilometer_logger.errors import EventError, SettingError
from nilometer_logger.settings import Common, WorkerSettings
from nilometer_logger.times import SECOND, format_time

_log = structlog.get_logger("nilometer.baseline")
_POLL_MILLISECONDS = 300
_MILLISECOND = SECOND // 1000


async def copy(settings: Common, stream: str, begin: int, end: int, path: Path) -> int:
    """Copies the events of a stream.

    Args:
        settings: where Kafka is.
        stream: ``NAMESPACE/INFERENCESERVICE/COMPONENT/ENDPOINT``, or its beginning.
        begin: the first time that counts, in nanoseconds.
        end: the first after it that does not.
        path: of the file to write.

    Returns:
        How many were copied.

    Raises:
        SettingError: if there is no topic, or nothing in it of that stream and span.
        UnavailableError: if Kafka cannot be reached.
    """
    topic = settings.topic_prefix + topics.INFERENCES
    copied = 0
    async with reader(settings, topic, beginning=True) as consumer:
        await _seek(consumer, begin)
        ends = await consumer.end_offsets(consumer.assignment())
        with path.open("w", encoding="utf-8") as file:
            while any([await consumer.position(partition) < offset for partition, offset in ends.items()]):
                batches = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS)
                for record in (record for records in batches.values() for record in records):
                    for line in _lines(record, stream, begin, end):
                        file.write(f"{line}\n")
                        copied += 1
    if not copied:
        span = f"from {format_time(begin)} to {format_time(end)}"
        raise SettingError(
            f"topic {topic} holds no inference of {stream} {span}: look with nilometer events inferences"
        )
    return copied


async def _seek(consumer: AIOKafkaConsumer, begin: int) -> None:
    """Goes to the first records that may hold an event of the span."""
    earliest = max(0, begin - int(WorkerSettings().future_seconds * SECOND)) // _MILLISECOND
    found = await consumer.offsets_for_times(dict.fromkeys(consumer.assignment(), earliest))
    for partition, place in found.items():
        if place is None:  # all of its records came earlier
            await consumer.seek_to_end(partition)
        else:
            consumer.seek(partition, place.offset)


def _lines(record: ConsumerRecord, stream: str, begin: int, end: int) -> list[str]:
    try:
        events = list(events_of(record))
    except EventError as error:
        _log.warning("record passed over", partition=record.partition, offset=record.offset, reason=str(error))
        return []
    lines = []
    for event in events:
        attributes = event.attributes
        time = time_of(attributes)
        time = record.timestamp * _MILLISECOND if time is None else time
        if half_of(attributes) and begin <= time < end and is_of(stream_text(facts_of(attributes)), stream):
            lines.append(to_json_line(event))
    return lines
