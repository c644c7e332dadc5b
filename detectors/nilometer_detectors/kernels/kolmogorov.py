"""The distribution of the two-sided one-sample Kolmogorov-Smirnov statistic, as `scipy.stats.kstwo` has it.

P(D_n >= x) by the method that Simard and L'Ecuyer ("Computing the two-sided Kolmogorov-Smirnov distribution", 2011) and
after them scipy choose by n and x: Ruben and Gambino's closed forms at both ends; the matrix method of Durbin (1968) as
Marsaglia, Tsang and Wang ("Evaluating Kolmogorov's distribution", 2003) compute it; Pomeranz' recursion ("Exact
cumulative distribution of the Kolmogorov-Smirnov statistic for small samples", 1974); Pelz and Good's expansion
("Approximating the lower tail-areas of the Kolmogorov-Smirnov one-sample statistic", 1976); twice the one-sided
probability where both sides cannot, or hardly, be exceeded together. The last is scipy's own compiled function.

The others agree with scipy's to a few units of the last place of 1 - P.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats

_EXACT = 140  # up to this n the exact methods are cheap
_BIG = 2.0**128
_SMALL = 2.0**-128
_SQRT_2PI = math.sqrt(2 * math.pi)
_PI2 = math.pi**2


def survival(sizes: NDArray[np.int64], distances: Floats) -> Floats:
    """Tells how probable a distance at least as large is.

    Args:
        sizes: n of each sample, at least 1, shape (tests,).
        distances: x of each, shape (tests,).

    Returns:
        Shape (tests,), between 0 and 1. O(n² x²) where n <= 140, hence under 0.1 ms; else O(n x³ log n) or less.
    """
    found = np.empty(len(distances))
    _survivals(sizes, distances, found)
    one_sided = np.isnan(found)
    if one_sided.any():
        import scipy.special  # noqa: PLC0415 - 9 MB that only a distance far from chance needs

        found[one_sided] = 2 * scipy.special.smirnov(sizes[one_sided], distances[one_sided])
    clipped: Floats = np.minimum(np.maximum(found, 0.0), 1.0)
    return clipped


@kernel("i8", "f8")
def _durbin(n: int, x: float) -> float:
    """P(D_n < x) = n!/nⁿ t, t the middle element of Hⁿ, where H has 2k-1 rows and k = ceil(n x). O(k³ log n)."""
    k = math.ceil(n * x)
    h = k - n * x
    m = 2 * k - 1
    inverse = np.ones(m + 1)  # 1 / j!
    for j in range(1, m + 1):
        inverse[j] = inverse[j - 1] / j
    matrix = np.zeros((m, m))
    for i in range(m):
        matrix[i, 0] = (1.0 - h ** (i + 1)) * inverse[i + 1]
        for j in range(1, min(i + 2, m)):
            matrix[i, j] = inverse[i - j + 1]
    matrix[m - 1, 0] = (1.0 + max(2 * h - 1.0, 0.0) ** m - 2 * h**m) * inverse[m]
    for j in range(m):
        matrix[m - 1, m - 1 - j] = matrix[j, 0]
    row, scale, matrix_scale = np.zeros(m), 0, 0
    row[k - 1] = 1.0
    left = n
    while left > 0:
        if left % 2:
            row = _product(row.reshape(1, m), matrix)[0]
            scale += matrix_scale
        matrix = _product(matrix, matrix)
        matrix_scale *= 2
        if abs(matrix[k - 1, k - 1]) > _BIG:
            matrix *= _SMALL
            matrix_scale += 128
        left //= 2
    found = row[k - 1]
    for i in range(1, n + 1):
        found = i * found / n
        if abs(found) < _SMALL:
            found *= _BIG
            scale -= 128
    return float(math.ldexp(found, scale))


@kernel("i8", "f8")
def _pomeranz(n: int, x: float) -> float:
    """P(D_n < x): 2n+1 convolutions of the probabilities of a band of 2 n x states with Poisson ones. O(n³ x²)."""
    t = n * x
    whole = math.floor(t)
    f = t - whole
    g = min(f, 1.0 - f)
    above = 1 if f > 0 else 0
    half = 1 if f > 0.5 else 0
    width = 2 * (whole + 1)
    powers = np.ones((3, width))  # all but the normalising factor
    for m in range(1, width):
        powers[0, m] = powers[0, m - 1] * (g / n) / m
        powers[1, m] = powers[1, m - 1] * (2 * g / n) / m
        powers[2, m] = powers[2, m - 1] * ((1 - 2 * g) / n) / m
    old, new = np.zeros(width), np.zeros(width)
    new[0] = 1.0
    scale, old_start, new_start = 0, 0, 0
    first = 0  # of the band of states: max(-whole - above + 1, 0)
    for i in range(1, 2 * n + 2):
        before = first
        old, new = new, old
        old_start, new_start = new_start, old_start
        new[:] = 0.0
        middle, even = divmod(i + 1, 2)
        if even == 1:
            first, last = middle - 2 - whole, middle + whole + half - 1
        elif middle == n + 1:
            first, last = n - whole - above - 1, n + whole + above - 1
        else:
            first, last = middle - 2 - whole - half, middle + whole + above - 2
        first, last = max(first + 2, 0), min(last, n)
        row = 0 if i in (1, 2 * n + 1) else (1 if i % 2 else 2)
        length = last - before + 1
        if length > 0:
            shift = first - before
            for m in range(length):
                power = powers[row, m]
                start = max(m, shift)
                taken = old[before - old_start + start - m : before - old_start + length - m]
                given = new[start - shift : length - shift]
                for j in range(len(taken)):
                    given[j] += taken[j] * power
            greatest = new.max()
            if 0 < greatest < _SMALL:
                new *= _BIG
                scale -= 128
            new_start = old_start + first - before
    found = new[n - new_start]
    for m in range(1, n + 1):
        if abs(found) > _BIG:
            found *= _SMALL
            scale += 128
        found *= m
    return float(math.ldexp(found, scale))


@kernel("i8", "f8")
def _pelz_good(n: int, x: float) -> float:
    """P(D_n >= x), about K0 + K1/sqrt(n) + K2/n + K3/n^1.5 away from 1, z = x sqrt(n); each a theta series. O(z)."""
    z = math.sqrt(n) * x
    z2, z3, z4, z6 = z**2, z**3, z**4, z**6
    pi2, pi4, pi6 = _PI2, math.pi**4, math.pi**6
    exponent = -pi2 / 8 / z2
    if exponent < -708:
        return 1.0
    q = math.exp(exponent)
    sums = np.zeros(4)
    terms = math.ceil(16 * z / math.pi)
    for k in range(terms, 0, -1):
        m2 = float((2 * k - 1) ** 2)
        sums *= q ** (8 * k)
        sums[0] += 1.0
        sums[1] += -z2 + pi2 / 4 * m2
        sums[2] += 6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * pi2 / 4 * m2 + pi4 * (1 - 2 * z2) / 16 * m2**2
        sums[3] += (
            (-30 * z6 - 90 * z**8)
            + pi2 * (135 * z4 - 96 * z6) / 4 * m2
            + pi4 * (-60 * z2 + 212 * z4) / 16 * m2**2
            + pi6 * (5 - 30 * z2) / 64 * m2**3
        )
    sums *= q * _SQRT_2PI
    sums[0] /= z
    sums[1] /= 6 * z4
    sums[2] /= 72 * z**7
    sums[3] /= 6480 * z**10
    q = math.exp(-pi2 / 2 / z2)
    extra2, extra3 = 0.0, 0.0
    for k in range(terms, 0, -1):
        power = q ** (k * k)
        extra2 += k * k * power
        extra3 += (3 * z2 - pi2 * k * k) * k * k * power
    sums[2] += extra2 * pi2 * _SQRT_2PI / (-36 * z3)
    sums[3] += extra3 * pi2 * _SQRT_2PI / (216 * z6)
    root = math.sqrt(n)
    return float((1.0 - sums[0]) - sums[1] / root - sums[2] / n - sums[3] / (n * root))


@kernel("f8[,]", "f8[,]")
def _product(a: Floats, b: Floats) -> Floats:
    """Multiplies matrices, row by row of `b`."""
    product = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            factor, given, taken = a[i, k], product[i], b[k]
            for j in range(len(taken)):
                given[j] += factor * taken[j]
    return product


@kernel("i8", "f8")
def _least(n: int, x: float) -> float:
    """P(D_n < x) = n! (2 x - 1/n)ⁿ for 1/2 < n x <= 1 (Ruben and Gambino)."""
    if n <= _EXACT:
        found = 1.0
        for i in range(1, n + 1):
            found *= i * (1.0 / n) * (2 * n * x - 1)
        return found
    rest = 0.0  # of Stirling's series for n!/nⁿ
    for coefficient in (-1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        rest = rest / n / n + coefficient
    return math.exp(math.log(n) / 2 - n + math.log(2 * math.pi) / 2 + rest / n + n * math.log(2 * n * x - 1))


@kernel("i8[]", "f8[]", "f8[]=")
def _survivals(sizes: NDArray[np.int64], distances: Floats, found: Floats) -> None:
    """Fills in P(D_n >= x), and NaN where it is twice the one-sided probability."""
    for at in range(len(sizes)):
        n, x = sizes[at], distances[at]
        t = n * x
        square = t * x
        if x >= 1.0:
            found[at] = 0.0
        elif t <= 0.5:
            found[at] = 1.0
        elif t <= 1.0:
            found[at] = 1.0 - _least(n, x)
        elif t >= n - 1:
            found[at] = 2 * (1.0 - x) ** n
        elif x >= 0.5:
            found[at] = np.nan
        elif n <= _EXACT:
            if square <= 0.754693:
                found[at] = 1.0 - _durbin(n, x)
            else:
                found[at] = 1.0 - _pomeranz(n, x) if square <= 4 else np.nan
        elif square >= 370.0:
            found[at] = 0.0
        elif square >= 2.2:
            found[at] = np.nan
        elif n <= 100_000 and n * x**1.5 <= 1.4:
            found[at] = 1.0 - _durbin(n, x)
        else:
            found[at] = _pelz_good(n, x)
