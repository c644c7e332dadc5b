"""The keys of an OIDC issuer, as it publishes them now.

They are read when the first token comes, every five minutes while tokens come, and when a token names a key that is
not among them, but never more often than every ten seconds: tokens are cheap to invent. A key that the issuer withdrew
is forgotten. While the issuer cannot be reached, the last keys go on, and it is tried every second, if tokens come that
ask for it. The network is waited for on another thread.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
from jwt import PyJWK

from nilometer_logger.errors import UnavailableError
from nilometer_logger.ingest.authentication._discovery import read_keys

_log = structlog.get_logger("nilometer.oidc")
_PAUSE_SECONDS = 10.0
_RETRY_SECONDS = 1.0
_AGE_SECONDS = 300.0
_MOST_UNKNOWN = 100


class Issuer:
    """One issuer, and its keys.

    Args:
        url: below which its discovery document lies; https.
        ca_file: PEM file of the authorities trusted for it; None means the system's.
        clock: seconds, never going back.

    Attributes:
        name: what its tokens have for `iss`; empty before the keys were read.
        keys: by their ids. Another object after each reading, never changed in place.
    """

    def __init__(self, url: str, ca_file: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = ""
        self.keys: Mapping[str, PyJWK] = {}
        self._url = url.rstrip("/")
        self._ca_file = ca_file
        self._clock = clock
        self._asked_at = self._read_at = float("-inf")
        self._unknown: dict[str, None] = {}  # ids that it had no key of when it was asked; a set that keeps its order
        self._problem = ""
        self._reading: asyncio.Task[None] | None = None

    async def key(self, key_id: str) -> PyJWK | None:
        """Returns a key; None where the issuer has none of that id.

        Raises:
            UnavailableError: if that cannot be told now; a retry may tell.
        """
        if (key := self.keys.get(key_id)) is not None:
            return key
        began = self._begin()
        if self._reading is not None:
            await asyncio.shield(self._reading)
        if (key := self.keys.get(key_id)) is not None:
            return key
        # What clients are told; the log has the address and the reason.
        if self._problem:
            raise UnavailableError("the keys of the token's issuer cannot be had now")
        if began:
            self._remember(key_id)
        elif key_id not in self._unknown:
            raise UnavailableError(f"the token's key is not known yet; the issuer is asked every {_PAUSE_SECONDS:g} s")
        return None

    def refresh_if_old(self) -> None:
        """Begins to read the keys anew, in the background, where they were read long ago."""
        if self._clock() - self._read_at >= _AGE_SECONDS and self.keys:
            self._begin()

    def _begin(self) -> bool:
        now, pause = self._clock(), _RETRY_SECONDS if self._problem else _PAUSE_SECONDS
        if self._reading is not None or now - self._asked_at < pause:
            return False
        self._asked_at = now
        self._reading = asyncio.create_task(self._read())
        return True

    def _remember(self, key_id: str) -> None:
        self._unknown[key_id] = None
        if len(self._unknown) > _MOST_UNKNOWN:
            del self._unknown[next(iter(self._unknown))]

    async def _read(self) -> None:
        try:
            self.name, keys = await asyncio.to_thread(read_keys, self._url, self._ca_file)
        except UnavailableError as error:
            if str(error) != self._problem:
                _log.error("issuer's keys not read", reason=str(error), known=len(self.keys))
            self._problem = str(error)
        else:
            if self._problem or keys.keys() != self.keys.keys():
                _log.info("issuer's keys read", issuer=self.name, keys=len(keys))
            for withdrawn in self.keys.keys() - keys.keys():
                self._remember(withdrawn)
            self._read_at, self.keys, self._problem = self._clock(), keys, ""
        finally:
            self._reading = None
