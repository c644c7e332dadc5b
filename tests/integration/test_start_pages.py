"""The start pages, followed to the letter as far as an API server goes: what they tell to type works, in their order."""

import base64
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nilometer_detectors.monitors.files.loader import load_monitors
from tests.integration import parts
from tests.integration.kubernetes import KubernetesApi
from tests.markdown import ROOT, commands, parse

Resource = dict[str, Any]
# What needs a node, a controller or a person: the commands that look at what runs.
_LOOKS = ("wait", "rollout", "logs", "run")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the pages are followed in: the manifests and the examples, as they are after a clone."""
    for name in ("manifests", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("baselines"))
    return tmp_path


def follow(page: Path, checkout: Path, api: KubernetesApi) -> None:
    """Writes the files of a page, and types its commands up to those that look at what runs.

    Raises:
        CalledProcessError: if one of them fails.
    """
    for block in parse(page)[1]:
        if block.title:
            path = checkout / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    directory = checkout
    for command in commands(page):
        words = shlex.split(command)
        if words[0] == "cd":
            directory /= words[1]
        elif words[0] == "kubectl" and words[1] == "apply":
            assert words[2] == "-k"
            api.apply(directory / words[3])
        elif words[0] == "nilometer":
            _run([sys.executable, "-m", "nilometer_detectors", *words[1:]], directory)
        elif words[0] in ("mkdir", "cp"):
            _run(words, directory)
        else:
            assert words[0] in ("kubectl", "docker"), command
            assert words[0] == "docker" or any(look in words for look in _LOOKS), command


def _run(argv: list[str], directory: Path) -> None:
    done = subprocess.run(argv, cwd=directory, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"


def rendered(folder: Path) -> list[Resource]:
    """Returns the resources of a kustomization."""
    argv = [str(parts.binary("kubectl")), "kustomize", str(folder)]
    return list(yaml.safe_load_all(subprocess.run(argv, capture_output=True, text=True, check=True).stdout))


def mounted(resources: list[Resource]) -> Iterator[tuple[str, bytes]]:
    """Yields the files of the worker's monitors, as Kubernetes would lay them out."""
    maps = {each["metadata"]["name"]: each for each in resources if each["kind"] == "ConfigMap"}
    (worker,) = (
        each for each in resources if each["kind"] == "Deployment" and each["metadata"]["name"] == "nilometer-worker"
    )
    (volume,) = (each for each in worker["spec"]["template"]["spec"]["volumes"] if each["name"] == "monitors")
    for source in volume["projected"]["sources"]:
        held = maps[source["configMap"]["name"]]
        contents = {key: text.encode() for key, text in held.get("data", {}).items()}
        contents |= {key: base64.b64decode(text) for key, text in held.get("binaryData", {}).items()}
        for item in source["configMap"].get("items", [{"key": key, "path": key} for key in contents]):
            yield item["path"], contents[item["key"]]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("page", "folder"),
    [
        ("start/knative.md", "examples/iris"),
        ("start/kubernetes.md", "my-models"),
        ("operate/deploy.md", "my-monitors"),
    ],
)
def test_whoever_follows_a_page_has_a_worker_with_a_monitor(
    kubernetes_api: KubernetesApi, checkout: Path, tmp_path: Path, page: str, folder: str
) -> None:
    """Each command works, the API server takes what is applied, and the worker finds the monitor and its baseline."""
    follow(ROOT / "docs" / page, checkout, kubernetes_api)

    for name, content in mounted(rendered(checkout / folder)):
        path = tmp_path / "mounted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (monitor,) = load_monitors(tmp_path / "mounted")
    assert monitor.name == "demo/iris"


def test_a_model_without_knative_posts_to_the_logger_and_findings_go_to_the_display(
    kubernetes_api: KubernetesApi, checkout: Path
) -> None:
    """On the page without Knative, the addresses that it tells to write are those of Services that it makes."""
    follow(ROOT / "docs/start/kubernetes.md", checkout, kubernetes_api)
    resources = rendered(checkout / "my-models")

    services = {
        f"http://{each['metadata']['name']}.{each['metadata']['namespace']}.svc.cluster.local"
        for each in resources
        if each["kind"] == "Service"
    }
    (model,) = (each for each in resources if each["kind"] == "InferenceService")
    (sink,) = (each["data"]["NILOMETER_SINK"] for each in resources if "NILOMETER_SINK" in each.get("data", {}))
    assert {model["spec"]["predictor"]["logger"]["url"], sink} <= services
