"""How much of everything: a little in every run, and a lot behind the marker `faults`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How much of everything.

    Attributes:
        blocks: how often traffic is drawn and sent.
        each: events of each kind in a block.
    """

    blocks: int
    each: int


SHORT = Scale(blocks=1, each=4)
LONG = Scale(blocks=12, each=12)
