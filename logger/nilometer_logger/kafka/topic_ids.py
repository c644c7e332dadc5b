"""The id of a topic: what tells one that was created anew from the one that it replaced.

Kafka gives every topic an id of its own, and keeps it as long as the topic is there; a name, and offsets within it, may
be another topic's tomorrow. The client knows no ids, so the request that asks for them is spelled out here: Metadata in
version 10 of the protocol, which every Kafka since 2.8 speaks.
"""

import uuid
from io import BytesIO

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from nilometer_logger.errors import UnavailableError

_NO_ID = uuid.UUID(int=0)
_TEXT = CompactString("utf-8")


class _Uuid(AbstractType):
    """Sixteen bytes."""

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


class _MetadataResponse(Response):
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), ("tags", TaggedFields)),
        ),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _TEXT),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("in_sync", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataStruct]):
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        # An id of zeros says that the topic is asked for by its name.
        return request_struct_class([(_NO_ID, self._topic, {})], False, False, False, {})


async def topic_of(client: AIOKafkaClient, topic: str) -> tuple[str, int] | None:
    """Asks Kafka for a topic's id, and how many partitions it has.

    Args:
        client: that has been started.
        topic: prefix and all; it is not created by being asked for.

    Returns:
        The id in hexadecimal digits, and the number; None from a Kafka that knows no ids.

    Raises:
        KafkaError: if Kafka does not answer.
        UnavailableError: if there is no such topic.
    """
    try:
        reply = await client.send(client.get_random_node(), _MetadataRequest(topic))
    except NotImplementedError:  # what the client raises where no version of a request is spoken by both
        return None
    [(code, _name, found, _is_internal, partitions, *_)] = reply.topics
    error = for_code(code)
    if error is UnknownTopicOrPartitionError:
        raise UnavailableError(f"there is no topic {topic} in Kafka")
    if code:
        raise error(topic)
    return None if found == _NO_ID else (found.hex, len(partitions))
