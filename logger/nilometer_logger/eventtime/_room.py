"""The memory that open windows may take, shared by all partitions of a worker.

States say themselves what they take, from above. A window that would not fit is not opened, and a row that would let one
grow beyond the room is not taken: its event is set aside, with the reason, and the windows that are open go on. So
neither ever new streams, nor times far apart, nor a model of ten thousand columns ends a worker.

This is the one rule that the log does not decide alone: where the room is full, which events find none depends on what
else the worker holds and on how much it reads at once. Nothing is lost by it: what was set aside can be sent again.
"""


class Room:
    """Room for the states of windows.

    Args:
        most_bytes: how much there is.

    Attributes:
        used_bytes: what is taken.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.used_bytes = 0

    @property
    def free_bytes(self) -> int:
        """What is left; less than nothing where a state that was restored is larger than the room."""
        return self.most_bytes - self.used_bytes


class Share:
    """What one partition takes of the room.

    Args:
        room: shared with others.

    Attributes:
        used_bytes: by this partition.
    """

    def __init__(self, room: Room) -> None:
        self.used_bytes = 0
        self._room = room

    @property
    def free_bytes(self) -> int:
        """What is left for all."""
        return self._room.free_bytes

    @property
    def most_bytes(self) -> int:
        """How much there is for all."""
        return self._room.most_bytes

    def add(self, size: int) -> None:
        """Takes bytes, or gives them back where it is less than nothing."""
        self.used_bytes += size
        self._room.used_bytes += size

    def release(self) -> None:
        """Gives everything back, because the partition is let go."""
        self.add(-self.used_bytes)
