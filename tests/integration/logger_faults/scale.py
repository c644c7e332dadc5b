"""How much of everything: a little in every run, and a lot behind the marker `faults`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How much of everything.

    Attributes:
        kills: of the logger, every third one at a named point.
        outages: of Kafka, each a standstill and a death.
        timeouts: how many of the standstills last until the logger's own requests to Kafka time out.
        terms: SIGTERMs.
        loris: clients that never finish what they send.
        streams: distinct ones.
        requests: that a fuzzer makes.
    """

    kills: int
    outages: int
    timeouts: int
    terms: int
    loris: int
    streams: int
    requests: int


SHORT = Scale(kills=13, outages=1, timeouts=0, terms=1, loris=500, streams=10_000, requests=5_000)
LONG = Scale(kills=50, outages=5, timeouts=1, terms=10, loris=500, streams=10_000, requests=20_000)
