"""References and samples as features have them: continuous, rounded, float32, integers; many, few and single values."""

from collections.abc import Iterator

import numpy as np

from nilometer_logger.rows import Floats

KINDS = ("continuous", "rounded", "float32", "integers")


def pairs(
    count: int, seed: int, least: int = 1, most: int = 1000, reference: int = 5000
) -> Iterator[tuple[Floats, Floats]]:
    """Yields references of 2 values and more, and samples that may be shifted; kinds take turns, sizes are drawn log-uniform."""
    random = np.random.default_rng(seed)
    for at in range(count):
        n = int(np.exp(random.uniform(np.log(max(2, least)), np.log(reference + 1))))
        m = int(np.exp(random.uniform(np.log(least), np.log(most + 1))))
        shift = random.choice([0.0, 0.2, 1.0])
        values, sample = random.normal(size=n), random.normal(size=m) + shift
        kind = KINDS[at % len(KINDS)]
        yield made(values, kind), made(sample, kind)


def made(values: Floats, kind: str) -> Floats:
    """Turns normal values into values of a kind."""
    if kind == "rounded":
        return np.round(values, 1)
    if kind == "float32":
        return values.astype(np.float32).astype(np.float64)
    return np.floor(3 * values) if kind == "integers" else values
