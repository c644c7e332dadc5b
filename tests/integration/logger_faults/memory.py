"""How much memory a logger may take, stated once, and how much it took.

A logger at rest takes some 45 MiB, and Python does not give back at once what it had. Beyond that there are only

* what is being read or waits for Kafka, bounded by `--max-held-bytes`. An event that is mostly body takes twice its
  size, when a record is made of it; one of many short attributes takes six times its size, in Python's objects;
* whoever waits for that, bounded by `--max-held-events`: a kilobyte each;
* connections, bounded by `--max-connections`: some 15 KiB each with its parser, up to 64 KiB more while a head comes in
  parts, and for a moment up to 256 KiB, if clients begin large bodies all at the same time, until these are counted as
  held and refused;
* for a moment, what is made of one request: a batch of events is read before it is refused.
"""

from pathlib import Path

MIB = 2**20
HELD_BYTES = 16 * MIB  # of every logger in these tests
HELD_EVENTS = 10_000
_BASE = 64 * MIB
_PER_HELD_BYTE = 6
_PER_HELD_EVENT = 1024
_PER_CONNECTION = 256 * 1024


def bound(connections: int = 64, held_bytes: int = HELD_BYTES, held_events: int = HELD_EVENTS) -> int:
    """Returns the most bytes that a logger may ever take; by default, one of these tests."""
    return _BASE + _PER_HELD_BYTE * held_bytes + _PER_HELD_EVENT * held_events + _PER_CONNECTION * connections


def peak(pid: int) -> int:
    """Returns the most bytes that a process had resident since it was started, or since `forget`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def forget(pid: int) -> None:
    """Lets `peak` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
