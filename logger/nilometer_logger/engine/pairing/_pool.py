"""The room that the halves of all streams of a partition share.

A stream alone may let `most` halves wait; but a thousand streams that never answer would need a thousand times as much,
so they share a bound. It counts what waits and what was given up and may count in a window still.
"""


class Pool:
    """Room for halves.

    Args:
        most: how many there is room for.

    Attributes:
        count: how many there are.
    """

    def __init__(self, most: int) -> None:
        self.count = 0
        self._most = most

    @property
    def room(self) -> int:
        """How many more there is room for; less than none after a restart with a smaller bound."""
        return self._most - self.count
