"""KServe's logger and Knative's broker and event display, the real ones, as context managers.

Each runs the program that `make peers` built, on a free port, with its log in a folder that the caller gives.
"""

import json
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nilometer_detectors.demo.processes import Process, ProcessFailed, free_port
from tests.integration.kubernetes import KubernetesApi
from tests.integration.parts import binary

_POLL_SECONDS = 0.05
_TRIGGERS, _CHANNELS = "triggers.eventing.knative.dev", "inmemorychannels.messaging.knative.dev"
_READY = {"conditions": [{"type": "Ready", "status": "True"}]}


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


class _Peer:
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


class Agent(_Peer):
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


class EventDisplay(_Peer):
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
        _wait_until(lambda: len(self.events(type_prefix)) >= count, wanted, self.process, timeout_seconds)
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


class KnativeBroker:
    """Knative's broker: an ingress takes events, a channel hands each to all Triggers, a filter passes what they want.

    The three programs learn of Brokers and Triggers from a Kubernetes API. No controller runs: `connect` writes what it
    would. The channel waits for the subscribers: when the ingress has answered, all of them have, and an error of
    theirs is its answer.

    Args:
        kubernetes: an API server that knows Knative's resources.
        directory: the folder for their logs.
    """

    def __init__(self, kubernetes: KubernetesApi, directory: Path) -> None:
        self._kubernetes = kubernetes
        self._stack = ExitStack()
        self._subscribers: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        common = {
            **kubernetes.environment,
            "SYSTEM_NAMESPACE": "knative-eventing",
            "POD_NAME": "test",
            "CONTAINER_NAME": "test",
            "CONFIG_LOGGING_NAME": "config-logging",
            "CONFIG_OBSERVABILITY_NAME": "config-observability",
            "METRICS_DOMAIN": "knative.dev/eventing",
        }
        connections = {"MAX_IDLE_CONNS": "1000", "MAX_IDLE_CONNS_PER_HOST": "1000"}

        def part(name: str, variable: str, env: Mapping[str, str], *arguments: str) -> _Peer:
            port = free_port()
            others = {name: str(free_port()) for name in (f"{variable}_PORT_HTTPS", "PROFILING_PORT")}
            env = {**common, **env, f"{variable}_PORT": str(port), **others}
            return _Peer(name, arguments, port=port, directory=directory, env=env)

        self._ingress = part("broker_ingress", "INGRESS", {})
        self._channel = part("channel_dispatcher", "DISPATCHER", connections, "--disable-ha")
        self._filter = part("broker_filter", "FILTER", {"NAMESPACE": "knative-eventing"})

    def url(self, broker: str, namespace: str) -> str:
        """Returns the address of a Broker: what its events are posted to, and what a SinkBinding gives as K_SINK."""
        return f"{self._ingress.url}/{namespace}/{broker}"

    def declare(
        self,
        trigger: str,
        *,
        subscriber: str,
        filters: Sequence[Mapping[str, Any]],
        broker: str = "default",
        namespace: str = "demo",
    ) -> str:
        """Makes a Trigger, and its Broker and namespace if they are not there, and connects it.

        Args:
            trigger: its name.
            subscriber: the URL that gets what passes the filters.
            filters: its `spec.filters`.
            broker: the Broker's name.
            namespace: of both.

        Returns:
            The Broker's address.
        """
        common = {"apiVersion": "eventing.knative.dev/v1"}
        spec = {"broker": broker, "filters": list(filters), "subscriber": {"uri": subscriber}}
        self._kubernetes.create_namespace(namespace)
        self._kubernetes.declare({**common, "kind": "Broker", "metadata": {"name": broker, "namespace": namespace}})
        metadata = {"name": trigger, "namespace": namespace}
        self._kubernetes.declare({**common, "kind": "Trigger", "metadata": metadata, "spec": spec})
        return self.connect(trigger, subscriber=subscriber, namespace=namespace)

    def connect(self, trigger: str, *, subscriber: str, namespace: str = "demo", timeout_seconds: float = 30) -> str:
        """Does the controller's work for a Trigger that is declared, and for its Broker.

        Args:
            trigger: the name of the Trigger; its filters must not pass an event of type `probe`.
            subscriber: the URL that its `subscriber` stands for.
            namespace: of the Trigger and its Broker.
            timeout_seconds: how long the three programs may take to notice.

        Returns:
            The Broker's address.
        """
        found = self._kubernetes.get(_TRIGGERS, trigger, namespace)
        broker, uid = str(found["spec"]["broker"]), str(found["metadata"]["uid"])
        entrance = f"{self._filter.url}/triggers/{namespace}/{trigger}/{uid}"

        def wait_until(reached: Callable[[], bool], wanted: str) -> None:
            _wait_until(reached, f"{wanted} of {namespace}/{trigger}", self._filter.process, timeout_seconds)

        def filtering() -> bool:
            return post_event(entrance, {"type": "probe", "knativebrokerttl": "1"}, {}) < 300

        # The filter watches the API, and answers 404 until it has seen the subscriber; the old one must go first.
        if found.get("status", {}).get("subscriberUri", subscriber) != subscriber:
            self._kubernetes.patch_status(_TRIGGERS, trigger, namespace, {"subscriberUri": None})
            wait_until(lambda: not filtering(), "lost the subscriber")
        self._kubernetes.patch_status(_TRIGGERS, trigger, namespace, {"subscriberUri": subscriber, **_READY})
        wait_until(filtering, "got the subscriber")

        channel = f"{broker}-kne-trigger"
        generation = time.time_ns()  # the dispatcher repeats it in the status when it passes events to the subscriber
        subscribers = self._subscribers.setdefault((namespace, broker), {})
        subscribers[uid] = {"uid": uid, "generation": generation, "subscriberUri": entrance}
        self._declare_channel(channel, namespace, list(subscribers.values()))
        wait_until(lambda: generation in self._dispatched(channel, namespace), "got the channel")

        url = self.url(broker, namespace)
        annotations = {"knative.dev/channelAddress": f"{self._channel.url}/{namespace}/{channel}"}
        status = {"address": {"url": url}, "annotations": annotations, **_READY}
        self._kubernetes.patch_status("brokers.eventing.knative.dev", broker, namespace, status)
        wait_until(lambda: post_event(url, {"type": "probe"}, {}) < 300, "got the Broker")
        return url

    def _declare_channel(self, name: str, namespace: str, subscribers: list[dict[str, Any]]) -> None:
        metadata = {"name": name, "namespace": namespace}
        resource = {"apiVersion": "messaging.knative.dev/v1", "kind": "InMemoryChannel", "metadata": metadata}
        self._kubernetes.declare({**resource, "spec": {"subscribers": subscribers}})
        seen = self._kubernetes.get(_CHANNELS, name, namespace)["metadata"]["generation"]
        address = {"url": f"http://{name}-kn-channel.{namespace}.svc.cluster.local"}
        self._kubernetes.patch_status(
            _CHANNELS, name, namespace, {"observedGeneration": seen, "address": address, **_READY}
        )

    def _dispatched(self, name: str, namespace: str) -> list[int]:
        status = self._kubernetes.get(_CHANNELS, name, namespace).get("status", {})
        return [subscriber["observedGeneration"] for subscriber in status.get("subscribers", [])]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for part in (self._ingress, self._channel, self._filter):
                stack.enter_context(part)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def _wait_until(reached: Callable[[], bool], wanted: str, process: Process, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not reached():
        if not process.running or time.monotonic() > deadline:
            raise ProcessFailed(f"{process.name} never had {wanted}; see {process.log}:\n{process.output()[-2000:]}")
        time.sleep(_POLL_SECONDS)
