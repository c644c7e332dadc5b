"""Prints the tables of `make bench-statistics`."""

import argparse
import sys
from collections.abc import Callable, Iterator
from time import monotonic

from tests.benchmarks import machine
from tests.benchmarks.honesty.labelled import labelled_table
from tests.benchmarks.honesty.levels import autocorrelation_table, days_table, windows_table
from tests.benchmarks.honesty.power import power_table

_WINDOWS = 2000

Tables = dict[str, Callable[[], Iterator[str]]]


def tables(*, quick: bool, permuted: int = _WINDOWS) -> Tables:
    """Returns the tables, by the names that `--only` takes; quick ones are a hint and no figure."""
    if quick:
        return {
            "windows": lambda: windows_table(100, 20),
            "days": lambda: days_table(2),
            "autocorrelation": lambda: autocorrelation_table(100),
            "power": lambda: power_table(100),
            "labelled": lambda: labelled_table(2),
        }
    return {
        "windows": lambda: windows_table(_WINDOWS, permuted),
        "days": lambda: days_table(200),
        "autocorrelation": lambda: autocorrelation_table(_WINDOWS),
        "power": lambda: power_table(500),
        "labelled": lambda: labelled_table(20),
    }


def main() -> None:
    """Prints them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.honesty", description="How honest detectors are.")
    parser.add_argument("--quick", action="store_true", help="few windows: a hint, no figure")
    parser.add_argument("--permuted", type=int, default=_WINDOWS, help="windows a cell for mmd and classifier")
    parser.add_argument("--only", choices=list(tables(quick=True)), action="append", help="some of the tables")
    chosen = parser.parse_args()
    began = monotonic()
    sys.stdout.write(f"{machine.description()}\n\n")
    for name, table in tables(quick=chosen.quick, permuted=chosen.permuted).items():
        if not chosen.only or name in chosen.only:
            for line in table():
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
    sys.stdout.write(f"\n{monotonic() - began:.0f} s in all\n")


if __name__ == "__main__":
    main()
