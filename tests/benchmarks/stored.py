"""What a logger's topic holds after a run: whether everything acknowledged is there, and in how many records."""

from dataclasses import dataclass

from nilometer_logger.cloudevents import BATCH_CONTENT_TYPE, decode_batch
from tests.integration.reading import records_of

_BATCH = ("content-type", BATCH_CONTENT_TYPE.encode())


@dataclass(frozen=True)
class Stored:
    """The batch records of a topic.

    Attributes:
        records: how many.
        value_bytes: of all of them.
        ids: of all their events, in no order.
    """

    records: int
    value_bytes: int
    ids: list[str]

    @property
    def events_a_record(self) -> float:
        """How many events share a record's cost."""
        return len(self.ids) / self.records

    def missing(self, acknowledged: set[str]) -> int:
        """Counts the events that were acknowledged and are not there."""
        return len(acknowledged.difference(self.ids))

    def repeated(self) -> int:
        """Counts the events that are there more than once."""
        return len(self.ids) - len(set(self.ids))


def read(kafka: str, topic: str) -> Stored:
    """Reads the batch records of a topic, from its beginning to its present end; the bare produce's are none."""
    values = [record.value for record in records_of(kafka, topic) if _BATCH in record.headers]
    ids = [event["id"] for value in values for event in decode_batch(value)]
    return Stored(len(values), sum(map(len, values)), ids)
