"""What the manifests give logger and worker fits what their settings let them take."""

from pathlib import Path
from typing import Any

import yaml

from nilometer_logger.settings import DeliverySettings, LoggerSettings, WorkerSettings
from nilometer_logger.worker.memory_bound import worker_memory_bound
from tests.integration.logger_faults.memory import MIB, bound
from tests.unit.monitors.test_findings import monitor_in

BASE = Path(__file__).parent.parent.parent / "manifests/base"
START_MIB = 205  # of a worker with the README's monitor, in the environment of its image
AFTER_SIGTERM_SECONDS = 2  # to leave the group of other topics, and to end


def pod(name: str) -> dict[str, Any]:
    """Returns the pod of a Deployment."""
    found = yaml.safe_load_all((BASE / f"{name}.yaml").read_text())
    [deployment] = [each for each in found if each["kind"] == "Deployment"]
    made: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return made


def test_memory_is_enough_for_all_bounds_at_once() -> None:
    """No client can have the logger killed for its memory."""
    settings = LoggerSettings()
    most = bound(settings.max_connections, settings.max_held_bytes, settings.max_held_events)
    limit = pod("logger")["containers"][0]["resources"]["limits"]["memory"]

    assert most <= int(limit.removesuffix("Mi")) * MIB


def test_memory_is_enough_for_a_worker_alone(tmp_path: Path) -> None:
    """No input can have the worker killed for its memory, whatever partitions of the topic it is given."""
    settings = WorkerSettings()
    monitor = monitor_in(tmp_path)
    most = worker_memory_bound(settings, settings.partitions, [monitor], start_bytes=START_MIB * MIB)
    limit = pod("worker")["containers"][0]["resources"]["limits"]["memory"]

    assert most.total <= int(limit.removesuffix("Gi")) * 1024 * MIB


def test_there_is_time_to_end_in_order() -> None:
    """Kubernetes waits longer than the pause before the signal, the grace and the time an event may wait for Kafka."""
    settings = LoggerSettings()
    pause = pod("logger")["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = pause + settings.grace_seconds + settings.max_held_seconds + AFTER_SIGTERM_SECONDS

    assert needed <= pod("logger")["terminationGracePeriodSeconds"]


def test_there_is_time_for_the_worker_s_last_snapshot() -> None:
    """Kubernetes waits longer than the worker does for Kafka to take what it has."""
    needed = WorkerSettings().session_seconds + AFTER_SIGTERM_SECONDS

    assert needed <= pod("worker")["terminationGracePeriodSeconds"]


def test_each_process_listens_where_its_probes_look() -> None:
    """Worker and delivery serve /healthz and /readyz on the port that Kubernetes asks, on all addresses."""
    for name, settings in (("worker", WorkerSettings()), ("delivery", DeliverySettings())):
        [container] = pod(name)["containers"]
        arguments = container["args"]
        [port] = container["ports"]
        assert arguments[arguments.index("--metrics-host") + 1] == "0.0.0.0"
        assert arguments[arguments.index("--metrics-port") + 1] == str(port["containerPort"])
        assert port["containerPort"] == settings.metrics_port
        for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            assert container[probe]["httpGet"] == {"path": path, "port": port["name"]}
