"""The online Cramér-von Mises statistic beside alibi-detect's."""

from typing import Any

import numpy as np
import pytest

from tests.unit.drift.test_cvm_online import statistics_of
from tests.unit.kernels.cases import KINDS, made


@pytest.mark.parametrize("kind", KINDS)
def test_the_statistic_is_that_of_alibi_detect(alibi: Any, kind: str) -> None:
    """After every row each window's statistic is alibi-detect's to its float32, ties included."""
    random = np.random.default_rng(1)
    reference, values = made(random.normal(size=60), kind), made(random.normal(0.5, 1, size=80), kind)
    theirs = alibi.CVMDriftOnline(reference[:, None], ert=20, window_sizes=[5, 12], n_bootstraps=1000, verbose=False)
    expected = np.array([theirs.score(value[None])[:, 0] for value in values])
    for place, window in enumerate((5, 12)):
        found = statistics_of(reference, [window], values)
        assert found == pytest.approx(np.maximum(0.0, np.nan_to_num(expected[:, place])), rel=1e-6, abs=1e-6)
