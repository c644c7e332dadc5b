"""What the manifests give the logger fits what its settings let it take."""

from pathlib import Path

import yaml

from nilometer_logger.settings import LoggerSettings
from tests.integration.logger_faults.memory import MIB, bound

LOGGER = Path(__file__).parent.parent.parent / "manifests/base/logger.yaml"
AFTER_SIGTERM_SECONDS = 2  # to leave the group of other topics, and to end


def pod() -> dict[str, object]:
    """Returns the pod of the logger's Deployment."""
    [deployment] = [found for found in yaml.safe_load_all(LOGGER.read_text()) if found["kind"] == "Deployment"]
    return deployment["spec"]["template"]["spec"]


def test_memory_is_enough_for_all_bounds_at_once() -> None:
    """No client can have the logger killed for its memory."""
    settings = LoggerSettings()
    most = bound(settings.max_connections, settings.max_held_bytes, settings.max_held_events)
    limit = pod()["containers"][0]["resources"]["limits"]["memory"]

    assert most <= int(limit.removesuffix("Mi")) * MIB


def test_there_is_time_to_end_in_order() -> None:
    """Kubernetes waits longer than the pause before the signal, the grace and the time an event may wait for Kafka."""
    settings = LoggerSettings()
    pause = pod()["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed = pause + settings.grace_seconds + settings.max_held_seconds + AFTER_SIGTERM_SECONDS

    assert needed <= pod()["terminationGracePeriodSeconds"]
