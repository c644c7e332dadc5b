"""The Faust app: Faust is asked for a consumer group and its assignments, and kept from all else that it can do."""

from functools import partial
from typing import Any

import faust

from nilometer_logger.kafka import connection
from nilometer_logger.settings import WorkerSettings
from nilometer_logger.worker.fetcher import Fetcher, Reads


class _App(faust.App):
    """An app that keeps nothing on disk, so that a container's root file system can be read-only."""

    def _create_directories(self) -> None:
        """Makes no directories: they would be for tables on disk, and there are none."""


def make_app(settings: WorkerSettings, group: str, topic: str, reads: Reads) -> faust.App:
    """Makes an app whose share of a topic goes, in bulk, to another.

    Args:
        settings: of the worker.
        group: the consumer group.
        topic: prefix and all.
        reads: who takes the records.
    """
    app = _App(
        group,
        broker=";".join(f"kafka://{server.strip()}" for server in settings.kafka.split(",")),
        broker_credentials=credentials(connection(settings)),
        value_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=settings.session_seconds / 5,
    )
    app.transport.Fetcher = partial(Fetcher, reads=reads, topic=topic)
    # Without an agent, nobody acknowledges to Faust; it must not wait for that.
    app.topics.add(app.topic(topic, value_type=bytes, value_serializer="raw", acks=False))
    return app


def credentials(given: dict[str, Any]) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """Makes what Faust gives to its own clients of what ours are given."""
    tls = given.get("ssl_context")
    if "sasl_mechanism" in given:
        user, password = given["sasl_plain_username"], given["sasl_plain_password"]
        return faust.SASLCredentials(
            mechanism=given["sasl_mechanism"], username=user, password=password, ssl_context=tls
        )
    return None if tls is None else faust.SSLCredentials(tls)
