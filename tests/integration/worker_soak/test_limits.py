"""The limit of these tests is one: without that, a worker that lives proves nothing."""

import subprocess
import sys

import pytest

from tests.integration.worker_soak.limits import MIB, Limit, limited, manifest_limit_bytes

pytestmark = pytest.mark.integration

TAKING = "import sys; taken = b'x' * int(sys.argv[1]); print(len(taken))"
MOST_MIB = 128


def test_the_manifest_tells_the_limit() -> None:
    """It is read, not repeated; and a worker could not even start in a tenth of it."""
    assert manifest_limit_bytes() >= 512 * MIB


def test_more_is_not_had(memory_limit: Limit) -> None:
    """A process that takes less lives; one that takes more does not, and where a group limits it, the kernel says so."""
    with limited(MOST_MIB * MIB) as limit:
        assert limit.how == memory_limit.how
        less = _take(limit, MOST_MIB // 2)
        assert (less.returncode, less.stdout.strip()) == (0, str(MOST_MIB // 2 * MIB))
        assert limit.kills() == 0

        more = _take(limit, 8 * MOST_MIB)
        assert more.returncode != 0
        assert more.stdout == ""
        assert limit.kills() == (1 if more.returncode == -9 else 0)
        assert more.returncode == -9 or "MemoryError" in more.stderr


def _take(limit: Limit, mib: int) -> subprocess.CompletedProcess[str]:
    argv = limit.wrapped([sys.executable, "-c", TAKING, str(mib * MIB)])
    return subprocess.run(argv, capture_output=True, text=True, check=False)
