"""The processes of the demo: Kafka, the model server, and Nilometer's own three, as a user would start them."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nilometer_detectors.demo import story
from nilometer_detectors.demo.iris import write_training_set
from nilometer_detectors.demo.stack.kafka import EmbeddedKafka
from nilometer_detectors.demo.stack.processes import Process, ProcessFailed, free_port

NAMESPACE = "demo"
INFERENCE_SERVICE = "iris"
_GRACE_SECONDS = 5.0
_MONITOR = f"""\
apiVersion: nilometer.io/v1alpha1
kind: ModelMonitor
metadata: {{name: iris, namespace: {NAMESPACE}}}
spec:
  stream: {{inferenceService: {INFERENCE_SERVICE}, component: predictor}}
  baseline: {{path: ../baseline}}
  windows: {{size: {story.WINDOW_SECONDS:g}s, watermarkDelay: {story.WATERMARK_DELAY_SECONDS:g}s}}
  statistics: [count, mean, stddev, min, max, histogram]
  outliers:
  - {{name: range, detector: zscore, threshold: {story.Z_THRESHOLD:g}}}
  drift:
  - {{name: ks, detector: ks, pValue: {story.P_VALUE:.4f}, correction: bonferroni, minRows: {story.MIN_ROWS}}}
"""

Say = Callable[[str, str], None]
"""Is told what happens: the stage and a sentence."""


class Parts:
    """Everything of the demo that runs outside its own process, in one temporary folder; `stop` undoes all of it.

    Args:
        say: is told of each part that is ready.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._processes: list[Process] = []
        self.folder = Path(tempfile.gettempdir()) / f"nilometer-demo-{os.getpid()}-{time.time_ns():x}"
        self.kafka = EmbeddedKafka(self.folder / "kafka")
        self.model_port, self.logger_port, self.subscriber_port, self.agent_port = (free_port() for _ in range(4))

    @property
    def model_url(self) -> str:
        """Where the model server answers."""
        return f"http://127.0.0.1:{self.model_port}"

    @property
    def logger_url(self) -> str:
        """Where `nilometer logger` takes events."""
        return f"http://127.0.0.1:{self.logger_port}"

    def start(self) -> None:
        """Starts everything, side by side as far as one part does not need another, and waits until all are ready.

        Raises:
            ProcessFailed: if a part ends instead of becoming ready; the message has the end of its log.
        """
        self.folder.mkdir(mode=0o700)
        model = self._python("model server", "nilometer_detectors.demo.model_server", "--port", self.model_port)
        self._prepare()
        write_training_set(self.folder / "training-set.csv")
        baseline = self._nilometer(
            "baseline",
            self.folder / "training-set.csv",
            "--out",
            self.folder / "baseline",
            "--prediction",
            "class",
            "--categorical",
            "class",
        )
        self.kafka.launch()
        if code := baseline.wait():
            raise ProcessFailed(f"nilometer baseline ended with code {code}:\n{baseline.output()}")
        self._processes.remove(baseline)
        self._say("worker", "baseline made from the training set, 150 flowers")
        self.kafka.wait_ready()
        self._say("kafka", f"Apache Kafka is ready at {self.kafka.bootstrap}")
        self._start_nilometer(model)

    def check(self) -> None:
        """Checks that everything runs.

        Raises:
            ProcessFailed: if a part ended; the message has the end of its log.
        """
        for process in self._processes:
            process.check()
        if not self.kafka.running:
            raise ProcessFailed(f"Kafka ended; the end of its log:\n{self.kafka.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Ends every process, Kafka last, and removes the folder."""
        for process in self._processes:
            process.signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in self._processes:
            process.stop(grace_seconds=max(0.1, deadline - time.monotonic()))
        self.kafka.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        (self.folder / "monitors").mkdir()
        (self.folder / "monitors" / "iris.yaml").write_text(_MONITOR)

    def _start_nilometer(self, model: Process) -> None:
        kafka = ("--kafka", self.kafka.bootstrap)
        sink = f"http://127.0.0.1:{self.subscriber_port}"
        logger = self._nilometer("logger", *kafka, "--host", "127.0.0.1", "--port", self.logger_port)
        worker = self._nilometer("worker", *kafka, "--monitors", self.folder / "monitors")
        delivery = self._nilometer("delivery", *kafka, "--sink", sink)
        logger.wait_for_port(self.logger_port)
        self._say("logger", f"nilometer logger is ready at {self.logger_url}")
        model.wait_for_port(self.model_port)
        self._say("model", f"KServe's model server is ready at {self.model_url}")
        worker.wait_for_line(r"\bready\b")
        self._say("worker", "nilometer worker is ready, watching the monitor demo/iris")
        delivery.wait_for_line(r"\bready\b")
        self._say("delivery", f"nilometer delivery is ready to send findings to {sink}")

    def _nilometer(self, command: str, *arguments: object) -> Process:
        return self._python(f"nilometer {command}", "nilometer_detectors", command, *arguments)

    def _python(self, name: str, module: str, *arguments: object) -> Process:
        argv = [sys.executable, "-m", module, *(str(argument) for argument in arguments)]
        process = Process(name, argv, log=self.folder / f"{name.replace(' ', '-')}.log")
        self._processes.append(process)  # first, so that a Ctrl-C in between finds it
        return process.start()
