"""The manifests and the example, as kubectl renders them, against a real API server and against our own code."""

import base64
import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from nilometer_detectors.monitors.files.loader import load_monitors
from nilometer_logger import settings
from nilometer_logger.kafka import _security as security
from tests.integration import parts
from tests.integration.knative import KnativeBroker
from tests.integration.kubernetes import KubectlFailed, KubernetesApi
from tests.integration.peer_fixtures import Require
from tests.integration.peers import EventDisplay, post_event

ROOT = Path(__file__).parents[2]
FOLDERS = ("manifests/overlays/kubernetes", "manifests/overlays/knative", "examples/iris")
COMMANDS: Mapping[str, type[settings.Common]] = {
    "logger": settings.LoggerSettings,
    "worker": settings.WorkerSettings,
    "delivery": settings.DeliverySettings,
}

Resource = dict[str, Any]
each_folder = pytest.mark.parametrize("folder", FOLDERS)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifests and the example as one has them after the step of the example that makes the baseline."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("manifests", "examples"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("baselines"))
    (command,) = re.findall(r"^\$ nilometer (baseline .*)$", (ROOT / "docs/start/knative.md").read_text(), re.MULTILINE)
    argv = [sys.executable, "-m", "nilometer_detectors", *command.split()]
    subprocess.run(argv, cwd=root / "examples/iris", check=True)
    return root


@pytest.fixture(scope="module")
def render(peer: Require, checkout: Path) -> Callable[[str], list[Resource]]:
    """Returns a function that gives the resources of a folder."""
    peer("kubectl")

    def rendered(folder: str) -> list[Resource]:
        argv = [str(parts.binary("kubectl")), "kustomize", str(checkout / folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return list(yaml.safe_load_all(done.stdout))

    return rendered


def of_kind(resources: list[Resource], kind: str) -> dict[str, Resource]:
    """Returns the resources of a kind by their names."""
    return {resource["metadata"]["name"]: resource for resource in resources if resource["kind"] == kind}


def pods(resources: list[Resource]) -> Iterator[Resource]:
    """Yields a Pod for each pod template."""
    for name, resource in of_kind(resources, "Deployment").items():
        template = copy.deepcopy(resource["spec"]["template"])
        metadata = {**template["metadata"], "name": name, "namespace": resource["metadata"]["namespace"]}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@each_folder
@pytest.mark.timeout(120)
def test_the_api_server_accepts_every_resource(
    kubernetes_api: KubernetesApi, checkout: Path, render: Callable[[str], list[Resource]], folder: str
) -> None:
    """A cluster with KServe and Knative takes each resource, and no field of ours is unknown to it."""
    resources = render(folder)

    printed = kubernetes_api.apply(checkout / folder)

    assert printed.count("serverside-applied") == len(resources) > 0


@each_folder
@pytest.mark.timeout(120)
def test_pods_pass_the_restricted_pod_security_standard(
    kubernetes_api: KubernetesApi, render: Callable[[str], list[Resource]], folder: str
) -> None:
    """Kubernetes' own admission takes each pod where it enforces `restricted`, and refuses one that may be root."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "restricted", "labels": labels}}
    kubernetes_api.declare(namespace)
    found = list(pods(render(folder)))
    assert {"nilometer-logger", "nilometer-worker", "nilometer-delivery"} <= {pod["metadata"]["name"] for pod in found}

    for number, pod in enumerate(found):
        pod["metadata"] |= {"namespace": "restricted", "name": f"{folder.replace('/', '-')}-{number}"}
        kubernetes_api.declare(pod)

    root = found[0]
    root["metadata"]["name"] = "root"
    del root["spec"]["securityContext"]["runAsNonRoot"]
    with pytest.raises(KubectlFailed, match="runAsNonRoot"):
        kubernetes_api.declare(root)


@each_folder
def test_pods_can_do_nothing_they_need_not(render: Callable[[str], list[Resource]], folder: str) -> None:
    """Each pod is not root, has no token, a read-only file system, no capability, and bounds on what it takes."""
    for pod in pods(render(folder)):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]


@each_folder
def test_containers_say_what_the_command_line_knows(render: Callable[[str], list[Resource]], folder: str) -> None:
    """Each flag and each variable of our containers is a setting, and each process listens where probes look."""
    resources = render(folder)
    containers = {container["name"]: container for pod in pods(resources) for container in pod["spec"]["containers"]}
    given: dict[str, dict[str, Any]] = {}
    for command in COMMANDS:
        arguments = containers[command]["args"]
        assert arguments[0] == command
        parser: click.Command = import_module(f"nilometer_detectors.cli.{command}").command
        given[command] = parser.make_context(command, arguments[1:]).params

    variables = {
        variable
        for known in COMMANDS.values()
        for item in settings.declared(known)
        for variable in settings.variables(item)
    }
    for name, configuration in of_kind(resources, "ConfigMap").items():
        if not name.startswith(("nilometer-monitors", "iris-baseline")):
            assert configuration["data"].keys() <= variables

    templates = {pod["metadata"]["name"]: pod["metadata"] for pod in pods(resources)}
    for command, host, number in (
        ("logger", "host", "port"),
        ("worker", "metrics_host", "metrics_port"),
        ("delivery", "metrics_host", "metrics_port"),
    ):
        container, annotations = containers[command], templates[f"nilometer-{command}"]["annotations"]
        (port,) = container["ports"]
        assert (given[command][host], given[command][number]) == ("0.0.0.0", port["containerPort"])
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
        assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
        assert annotations["prometheus.io/port"] == str(port["containerPort"])
        assert annotations["prometheus.io/path"] == "/metrics"


@each_folder
def test_secrets_reach_every_command(render: Callable[[str], list[Resource]], folder: str) -> None:
    """A password comes as a variable and certificates as files, where there are any; without them pods start as well."""
    told = (ROOT / "manifests/base/kustomization.yaml").read_text()
    suggested = dict(re.findall(r"^#   - NILOMETER_(\w+)=(.*)$", told, re.MULTILINE))
    given = {name.lower(): value for name, value in suggested.items()}
    checked = settings.Common(**given, kafka_password="from the Secret")
    security.check(checked)

    for pod in pods(render(folder)):
        for container in pod["spec"]["containers"]:
            if container["name"] in COMMANDS:
                assert {"secretRef": {"name": "nilometer", "optional": True}} in container["envFrom"]
                (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == "kafka")
                (volume,) = (volume for volume in pod["spec"]["volumes"] if volume["name"] == "kafka")
                assert mount["readOnly"] is True
                assert Path(checked.kafka_ca_file).parent == Path(mount["mountPath"])
                assert volume["secret"] == {"secretName": "nilometer-kafka", "optional": True}


@each_folder
def test_references_meet_what_is_there(render: Callable[[str], list[Resource]], folder: str) -> None:
    """Services select pods, Triggers and the SinkBinding name a Broker and Services, and all of those are there."""
    resources = render(folder)
    templates = [pod["metadata"]["labels"].items() for pod in pods(resources)]
    services, brokers = of_kind(resources, "Service"), of_kind(resources, "Broker")
    for service in services.values():
        assert sum(service["spec"]["selector"].items() <= labels for labels in templates) == 1
    for trigger in of_kind(resources, "Trigger").values():
        assert trigger["spec"]["broker"] in brokers
        assert trigger["spec"]["subscriber"]["ref"]["name"] in services
    for binding in of_kind(resources, "SinkBinding").values():
        assert binding["spec"]["subject"]["name"] in of_kind(resources, "Deployment")
        assert binding["spec"]["sink"]["ref"]["name"] in brokers
    for service in of_kind(resources, "InferenceService").values():
        namespace, broker = service["spec"]["predictor"]["logger"]["url"].split("/")[-2:]
        assert brokers[broker]["metadata"]["namespace"] == namespace == service["metadata"]["namespace"]


def test_findings_have_one_way_out(render: Callable[[str], list[Resource]]) -> None:
    """Plain Kubernetes gives the delivery its sink; with Knative the SinkBinding does, which a setting would override."""
    for folder in FOLDERS:
        resources = render(folder)
        configured = any(
            "NILOMETER_SINK" in found.get("data", {}) for found in of_kind(resources, "ConfigMap").values()
        )
        assert configured != bool(of_kind(resources, "SinkBinding"))


def test_the_worker_of_the_example_finds_monitor_and_baseline(
    render: Callable[[str], list[Resource]], tmp_path: Path
) -> None:
    """What the worker's volume holds, as Kubernetes would lay it out, is a monitor that loads with its baseline."""
    resources = render("examples/iris")
    maps = of_kind(resources, "ConfigMap")
    spec = of_kind(resources, "Deployment")["nilometer-worker"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (volume,) = (volume for volume in spec["volumes"] if volume["name"] == "monitors")
    (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == "monitors")
    assert container["args"][:3] == ["worker", "--monitors", mount["mountPath"]]

    for source in volume["projected"]["sources"]:
        held = maps[source["configMap"]["name"]]
        contents = {key: text.encode() for key, text in held.get("data", {}).items()}
        contents |= {key: base64.b64decode(text) for key, text in held.get("binaryData", {}).items()}
        items = source["configMap"].get("items", [{"key": key, "path": key} for key in contents])
        for item in items:
            path = tmp_path / item["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents[item["key"]])

    (monitor,) = load_monitors(tmp_path)
    (service,) = of_kind(resources, "InferenceService").values()
    assert monitor.name == f"{service['metadata']['namespace']}/{service['metadata']['name']}"


@pytest.mark.timeout(180)
def test_the_triggers_of_the_example_route(
    peer: Require, kubernetes_api: KubernetesApi, checkout: Path, tmp_path: Path
) -> None:
    """Knative's broker takes inferences to the logger, drift and outliers to the display, and all else to nobody."""
    peer("broker_ingress", "broker_filter", "channel_dispatcher", "event_display")
    kubernetes_api.apply(checkout / "examples/iris")
    with (
        EventDisplay(tmp_path) as logger,
        EventDisplay(tmp_path) as display,
        KnativeBroker(kubernetes_api, tmp_path) as knative,
    ):
        url = knative.connect("nilometer-inferences", subscriber=logger.url)
        for trigger in ("nilometer-drift", "iris-outliers"):
            assert knative.connect(trigger, subscriber=display.url) == url
        iris = {"inferenceservicename": "iris"}
        for attributes in (
            {"type": "org.kubeflow.serving.inference.request", **iris},
            {"type": "org.kubeflow.serving.inference.response", **iris},
            {"type": "io.nilometer.statistics", "verdict": "ok", **iris},
            {"type": "io.nilometer.drift", "verdict": "ok", **iris},
            {"type": "io.nilometer.drift", "verdict": "drift", **iris},
            {"type": "io.nilometer.outlier", "verdict": "outlier", "inferenceservicename": "another"},
            {"type": "io.nilometer.outlier", "verdict": "outlier", **iris},
        ):
            assert post_event(url, attributes, {}) < 300
        logged, shown = logger.wait_for_events(2), display.wait_for_events(2)

    kinds = [event.attributes["type"].rpartition(".")[2] for event in (*logged, *shown)]
    assert kinds == ["request", "response", "drift", "outlier"]
    assert [event.attributes["verdict"] for event in shown] == ["drift", "outlier"]
