"""The sink: where findings are posted to, and what its answers mean.

Which answer means what is Knative's delivery contract (specs/eventing, data-plane.md, "Retries"): 2xx is taken; 404,
408, 409, 429, 5xx and a connection that fails are tried again; any other answer is final.
"""

import time
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from yarl import URL

from nilometer_detectors.delivery.counters import DeliveryCounters
from nilometer_logger.cloudevents import CloudEvent, to_http
from nilometer_logger.errors import SettingError

_RETRIED = frozenset({404, 408, 409, 429})
_LONGEST = 2000
_SHOWN = 200
UNREADABLE = "unreadable"
NO_ANSWER = "none"


def checked(sink: str) -> str:
    """Checks the URL of a sink.

    Raises:
        SettingError: if it is no http(s) URL with a host; naming where one comes from.
    """
    try:
        parts = urlsplit(sink)
        what = (
            "" if parts.scheme in ("http", "https") else "an http(s) URL",
            "a URL with a host" if not parts.hostname or not URL(sink).host else "",
            "a URL without blanks and control characters" if any(not " " < letter != "\x7f" for letter in sink) else "",
            "a URL with a port from 1 to 65535" if parts.port == 0 else "",
            f"at most {_LONGEST} characters long" if len(sink) > _LONGEST else "",
        )
        wrong = next(filter(None, what), "")
    except ValueError as error:
        wrong = f"a URL ({error})"
    if wrong:
        text = ascii(sink) if len(sink) <= _SHOWN else f"{sink[:_SHOWN]!a}…"
        raise SettingError(
            f"the sink is {text}, but must be {wrong}: give --sink, or bind one with a SinkBinding (K_SINK)"
        )
    return sink


def public(sink: str) -> str:
    """Returns a sink's URL as it may be logged and kept: without password and query."""
    parts = urlsplit(sink)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True)
class Answer:
    """What became of one try.

    Attributes:
        status: the HTTP status, as text; `NO_ANSWER` where there was none, `UNREADABLE` where nothing could be sent.
        reason: what a person reads of it.
        retry_after: the seconds that the sink asks to wait; None where it says nothing.
    """

    status: str
    reason: str
    retry_after: float | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the sink has the finding."""
        return self.status.startswith("2")

    @property
    def is_final(self) -> bool:
        """Whether no other try can help."""
        if self.status == NO_ANSWER:
            return False
        return self.status == UNREADABLE or (int(self.status) not in _RETRIED and int(self.status) < 500)


class Sink:
    """A sink that is posted to.

    Args:
        url: as `checked` returned it.
        session: with the time that one try may take.
        counters: is told of each try.
    """

    def __init__(self, url: str, session: aiohttp.ClientSession, counters: DeliveryCounters) -> None:
        self.name = public(url)
        self._url = URL(url)
        self._session = session
        self._counters = counters

    async def post(self, event: CloudEvent) -> Answer:
        """Posts a finding once."""
        begun = time.monotonic()
        try:
            headers, body = to_http(event)
            # A redirect would lose the event's headers: it is an answer like any other.
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                status, wait = answer.status, answer.headers.get("retry-after", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Answer(NO_ANSWER, repr(error))
        except ValueError as error:  # text that no header can hold
            return Answer(UNREADABLE, f"the finding cannot be sent by HTTP: {error}")
        finally:
            self._counters.attempt_seconds.observe(time.monotonic() - begun)
        seconds = float(wait[:9]) if wait.isascii() and wait.isdecimal() else None
        return Answer(str(status), f"the sink answered {status}", seconds)
