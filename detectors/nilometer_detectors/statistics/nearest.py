"""Times of two sides are paired, the nearest first."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush


def nearest(left: Sequence[int], right: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs times: the two that are nearest, then the two that are nearest among the others, until one side is used up.

    The nearest two of different sides are neighbours in the order of time of all that are left, so only neighbours are
    looked at: O(n log n). Of pairs that are equally near, the earlier one is taken.

    Args:
        left: ascending.
        right: ascending.

    Returns:
        The places of each pair, in the order of the left ones.
    """
    line = sorted(
        [(time, 0, place) for place, time in enumerate(left)] + [(time, 1, place) for place, time in enumerate(right)]
    )
    before, after = list(range(-1, len(line) - 1)), list(range(1, len(line) + 1))
    gone = [False] * len(line)

    def gap(one: int, other: int) -> list[tuple[int, int, int]]:
        inside = one >= 0 and other < len(line)
        return [(line[other][0] - line[one][0], one, other)] if inside and line[one][1] != line[other][1] else []

    gaps = [found for one in range(len(line)) for found in gap(one, one + 1)]
    heapify(gaps)
    pairs = []
    while gaps:
        _, one, other = heappop(gaps)
        if gone[one] or gone[other]:
            continue
        gone[one] = gone[other] = True
        first, second = sorted((line[one], line[other]), key=lambda told: told[1])
        pairs.append((first[2], second[2]))
        outer, next_ = before[one], after[other]
        if outer >= 0:
            after[outer] = next_
        if next_ < len(line):
            before[next_] = outer
        for found in gap(outer, next_):
            heappush(gaps, found)
    return sorted(pairs)
