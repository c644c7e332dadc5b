"""How much memory the open windows of a partition take, and how much they may.

A window is reckoned with what its monitor says that a state of so many rows takes at most, so the sum is a function of
the log. It is asked where a window would be opened or would grow. Each monitor may have a few windows whatever the
others take, so that none is shut out for good, however large its windows are.
"""

from collections import Counter
from typing import NamedTuple

UNBOUNDED = 2**62
ALWAYS = 4
"""How many windows a monitor may have open in a partition in any case."""


class Need(NamedTuple):
    """What the rows of an event need.

    Attributes:
        added_bytes: what they add to the budget, at most.
        opened: how many windows they open.
    """

    added_bytes: int
    opened: int


class Budget:
    """The memory of the open windows of a partition.

    Args:
        most_bytes: how much they may take.

    Attributes:
        most_bytes: likewise.
        bytes: how much they take, about, at most.
        panes: how many are open, by the monitor's name; with sliding windows, pieces that windows share.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self.panes: Counter[str] = Counter()

    def has_room(self, more_bytes: int) -> bool:
        """Tells whether so much more may be taken."""
        return self.bytes + more_bytes <= self.most_bytes
