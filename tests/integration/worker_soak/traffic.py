"""Random hostile and random wide traffic, drawn by hypothesis from a seed: always the same for the same seed.

The kinds are in `kinds`; here they are drawn, numbered and written as requests.
"""

import base64
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from nilometer_logger.times import SECOND, format_time
from tests.integration.worker_soak.kinds import KINDS, Drawn


@dataclass
class Request:
    """A request to the logger, and the numbers of the events in it."""

    headers: dict[str, str]
    body: bytes
    events: Sequence[tuple[int, Drawn]]
    answers: list[int] = field(default_factory=list)


def drawn(each: int, number: int) -> list[Drawn]:
    """Draws so many events of each kind, from a seed, in an order that is drawn as well."""
    found = [one for place, strategy in enumerate(KINDS) for one in _drawn(each, number + place, strategy)]
    random.Random(number).shuffle(found)
    return found


def _drawn(count: int, number: int, strategy: st.SearchStrategy[Drawn]) -> list[Drawn]:
    found: list[Drawn] = []

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy, st.integers(0, 2**62))
    def collect(
        one: Drawn, _: int
    ) -> None:  # the number keeps hypothesis from ending when it has seen all that there is
        found.append(one)

    collect()
    return found[:count]


def requests(events: Sequence[Drawn], first: int = 0) -> list[Request]:
    """Numbers events, from some number on, and writes their requests, with times of this moment."""
    made, number = [], first
    for event in events:
        numbered = [(number + place, event) for place in range(event.together)]
        number += event.together
        made.append(_request(numbered, time.time_ns()))
    return made


def one_batch(events: Sequence[Drawn], first: int = 0) -> Request:
    """Writes one request in batch mode with several events, which have the same body."""
    return _request(list(enumerate(events, first)), time.time_ns())


def number_of(event_id: str) -> int:
    """Tells the number of an event by its id, however much of the id is left."""
    return int(event_id.partition(".")[0])


def _request(events: Sequence[tuple[int, Drawn]], now: int) -> Request:
    _, first = events[0]
    attributes = [_attributes(number, event, now) for number, event in events]
    if first.mode == "binary":
        headers = {f"ce-{name}": value for name, value in attributes[0].items()}
        return Request({**headers, "content-type": first.content_type}, first.body, events)
    documents = [{**each, **_data(first.body)} for each in attributes]
    if first.mode == "structured":
        return Request({"content-type": "application/cloudevents+json"}, json.dumps(documents[0]).encode(), events)
    return Request({"content-type": "application/cloudevents-batch+json"}, json.dumps(documents).encode(), events)


def _data(body: bytes) -> dict[str, Any]:
    try:
        return {"data": json.loads(body)}
    except ValueError:
        return {"data_base64": base64.b64encode(body).decode()}


def _attributes(number: int, event: Drawn, now: int) -> dict[str, str]:
    attributes = {
        "specversion": "1.0",
        "id": f"{number}.{event.id_tail}",
        "source": "http://localhost:9081/",
        "type": event.type,
        "namespace": event.namespace,
        "inferenceservicename": event.service,
        "component": event.component,
        "endpoint": event.endpoint,
    }
    if event.time:
        attributes["time"] = event.time
    elif event.offset_seconds is not None:
        attributes["time"] = format_time(now + int(event.offset_seconds * SECOND))
    return attributes
