"""How much memory a logger may take, stated once, and how much it took.

A logger at rest takes `BASE`, and Python does not give back at once what it had. Beyond that there are only

* what is being read or waits for Kafka, which `--max-held-bytes` bounds: it is there as it came, and for a moment again
  in the record that is made of it and in what is written to the socket;
* connections, whose number `--max-connections` bounds, each with a parser and its buffers;
* for a moment, one piece of what came, and whatever was made of it: a batch of events is read before it is refused.
"""

from pathlib import Path

MIB = 2**20
HELD_BYTES = 16 * MIB  # of every logger in these tests
_BASE = 80 * MIB
_PER_HELD_BYTE = 3
_PER_CONNECTION = 64 * 1024


def bound(connections: int = 256) -> int:
    """Returns the most bytes that a logger of these tests may ever take."""
    return _BASE + _PER_HELD_BYTE * HELD_BYTES + _PER_CONNECTION * connections


def peak(pid: int) -> int:
    """Returns the most bytes that a process had resident since it was started, or since `forget`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def forget(pid: int) -> None:
    """Lets `peak` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
