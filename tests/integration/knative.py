"""Knative's broker, the real one: ingress, in-memory channel and trigger filter on a Kubernetes API server."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nilometer_detectors.demo.stack.processes import free_port
from tests.integration.kubernetes import KubernetesApi
from tests.integration.peers import Peer, post_event, wait_until

_TRIGGERS, _CHANNELS = "triggers.eventing.knative.dev", "inmemorychannels.messaging.knative.dev"
_READY = {"conditions": [{"type": "Ready", "status": "True"}]}


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

        def part(name: str, variable: str, env: Mapping[str, str], *arguments: str) -> Peer:
            port = free_port()
            others = {name: str(free_port()) for name in (f"{variable}_PORT_HTTPS", "PROFILING_PORT")}
            env = {**common, **env, f"{variable}_PORT": str(port), **others}
            return Peer(name, arguments, port=port, directory=directory, env=env)

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

        def noticed(reached: Callable[[], bool], wanted: str) -> None:
            wait_until(reached, f"{wanted} of {namespace}/{trigger}", self._filter.process, timeout_seconds)

        def filtering() -> bool:
            return post_event(entrance, {"type": "probe", "knativebrokerttl": "1"}, {}) < 300

        # The filter watches the API, and answers 404 until it has seen the subscriber; the old one must go first.
        if found.get("status", {}).get("subscriberUri", subscriber) != subscriber:
            self._kubernetes.patch_status(_TRIGGERS, trigger, namespace, {"subscriberUri": None})
            noticed(lambda: not filtering(), "lost the subscriber")
        self._kubernetes.patch_status(_TRIGGERS, trigger, namespace, {"subscriberUri": subscriber, **_READY})
        noticed(filtering, "got the subscriber")

        channel = f"{broker}-kne-trigger"
        generation = time.time_ns()  # the dispatcher repeats it in the status when it passes events to the subscriber
        subscribers = self._subscribers.setdefault((namespace, broker), {})
        subscribers[uid] = {"uid": uid, "generation": generation, "subscriberUri": entrance}
        self._declare_channel(channel, namespace, list(subscribers.values()))
        noticed(lambda: generation in self._dispatched(channel, namespace), "got the channel")

        url = self.url(broker, namespace)
        annotations = {"knative.dev/channelAddress": f"{self._channel.url}/{namespace}/{channel}"}
        status = {"address": {"url": url}, "annotations": annotations, **_READY}
        self._kubernetes.patch_status("brokers.eventing.knative.dev", broker, namespace, status)
        noticed(lambda: post_event(url, {"type": "probe"}, {}) < 300, "got the Broker")
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
