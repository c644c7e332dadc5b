"""`nilometer demo`: real parts on this machine, and a story that happens to people, from the first request to drift.

The parts of a cluster are child processes (`parts.py`); what stands around them lives here: the agent that KServe would
put beside the model, the client, and the subscriber that a Trigger would name. Whatever happens, a failure or Ctrl-C or
SIGTERM, no process and no temporary folder is left.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nilometer_detectors.demo.agent import Agent
from nilometer_detectors.demo.client import ask
from nilometer_detectors.demo.iris import flowers
from nilometer_detectors.demo.parts import INFERENCE_SERVICE, NAMESPACE, Parts
from nilometer_detectors.demo.screen import Screen
from nilometer_detectors.demo.stack.kafka_jars import KAFKA_VERSION, kafka_jars
from nilometer_detectors.demo.stack.signals import SIGNALS, interruptible
from nilometer_detectors.demo.story import RATE, Phase, Prediction, lead_seconds, tell
from nilometer_detectors.demo.subscriber import subscriber
from nilometer_detectors.demo.tally import Tally
from nilometer_logger.cloudevents import CloudEvent

_AFTERWARDS_SECONDS = 15.0  # how long findings may still come when the story is told
_CHECK_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """What the demo's user may choose.

    Attributes:
        keep: leave everything running after the story, until Ctrl-C.
        seed: another seed tells the same story with other flowers.
    """

    keep: bool = False
    seed: int = 0


def run_demo(options: DemoOptions, screen: Screen | None = None) -> int:
    """Runs the demo.

    Args:
        options: what the user chose.
        screen: what to show it on; standard output by default.

    Returns:
        0 if the monitor found drift after the switch and not before, and every outlier and nothing but outliers; 1 if
        not; 128 and the signal's number if a signal ended it.

    Raises:
        NilometerError: if a part of it cannot be had, or ended.
    """
    screen = screen or Screen()
    _forget_settings()
    with interruptible() as received:
        try:
            with screen.download(f"Apache Kafka {KAFKA_VERSION}") as progress:
                kafka_jars(progress)
            parts = Parts(screen.say)
            try:
                parts.start()
                tally = asyncio.run(_Theatre(options, screen, parts).play())
            finally:
                for number in SIGNALS:  # impatience must not leave half of it behind
                    signal.signal(number, signal.SIG_IGN)
                parts.stop()
        except KeyboardInterrupt:
            screen.write("Stopped; no process and no temporary folder is left.")
            return 128 + (received[0] if received else signal.SIGINT)
    return 1 if tally.faults() else 0


class _Theatre:
    """The part of the demo that is asynchronous: the story, and who watches it."""

    def __init__(self, options: DemoOptions, screen: Screen, parts: Parts) -> None:
        self._options = options
        self._screen = screen
        self._parts = parts
        self._tally = Tally()
        self._phase: Phase | None = None
        self._agent = Agent(parts.model_url, parts.logger_url, INFERENCE_SERVICE, NAMESPACE)

    async def play(self) -> Tally:
        """Tells the story until its end is found, shows what was found, and returns it."""
        async with (
            subscriber(self._take, self._parts.subscriber_port),
            self._agent.run(self._parts.agent_port) as agent,
        ):
            with self._screen.counting(self._counts) as self._tick:
                await self._tell()
                await agent.drain()
            self._conclude()
            if self._options.keep:
                await self._stay()
        return self._tally

    async def _tell(self) -> None:
        lead = lead_seconds(time.time())
        story = tell(flowers(), lead, self._options.seed)
        until_found = itertools.takewhile(lambda _: not self._tally.complete, story)
        url = f"http://127.0.0.1:{self._parts.agent_port}"
        telling = asyncio.create_task(ask(url, until_found, time.time() + lead, self))
        try:
            await self._until(telling.done)
            telling.result()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AFTERWARDS_SECONDS):
                    await self._until(lambda: self._tally.complete)
        finally:
            telling.cancel()

    def sent(self, prediction: Prediction, request_id: str, now: int) -> None:
        """Notes a request of the client."""
        if prediction.phase is not self._phase:
            self._phase = prediction.phase
            self._screen.say("client", f"{self._phase}, {RATE:g} predictions a second")
        if prediction.impossible:
            self._screen.say("client", f"sends {prediction.impossible}: {prediction.row}")
        self._tally.sent(prediction, request_id, now)

    def answered(self, ok: bool) -> None:
        """Notes an answer of the model."""
        self._tally.answered(ok)

    def _take(self, event: CloudEvent) -> None:
        line = self._tally.take(event, time.time_ns())
        if line is not None:
            verdict = event.attributes.get("verdict")
            alarming = verdict in ("drift", "outlier")
            self._screen.say("detector" if verdict else "worker", line, style="alarm" if alarming else "")

    def _counts(self) -> Iterator[tuple[str, str]]:
        yield "requests", str(self._tally.requests.total())
        yield "answers", str(self._tally.answers.total())
        yield "events logged", str(self._agent.accepted.total())
        yield "windows closed", str(len(self._tally.windows))
        yield "outliers found", f"{len(self._tally.found)} of {len(self._tally.impossible)}"
        yield "drift", self._tally.drift or "none"

    def _conclude(self) -> None:
        self._screen.table("Summary", self._tally.summary(self._agent.accepted, self._screen.seconds))
        for reason, number in self._agent.refused.items():
            self._screen.write(f"Not logged: {number} events, {reason}", style="bold red")
        for fault in self._tally.faults():
            self._screen.write(f"{fault}.", style="bold red")
        self._tally.over = True

    async def _stay(self) -> None:
        url = f"http://127.0.0.1:{self._parts.agent_port}/v1/models/{INFERENCE_SERVICE}:predict"
        kafka = f"--kafka {self._parts.kafka.bootstrap}"
        # As it was called: outside an active environment the bare name would not be found.
        command = sys.argv[0] if sys.argv[0].endswith("nilometer") else "nilometer"
        self._screen.table(
            "Everything is still running, until Ctrl-C. Try, in another terminal:",
            [
                ("a normal request", f"""curl {url} -d '{{"instances": [[5.1, 3.5, 1.4, 0.2]]}}'"""),
                ("an impossible one", f"""curl {url} -d '{{"instances": [[5.1, 3.5, 30, 0.2]]}}'"""),
                ("what is logged", f"{command} events inferences {kafka}"),
                ("what is found", f"{command} events findings {kafka}"),
                ("all files and logs", str(self._parts.folder)),
            ],
        )
        await self._until(lambda: False)

    async def _until(self, wanted: Callable[[], bool]) -> None:
        while not wanted():
            self._parts.check()
            self._tick()
            await asyncio.sleep(_CHECK_SECONDS)


def _forget_settings() -> None:
    """Removes settings from the environment: they are meant for a cluster, and our children would obey them."""
    for name in list(os.environ):
        if name.startswith("NILOMETER_") or name in ("K_SINK", "K_CE_OVERRIDES"):
            del os.environ[name]
