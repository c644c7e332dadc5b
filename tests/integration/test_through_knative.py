"""The main job by way of Knative: its broker and trigger filter stand before the logger and behind delivery."""

from collections.abc import Callable
from pathlib import Path

from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import free_port
from tests.integration.knative import KnativeBroker
from tests.integration.kubernetes import KubernetesApi
from tests.integration.peers import Agent, EventDisplay
from tests.integration.stack import (
    Stack,
    eventually,
    make_baseline,
    measurements,
    model_server,
    predict,
    read_topic,
    write_monitor,
)

DRIFT = ("{name: ks, detector: alibi.KSDrift, pValue: 0.0001, correction: bonferroni, minRows: 30}",)


def test_drift_comes_back_through_the_broker(
    kafka: EmbeddedKafka,
    topic_prefix: str,
    tmp_path: Path,
    kubernetes_api: KubernetesApi,
    peer: Callable[..., None],
) -> None:
    """KServe's logger posts to a Broker, a Trigger brings its events to us, another brings our drift to a display."""
    peer("agent", "event_display", "broker_ingress", "broker_filter", "channel_dispatcher")
    port = free_port()
    monitors = write_monitor(tmp_path, make_baseline(tmp_path), size="1s", drift=DRIFT)
    normal, shifted = measurements(200)
    with EventDisplay(tmp_path) as display, KnativeBroker(kubernetes_api, tmp_path) as knative:
        broker = knative.url("default", "story")
        with (
            Stack(kafka.bootstrap, topic_prefix, tmp_path, monitors, broker) as stack,
            model_server(tmp_path, port) as server,
        ):
            inferences = [{"prefix": {"type": "org.kubeflow.serving.inference."}}]
            drift = [{"exact": {"type": "io.nilometer.drift", "verdict": "drift"}}]
            knative.declare("inferences", subscriber=stack.url, filters=inferences, namespace="story")
            knative.declare("drift", subscriber=display.url, filters=drift, namespace="story")
            server.wait_for_port(port)
            with Agent(log_url=broker, component_port=port, directory=tmp_path) as agent:
                sent = predict(agent.url, normal, "v1", "normal")
                eventually(
                    lambda: len(read_topic(kafka.bootstrap, f"{topic_prefix}inferences")) == 2 * len(sent),
                    "every request and response of the normal phase in Kafka",
                )
                assert display.events() == []
                sent |= predict(agent.url, shifted, "v2", "shifted")
                [event, *more] = display.wait_for_events(1)
                logged = eventually(
                    lambda: (
                        (found := read_topic(kafka.bootstrap, f"{topic_prefix}inferences"))
                        and len(found) == 2 * len(sent)
                        and found
                    ),
                    "every request and response in Kafka",
                )
    assert sorted({event["id"] for event in logged}) == sorted(sent)
    wanted = {"type": "io.nilometer.drift", "verdict": "drift", "monitor": "demo/iris", "inferenceservicename": "iris"}
    assert all(wanted.items() <= found.attributes.items() for found in [event, *more])
    assert event.data["drift"] is True
