"""A body that inflates to a gigabyte: bytes like any other to the logger, and refused in time by whoever decodes it."""

import asyncio
import subprocess
import sys
import zlib

import pytest

from nilometer_logger.decoding.payload import INFLATED_BOUND
from tests.integration.logger_faults.memory import MIB
from tests.integration.logger_faults.victim import Victim
from tests.integration.logger_faults.wire import ask, request_of
from tests.integration.reading import events_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

INFLATED_MIB = 512
ROOM = 4 * INFLATED_BOUND
DECODING = f"""
import resource, sys
from nilometer_logger.errors import PayloadError
from nilometer_logger.decoding.payload import decode
body = sys.stdin.buffer.read()
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + {ROOM},) * 2)
try:
    decode(body)
except PayloadError as error:
    print(error)
"""


def test_a_gzip_bomb_harms_nobody(victim: Victim) -> None:
    """The logger takes it byte for byte, as large as it came; decoding ends at its bound, far below what is inside."""
    bomb = _bomb()
    assert len(bomb) < MIB

    with victim.abused("gzip bombs", 10):
        answers = [asyncio.run(ask(victim.port, request_of("bomb", bomb))) for _ in range(10)]
    assert {answer and answer.status for answer in answers} == {200}

    events = events_of(victim.logger.kafka, victim.logger.topic)
    assert [event.data for event in events if event["id"] == "bomb"] == [bomb] * 10
    decoding = subprocess.run([sys.executable, "-c", DECODING], input=bomb, capture_output=True, check=False)
    assert decoding.stderr == b""
    assert decoding.stdout.decode() == f"the body is compressed and inflates to more than {INFLATED_BOUND} bytes\n"


def _bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    zeros = bytes(MIB)
    return b"".join([*(packer.compress(zeros) for _ in range(INFLATED_MIB)), packer.flush()])
