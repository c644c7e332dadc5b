"""Prints the tables of `make bench-statistics`."""

import argparse
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from time import monotonic

from tests.benchmarks import machine
from tests.benchmarks.honesty.labelled import labelled_table
from tests.benchmarks.honesty.levels import (
    COLUMNS,
    DETECTORS,
    SIZES,
    Extent,
    autocorrelation_table,
    days_table,
    windows_table,
)
from tests.benchmarks.honesty.power import power_table

_WINDOWS = 2000
TABLES = ("windows", "days", "autocorrelation", "power", "labelled")

Tables = dict[str, Callable[[], Iterator[str]]]


def tables(*, quick: bool, extent: Extent, shuffles: int) -> Tables:
    """Returns the tables, by the names that `--only` takes; quick ones are a hint and no figure."""
    if quick:
        return {
            "windows": lambda: windows_table(replace(extent, windows=100, permuted=20)),
            "days": lambda: days_table(2),
            "autocorrelation": lambda: autocorrelation_table(100),
            "power": lambda: power_table(100),
            "labelled": lambda: labelled_table(2),
        }
    return {
        "windows": lambda: windows_table(extent),
        "days": lambda: days_table(200),
        "autocorrelation": lambda: autocorrelation_table(_WINDOWS),
        "power": lambda: power_table(500),
        "labelled": lambda: labelled_table(shuffles),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.honesty", description="How honest detectors are.")
    parser.add_argument("--quick", action="store_true", help="few windows: a hint, no figure")
    parser.add_argument("--only", choices=TABLES, action="append", help="some of the tables")
    parser.add_argument("--shuffles", type=int, default=20, help="of the labelled streams")
    of = parser.add_argument_group("of the table of windows")
    names = sorted({name for detectors in DETECTORS.values() for name in detectors})
    of.add_argument("--windows", type=int, default=_WINDOWS, help="windows a cell")
    of.add_argument("--permuted", type=int, default=_WINDOWS, help="windows a cell for mmd and classifier")
    of.add_argument("--detector", choices=names, action="append", default=[], help="some of the detectors")
    of.add_argument("--rows", type=int, action="append", help="of a window, instead of all sizes")
    of.add_argument("--columns", type=int, action="append", help="of a window, instead of 4 and 30")
    of.add_argument("--seed", type=int, default=0, help="another one draws other windows")
    return parser.parse_args()


def main() -> None:
    """Prints them."""
    chosen = _arguments()
    sizes: Collection[int] = chosen.rows or SIZES
    columns: Collection[int] = chosen.columns or COLUMNS
    extent = Extent(chosen.windows, chosen.permuted, chosen.detector, sizes, columns, chosen.seed)
    began = monotonic()
    sys.stdout.write(f"{machine.description()}\n\n")
    for name, table in tables(quick=chosen.quick, extent=extent, shuffles=chosen.shuffles).items():
        if not chosen.only or name in chosen.only:
            for line in table():
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
    sys.stdout.write(f"\n{monotonic() - began:.0f} s in all\n")


if __name__ == "__main__":
    main()
