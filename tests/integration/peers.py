"""KServe's logger and Knative's event display, the real ones, as context managers.

Each runs the program that `make peers` built, on a free port, with its log in a folder that the caller gives.
"""

import json
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nilometer_detectors.demo.stack.processes import Process, ProcessFailed, free_port
from tests.integration.parts import binary

_POLL_SECONDS = 0.05


def post_event(url: str, attributes: Mapping[str, str], data: Any) -> int:
    """Posts one CloudEvent in binary mode, with JSON data, and returns the HTTP status of the answer.

    Attributes that are not given are made up: `id`, `source` and `type`.
    """
    required = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/tests", "type": "test"}
    headers = {f"ce-{name}": value for name, value in {**required, **attributes}.items()}
    headers["content-type"] = "application/json"
    request = urllib.request.Request(url, json.dumps(data).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


class Peer:
    """One program and the port it listens on."""

    def __init__(
        self, name: str, arguments: Sequence[str], *, port: int, directory: Path, env: Mapping[str, str]
    ) -> None:
        self.port = port
        self.process = Process(name, [binary(name), *arguments], log=directory / f"{name}-{port}.log", env=env)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.process.start()
        try:
            self.process.wait_for_port(self.port)
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not stop(): on SIGTERM these wait half a minute for a load balancer to notice that they are going.
        self.process.kill()


class Agent(Peer):
    """KServe's agent: takes a client's requests, passes them to the model server, and logs both ways as CloudEvents.

    Args:
        log_url: where its events go: an InferenceService's `logger.url`.
        component_port: the model server's port.
        directory: the folder for its log.
        inference_service: the name that it puts into the events; likewise the three that follow.
        namespace: see above.
        component: see above.
        endpoint: see above; empty in clusters of today.
        source_uri: the events' `source`; it is this one for all models in clusters of today.
        log_mode: `request`, `response` or `all`.
        metadata_headers: headers of the client to be put into the events' `metadata`.
    """

    def __init__(
        self,
        *,
        log_url: str,
        component_port: int,
        directory: Path,
        inference_service: str = "iris",
        namespace: str = "demo",
        component: str = "predictor",
        endpoint: str = "",
        source_uri: str = "http://localhost:9081/",
        log_mode: str = "all",
        metadata_headers: Sequence[str] = (),
    ) -> None:
        port = free_port()
        arguments = [
            f"--port={port}",
            f"--component-port={component_port}",
            f"--log-url={log_url}",
            f"--log-mode={log_mode}",
            f"--source-uri={source_uri}",
            f"--inference-service={inference_service}",
            f"--namespace={namespace}",
            f"--component={component}",
            f"--endpoint={endpoint}",
            *(f"--metadata-headers={header}" for header in metadata_headers),
        ]
        probe = {"tcpSocket": {"host": "127.0.0.1", "port": component_port}}
        env = {"SERVING_READINESS_PROBE": json.dumps(probe), "CONTAINER_CONCURRENCY": "0"}
        super().__init__("agent", arguments, port=port, directory=directory, env=env)


@dataclass(frozen=True)
class DisplayedEvent:
    """An event as event_display printed it: context attributes and extensions by name, and the data.

    The data is a parsed value if the event's content type is JSON, else the text as it was printed.
    """

    attributes: dict[str, str]
    data: Any


class EventDisplay(Peer):
    """Knative's event_display: prints each event that it gets.

    Args:
        directory: the folder for what it prints.
    """

    def __init__(self, directory: Path) -> None:
        port = free_port()
        env = {"PORT": str(port), "K_OBSERVABILITY_CONFIG": "{}"}
        super().__init__("event_display", [], port=port, directory=directory, env=env)

    def events(self, type_prefix: str = "") -> list[DisplayedEvent]:
        """Returns the events printed up to now, whose type starts with a text."""
        return [event for event in displayed(self.text()) if event.attributes.get("type", "").startswith(type_prefix)]

    def text(self) -> str:
        """Returns what it printed, as a person reads it."""
        return self.process.output()

    def wait_for_events(
        self, count: int = 1, *, type_prefix: str = "", timeout_seconds: float = 60
    ) -> list[DisplayedEvent]:
        """Waits until at least so many events were printed, and returns all there are.

        Raises:
            ProcessFailed: if they are not there when the time has passed.
        """
        wanted = f"{count} events of type {type_prefix}*"
        wait_until(lambda: len(self.events(type_prefix)) >= count, wanted, self.process, timeout_seconds)
        return self.events(type_prefix)


def displayed(text: str) -> list[DisplayedEvent]:
    """Parses what event_display printed; an event that is not printed to its end is left out."""
    events = []
    for printed in text.split("☁️  cloudevents.Event\n")[1:]:
        head, _, rest = printed.partition("Data,\n")
        names = re.findall(r"^  ([a-z0-9]+): (.*)$", head, re.MULTILINE)
        attributes = dict(names)
        data: Any = rest.strip() if rest else None
        if rest and "json" in attributes.get("datacontenttype", ""):
            try:
                data, _ = json.JSONDecoder().raw_decode(rest.lstrip())
            except json.JSONDecodeError:
                continue
        events.append(DisplayedEvent(attributes, data))
    return events


def wait_until(reached: Callable[[], bool], wanted: str, process: Process, timeout_seconds: float) -> None:
    """Waits until something is so.

    Raises:
        ProcessFailed: if the process ends, or the time passes, before that; the message says what was wanted.
    """
    deadline = time.monotonic() + timeout_seconds
    while not reached():
        if not process.running or time.monotonic() > deadline:
            raise ProcessFailed(f"{process.name} never had {wanted}; see {process.log}:\n{process.output()[-2000:]}")
        time.sleep(_POLL_SECONDS)
