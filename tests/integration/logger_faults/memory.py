"""How much memory a logger may take, stated once, and how much it took.

A logger at rest takes `BASE`, and Python does not give back what it once had. Beyond that there are only

* what is being read or waits for Kafka, which `--max-held-bytes` bounds: it is there as it came, and a second time
  while it is put into a record or written to the socket;
* connections, each with a parser, its buffers, and at most one piece of what was read from it.
"""

from pathlib import Path

MIB = 2**20
BASE = 96 * MIB
PER_HELD_BYTE = 3
PER_CONNECTION = 64 * 1024
_WATCH_SECONDS = 0.02


def bound(max_held_bytes: int, connections: int = 64) -> int:
    """Returns the most bytes that a logger may ever take."""
    return BASE + PER_HELD_BYTE * max_held_bytes + PER_CONNECTION * connections


def peak(pid: int) -> int:
    """Returns the most bytes that a process had resident since it was started, or since `forget`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def forget(pid: int) -> None:
    """Lets `peak` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
