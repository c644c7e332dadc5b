"""What was sent, what was found, and whether that is right: the demo's own judgement of the monitor. Pure.

Times are nanoseconds since the epoch. Delivery is at least once, so findings are told apart by their ids.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from nilometer_detectors.demo.story import Phase, Prediction
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.times import parse_time

_MILLISECOND = 1_000_000
_TINY = 1e-99


@dataclass
class Tally:
    """Counts the story as it is told and the findings as they arrive.

    Attributes:
        requests: how many predictions were asked for, by protocol.
        answers: how many answers came, by whether they were 200.
        switch: when the first row in inches left; None before that.
        impossible: the impossible rows sent: what is wrong with each and when it left, by the request's id.
        found: how long after its request each impossible row was reported, in nanoseconds.
        false_outliers: reports of rows that are not impossible.
        windows: the rows of each window that was closed, by its start.
        drift: the window in which drift was raised first, after the switch.
        false_alarms: windows before the switch in which drift was raised.
        over: whether the story is told; what is found later is shown, and not judged.
    """

    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[bool] = field(default_factory=Counter)
    switch: int | None = None
    impossible: dict[str, tuple[str, int]] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    false_outliers: list[str] = field(default_factory=list)
    windows: dict[str, int] = field(default_factory=dict)
    drift: str | None = None
    false_alarms: list[str] = field(default_factory=list)
    over: bool = False
    _seen: set[str] = field(default_factory=set)

    @property
    def complete(self) -> bool:
        """Whether everything that the story waits for has been found."""
        return self.drift is not None and len(self.found) == len(self.impossible)

    def sent(self, prediction: Prediction, request_id: str, now: int) -> None:
        """Notes a request that is about to leave."""
        self.requests[prediction.protocol] += 1
        if prediction.impossible:
            self.impossible[request_id] = (prediction.impossible, now)
        if prediction.phase is Phase.INCHES and self.switch is None:
            self.switch = now

    def answered(self, ok: bool) -> None:
        """Notes an answer of the model server."""
        self.answers[ok] += 1

    def take(self, event: CloudEvent, now: int) -> str | None:
        """Notes a finding.

        Args:
            event: as it was delivered.
            now: when it was.

        Returns:
            The finding in a line for the screen; None for one that came before, or is none of ours.
        """
        if event["id"] in self._seen:
            return None
        self._seen.add(event["id"])
        body = json.loads(event.data)
        match event["type"]:
            case "io.nilometer.statistics":
                return self._statistics(body)
            case "io.nilometer.drift":
                return self._drift(event["verdict"], body)
            case "io.nilometer.outlier":
                return self._outlier(event["causationid"], body, now)
        return None

    def _statistics(self, body: Mapping[str, Any]) -> str:
        self.windows[body["window"]["start"]] = body["rows"]
        mean = body["features"]["petal_length"]["mean"]
        average = f", petals {mean:.1f} long on average" if mean is not None else ""
        return f"window {span(body['window'])} closed: {body['rows']} rows{average}"

    def _drift(self, verdict: str, body: Mapping[str, Any]) -> str:
        window = span(body["window"])
        if verdict == "nodata":
            return f"window {window}: not judged, {body.get('reason', 'no data')}"
        p_value = "p < 1e-99" if body["pValue"] < _TINY else f"p = {body['pValue']:.2g}"
        if verdict != "drift":
            return f"window {window}: no drift, {p_value}"
        if self.over or (self.switch is not None and parse_time(body["window"]["end"]) > self.switch):
            self.drift = self.drift or window
        else:
            self.false_alarms.append(window)
        drifted = [name for name, feature in body["features"].items() if feature["drift"]]
        return f"window {window}: DRIFT of {', '.join(drifted)}, {p_value}"

    def _outlier(self, request_id: str, body: Mapping[str, Any], now: int) -> str:
        values = ", ".join(f"{name} = {feature['value']:g}" for name, feature in body["features"].items())
        if self.over:
            return f"outlier: {values}"
        if request_id not in self.impossible:
            self.false_outliers.append(values)
            return f"outlier where there is none: {values}"
        name, sent = self.impossible[request_id]
        self.found[request_id] = now - sent
        return f"outlier: {name} ({values}), {(now - sent) / _MILLISECOND:.0f} ms after the request"

    def summary(self, logged: Mapping[str, int], seconds: float) -> list[tuple[str, str]]:
        """Returns what there is to say in the end, as pairs of a name and a text.

        Args:
            logged: how many events the logger took, by side.
            seconds: how long the demo took.
        """
        delay = (
            f", {median(self.found.values()) / _MILLISECOND:.0f} ms after the request (median)" if self.found else ""
        )
        return [
            ("requests sent", f"{self.requests.total()} (v1: {self.requests['v1']}, v2: {self.requests['v2']})"),
            ("inferences logged", f"{min(logged.get('request', 0), logged.get('response', 0))}"),
            ("windows closed", f"{len(self.windows)} ({sum(self.windows.values())} rows)"),
            ("outliers found", f"{len(self.found)} of {len(self.impossible)}{delay}"),
            ("outliers missed", f"{len(self.impossible) - len(self.found)}"),
            ("drift raised", f"in the window {self.drift}" if self.drift else "never"),
            ("false alarms before it", f"{len(self.false_alarms) + len(self.false_outliers)}"),
            ("time", f"{seconds:.0f} s"),
        ]

    def faults(self) -> list[str]:
        """Returns what went wrong, a sentence each; none if the monitor did what it should."""
        missed = [name for request_id, (name, _) in self.impossible.items() if request_id not in self.found]
        checks = {
            f"Drift was raised before the switch, in {_some(self.false_alarms)}": self.false_alarms,
            "Drift was not found after the switch to inches": self.drift is None,
            f"Outliers were missed: {_some(missed)}": missed,
            f"Normal rows were called outliers: {_some(self.false_outliers)}": self.false_outliers,
            f"{self.answers[False]} requests failed": self.answers[False],
        }
        return [text for text, wrong in checks.items() if wrong]


def _some(texts: Sequence[str], most: int = 4) -> str:
    more = f"; and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more


def span(window: Mapping[str, str]) -> str:
    """Returns a window's times of day, such as 21:03:05-21:03:10 (UTC)."""
    return f"{window['start'][11:19]}-{window['end'][11:19]}"
