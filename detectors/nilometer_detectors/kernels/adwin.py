"""ADWIN of many columns at once: windows that are as long as their values are alike.

Source: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SIAM SDM 2007, algorithm ADWIN2.
A window is kept as buckets of 1, 2, 4, … values, some of each size, of which only the sum and the sum of squared
deviations are known. What is compared, when, and with what bound is river's, so that the same stream has the same
alarms.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nilometer_detectors.kernels._jit import kernel
from nilometer_logger.rows import Floats

Integers = NDArray[np.int64]


@kernel("f8[,]", "f8", "i8", "i8", "i8", "b1", "f8[,]=", "f8[,]=", "i8[,]=", "f8[,]=", "f8[,]=")
def adwin(
    values: Floats,
    delta: float,
    clock: int,
    shortest: int,
    grace: int,
    checking: bool,
    totals: Floats,
    deviations: Floats,
    used: Integers,
    window: Floats,
    out: Floats,
) -> None:
    """Takes rows; a column with an alarm begins anew.

    Args:
        values: shape (rows, columns); NaN is passed over.
        delta: the confidence.
        clock: every so many values a window is looked at.
        shortest: a part of a window with fewer values is not compared.
        grace: with no more values a window is not looked at.
        checking: whether windows are looked at, or rows only taken in.
        totals: the buckets' sums, shape (columns, sizes · room), oldest first within a size; changed in place, as what
            follows.
        deviations: the buckets' sums of squared deviations from their means, likewise.
        used: how many buckets there are of each size, shape (columns, sizes).
        window: shape (columns, 4): values in the window, their sum and sum of squared deviations, values seen.
        out: shape (rows, columns); the largest difference of means in units of its bound where a window was looked at
            (more than 1 is an alarm), 0 where it was not, NaN where the row was passed over.
    """
    room = totals.shape[1] // used.shape[1]
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            value = values[row, column]
            out[row, column] = value
            if math.isnan(value):
                continue
            mine = window[column]
            _insert(value, room, totals[column], deviations[column], used[column], mine)
            mine[3] += 1.0
            out[row, column] = 0.0
            if checking and mine[3] % clock == 0 and mine[0] > grace:
                largest = _largest(delta, shortest, room, totals[column], used[column], mine)
                out[row, column] = largest
                if largest > 1.0:
                    used[column] = 0
                    totals[column] = 0.0
                    deviations[column] = 0.0
                    mine[:] = 0.0


@kernel("f8", "i8", "f8[]=", "f8[]=", "i8[]=", "f8[]=")
def _insert(value: float, room: int, totals: Floats, deviations: Floats, used: Integers, window: Floats) -> None:
    """Adds a bucket of one value, and makes two of a size that has no more room into one of the next."""
    if window[0] > 0.0:
        off = value - window[1] / window[0]
        window[2] += window[0] * off * off / (window[0] + 1.0)
    window[0] += 1.0
    window[1] += value
    totals[used[0]], deviations[used[0]] = value, 0.0
    used[0] += 1
    for size in range(len(used)):
        if used[size] < room:
            break
        first = size * room
        count = 2.0**size
        if size + 1 == len(used):  # the window is as long as it can be: its oldest bucket goes
            total, deviation, gone = totals[first], deviations[first], 1
            window[0] -= count
            window[1] -= total
            off = total / count - window[1] / window[0]
            window[2] -= deviation + count * window[0] * off * off / (count + window[0])
        else:
            off = (totals[first] - totals[first + 1]) / count
            at = first + room + used[size + 1]
            totals[at] = totals[first] + totals[first + 1]
            deviations[at] = deviations[first] + deviations[first + 1] + count * off * off / 2.0
            used[size + 1] += 1
            gone = 2
        for place in range(first, first + room - gone):
            totals[place], deviations[place] = totals[place + gone], deviations[place + gone]
        for place in range(first + room - gone, first + room):
            totals[place], deviations[place] = 0.0, 0.0
        used[size] -= gone


@kernel("f8", "i8", "i8", "f8[]=", "i8[]=", "f8[]=")
def _largest(delta: float, shortest: int, room: int, totals: Floats, used: Integers, window: Floats) -> float:
    """Cuts the window behind each of its buckets, the oldest first, up to the first cut that is an alarm."""
    width, total = window[0], window[1]
    confidence = math.log(2.0 * math.log(width) / delta)
    older, sum_older = 0.0, 0.0
    largest: float = 0.0
    for size in range(len(used) - 1, -1, -1):
        for place in range(used[size]):
            older += 2.0**size
            sum_older += totals[size * room + place]
            newer = width - older
            if older < shortest or newer < shortest:
                continue
            difference = abs(sum_older / older - (total - sum_older) / newer)
            reciprocal = 1.0 / (older - shortest + 1.0) + 1.0 / (newer - shortest + 1.0)
            bound = math.sqrt(2.0 * reciprocal * (window[2] / width) * confidence) + 2.0 / 3.0 * confidence * reciprocal
            largest = max(largest, difference / bound)
            if largest > 1.0:
                return largest
    return largest
