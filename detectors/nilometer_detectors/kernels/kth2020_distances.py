"""The distances between histograms as the thesis of 2020 has them in its code, mistakes included.

"Scalable Architecture for Automating Machine Learning Model Monitoring" (de la Rúa Martínez, KTH, 2020), its detectors
`wasserstein`, `kullbackLeibler` and `jensenShannon`: for monitors that are to go on with its thresholds. What to know:

* a histogram holds what lies in the baseline's bins and nothing else, so a window of which nothing does has no shares:
  Wasserstein is NaN, which no threshold finds large, and the others are 0;
* a baseline without any count above 1 is taken for shares as it is;
* terms with a share below 1e-11 are left out, so KL misses what is new, and may be negative.

`distances` has none of that.
"""

import numpy as np

from nilometer_logger.rows import Floats

_LEAST = 1e-11


def wasserstein(baseline: Floats, counts: Floats) -> float:
    """Measures Σ |P - Q|, of the cumulated shares.

    Args:
        baseline: counts or shares, shape (bins,), in the order of the bins' lower bounds.
        counts: of the window, shape (bins,).

    Returns:
        In bins, 0 to bins - 1; NaN for a window of nothing. O(bins).
    """
    q, p = _shares(baseline, counts)
    return float(np.sum(np.abs(np.cumsum(p) - np.cumsum(q))))


def kullback_leibler(baseline: Floats, counts: Floats) -> float:
    """Measures Σ p ln(p / q), p of the window.

    Args:
        baseline: counts or shares, shape (bins,).
        counts: of the window, shape (bins,).

    Returns:
        Nats; 0 for a window of nothing. O(bins).
    """
    q, p = _shares(baseline, counts)
    return _divergence(p, q)


def jensen_shannon(baseline: Floats, counts: Floats) -> float:
    """Measures KL(p, m)/2 + KL(q, m)/2 with m = (p + q)/2.

    Args:
        baseline: counts or shares, shape (bins,).
        counts: of the window, shape (bins,).

    Returns:
        Nats, 0 to ln 2; 0 for a window of nothing. O(bins).
    """
    q, p = _shares(baseline, counts)
    middle = (p + q) / 2
    return (_divergence(p, middle) + _divergence(q, middle)) / 2


def _shares(baseline: Floats, counts: Floats) -> tuple[Floats, Floats]:
    total = np.sum(counts)
    observed = counts / total if total > 0 else np.full(len(counts), np.nan)
    return (baseline if np.max(baseline) <= 1.0 else baseline / np.sum(baseline)), observed


def _divergence(p: Floats, q: Floats) -> float:
    kept = (p >= _LEAST) & (q >= _LEAST)
    return float(np.sum(p[kept] * np.log(p[kept] / q[kept])))
