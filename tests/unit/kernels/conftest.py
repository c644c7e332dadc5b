"""alibi-detect, where it is installed."""

import warnings
from typing import Any

import pytest


@pytest.fixture(scope="session")
def alibi() -> Any:
    """Its drift detectors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its dependencies deprecate is not ours to mend
        return pytest.importorskip("alibi_detect.cd", reason="alibi-detect is not installed: nothing to compare with")
