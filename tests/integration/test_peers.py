"""The real parts by themselves, before anything of ours stands between them."""

import json
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest

from tests.integration.knative import KnativeBroker
from tests.integration.kubernetes import KubectlFailed, KubernetesApi
from tests.integration.peer_fixtures import Require
from tests.integration.peers import Agent, DisplayedEvent, EventDisplay, displayed, post_event

DRIFT = "io.nilometer.drift"
PREDICTIONS = {"predictions": [0]}

PRINTED = """\
2026/11/23 21:00:00 a line of its own log
☁️  cloudevents.Event
Context Attributes,
  specversion: 1.0
  type: io.nilometer.drift
  source: /monitors/iris
  id: 1
  time: 2026-11-23T20:00:00.5Z
  datacontenttype: application/json
Extensions,
  verdict: drift
Data,
  {
    "drift": true,
    "features": {
      "a: b": 1
    }
  }
☁️  cloudevents.Event
Context Attributes,
  specversion: 1.0
  type: text
  source: /s
  id: 2
  datacontenttype: text/plain
Data,
  as it came
☁️  cloudevents.Event
Context Attributes,
  type: io.nilometer.drift
  datacontenttype: application/json
Data,
  {
    "drift":
"""


@dataclass
class HttpServer:
    """A server on the loopback interface that keeps each request and gives always the same answer."""

    answer: bytes = b""
    requests: "Queue[tuple[dict[str, str], bytes]]" = field(default_factory=Queue)
    port: int = 0

    @contextmanager
    def running(self) -> Iterator["HttpServer"]:
        """Serves until the context is left."""
        requests, answer = self.requests, self.answer

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                requests.put(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Prints nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_port
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield self
            server.shutdown()


def test_printed_events_become_values() -> None:
    """What event_display prints is read back: attributes, extensions and data; a half-printed event is not there yet."""
    first, second = displayed(PRINTED)

    assert first == DisplayedEvent(
        attributes={
            "specversion": "1.0",
            "type": DRIFT,
            "source": "/monitors/iris",
            "id": "1",
            "time": "2026-11-23T20:00:00.5Z",
            "datacontenttype": "application/json",
            "verdict": "drift",
        },
        data={"drift": True, "features": {"a: b": 1}},
    )
    assert second.data == "as it came"


@pytest.mark.timeout(60)
def test_event_displays_run_side_by_side(peer: Require, tmp_path: Path) -> None:
    """Two event displays run at once, and each prints only what was posted to it."""
    peer("event_display")
    with EventDisplay(tmp_path) as first, EventDisplay(tmp_path) as second:
        assert post_event(first.url, {"type": DRIFT, "verdict": "drift"}, {"distance": 0.5}) == 200
        assert post_event(second.url, {"type": "another"}, {}) == 200

        (event,) = first.wait_for_events(type_prefix=DRIFT)
        second.wait_for_events()

        assert (event.attributes["verdict"], event.data) == ("drift", {"distance": 0.5})
        assert len(first.events()) == len(second.events()) == 1


@pytest.mark.timeout(60)
def test_the_agent_logs_a_request_and_its_response(peer: Require, tmp_path: Path) -> None:
    """KServe's agent passes a request on, and reports it and its answer as two events with one id and the raw bodies."""
    peer("agent")
    request = json.dumps({"instances": [[5.1, 3.5, 1.4, 0.2]]}).encode()
    response = json.dumps(PREDICTIONS).encode()
    with HttpServer(response).running() as model, HttpServer().running() as sink:
        log_url = f"http://127.0.0.1:{sink.port}/"

        def agent(metadata_headers: Sequence[str] = ()) -> Agent:
            return Agent(
                log_url=log_url, component_port=model.port, directory=tmp_path, metadata_headers=metadata_headers
            )

        with agent(metadata_headers=["X-Request-Id"]) as first, agent():
            url = f"{first.url}/v1/models/iris:predict"
            headers = {"content-type": "application/json", "x-request-id": "abc"}
            with urllib.request.urlopen(urllib.request.Request(url, request, headers), timeout=10) as answer:
                assert json.load(answer) == PREDICTIONS
            events = [sink.requests.get(timeout=10) for _ in range(2)]

    logged = {headers["ce-type"]: (headers, body) for headers, body in events}
    asked, asked_body = logged["org.kubeflow.serving.inference.request"]
    answered, answered_body = logged["org.kubeflow.serving.inference.response"]
    assert (asked_body, answered_body) == (request, response)
    assert asked["ce-id"] == answered["ce-id"]
    assert json.loads(asked["ce-metadata"]) == {"X-Request-Id": ["abc"]}
    for headers in asked, answered:
        assert headers["ce-inferenceservicename"] == "iris"
        assert (headers["ce-namespace"], headers["ce-component"]) == ("demo", "predictor")
        assert headers["ce-endpoint"] == ""


@pytest.mark.timeout(120)
def test_the_broker_passes_what_the_triggers_filter(
    peer: Require, kubernetes_api: KubernetesApi, tmp_path: Path
) -> None:
    """Of the events posted to a Broker, each Trigger's subscriber gets those that pass its filter, and no others."""
    peer("broker_ingress", "broker_filter", "channel_dispatcher", "event_display")
    with (
        EventDisplay(tmp_path) as drifts,
        EventDisplay(tmp_path) as inferences,
        KnativeBroker(kubernetes_api, tmp_path) as knative,
    ):
        url = knative.declare("drift", subscriber=drifts.url, filters=[{"exact": {"type": DRIFT}}])
        prefix = {"prefix": {"type": "org.kubeflow.serving.inference."}}
        assert knative.declare("inferences", subscriber=inferences.url, filters=[prefix]) == url
        kinds = [DRIFT, "io.nilometer.statistics", DRIFT, "org.kubeflow.serving.inference.request"]
        for number, kind in enumerate(kinds):
            assert post_event(url, {"type": kind, "id": str(number), "verdict": "drift"}, {"rows": number}) < 300

        # The broker answers after the subscribers have: nothing is on its way any more.
        found, logged = drifts.wait_for_events(2), inferences.wait_for_events(1)

    assert [(event.attributes["id"], event.data) for event in found] == [("0", {"rows": 0}), ("2", {"rows": 2})]
    assert {event.attributes["verdict"] for event in found} == {"drift"}
    assert [event.attributes["id"] for event in logged] == ["3"]


@pytest.mark.timeout(120)
def test_a_trigger_can_be_connected_anew(peer: Require, kubernetes_api: KubernetesApi, tmp_path: Path) -> None:
    """Another test's broker, on the same API server, delivers to its own subscriber and not to one that is gone."""
    peer("broker_ingress", "broker_filter", "channel_dispatcher", "event_display")
    for number in range(2):
        with EventDisplay(tmp_path) as display, KnativeBroker(kubernetes_api, tmp_path) as knative:
            url = knative.declare(
                "anew", subscriber=display.url, filters=[{"exact": {"type": DRIFT}}], namespace="anew"
            )
            assert post_event(url, {"type": DRIFT, "id": str(number)}, {}) < 300
            assert [event.attributes["id"] for event in display.wait_for_events()] == [str(number)]


@pytest.mark.timeout(120)
def test_the_api_server_knows_fields(kubernetes_api: KubernetesApi, tmp_path: Path) -> None:
    """A manifest with a field that KServe does not have is refused, and the message names the field."""
    kubernetes_api.create_namespace("strict")
    manifest = tmp_path / "inferenceservice.yaml"
    text = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: iris, namespace: strict}
spec:
  predictor:
    logger: {mode: all, url: "http://logger"}
    model: {modelFormat: {name: sklearn}, storageUri: "pvc://models/iris"}
"""
    manifest.write_text(text.replace("url:", "uri:"))
    with pytest.raises(KubectlFailed, match=r"spec\.predictor\.logger\.uri"):
        kubernetes_api.apply(manifest)

    manifest.write_text(text)
    assert "serverside-applied" in kubernetes_api.apply(manifest)
