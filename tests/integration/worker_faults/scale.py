"""How much of everything: a little in every run, and a lot behind the marker `faults`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How much of everything.

    Attributes:
        events: that are sent while workers are killed.
        kills: of the worker.
        named: every how many of them is at a named point.
        pace: events a second while that goes on.
        rounds: how often others come, go, stand still or die.
    """

    events: int
    kills: int
    named: int
    pace: int
    rounds: int


SHORT = Scale(events=6_000, kills=5, named=2, pace=300, rounds=1)
LONG = Scale(events=100_000, kills=30, named=3, pace=600, rounds=2)
