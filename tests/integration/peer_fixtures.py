"""pytest fixtures for the parts written in Go: a test that needs one says so, and is skipped where it is not built.

Under `CI=true` a missing part is a failure: there, a skipped test would be a promise that nobody keeps.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import parts
from tests.integration.kubernetes import KubernetesApi

Require = Callable[..., None]


@pytest.fixture(scope="session")
def peer() -> Require:
    """Returns `peer(*names)`, which skips the test with the reason when one of the named parts is not built."""

    def require(*names: str) -> None:
        if reason := parts.missing(*names):
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)

    return require


@pytest.fixture(scope="session")
def kubernetes_api(peer: Require) -> Iterator[KubernetesApi]:
    """A real Kubernetes API server for the whole session, which knows KServe's and Knative's resources."""
    peer(*parts.KUBERNETES)
    with tempfile.TemporaryDirectory(prefix="nilometer-test-kubernetes-") as folder, KubernetesApi(Path(folder)) as api:
        api.install_kserve()
        api.install_knative()
        yield api
