"""A real KServe model server with scikit-learn's iris model, for the demo and the tests.

    python -m nilometer_detectors.demo.model_server --port 8080

It trains the model when it starts, from data that come with scikit-learn, and serves it as `iris`, by v1
(`/v1/models/iris:predict`) and v2 (`/v2/models/iris/infer`), on the loopback interface only.
"""

import argparse
import logging
import warnings
from typing import Any

import numpy as np
from kserve import InferRequest, InferResponse, Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response
from sklearn.linear_model import LogisticRegression

from nilometer_detectors.demo.iris import flowers

MODEL = "iris"


class IrisModel(Model):
    """Predicts the class (0, 1 or 2) of flowers from their four measurements."""

    def __init__(self) -> None:
        super().__init__(MODEL)
        training_set = flowers()
        self._classifier = LogisticRegression(max_iter=1000, random_state=0)
        self._classifier.fit(
            [flower.measurements for flower in training_set], [flower.label for flower in training_set]
        )
        self.ready = True

    def predict(
        self,
        payload: dict[str, Any] | InferRequest,
        headers: dict[str, str] | None = None,  # noqa: ARG002 - KServe's signature
        response_headers: dict[str, str] | None = None,  # noqa: ARG002
    ) -> dict[str, Any] | InferResponse:
        """Answers one request in the protocol it came in, as KServe's own sklearnserver does."""
        classes = self._classifier.predict(np.asarray(get_predict_input(payload), dtype=float))
        return get_predict_response(payload, classes.astype(np.int64), self.name)


class LoopbackModelServer(ModelServer):
    """KServe's model server, which would listen on every interface, on the loopback interface."""

    def setup_event_loop(self) -> None:
        """KServe's hook between making its HTTP server and running it."""
        self._rest_server.config.host = "127.0.0.1"
        super().setup_event_loop()


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True, help="the port to listen on, on 127.0.0.1")
    port = parser.parse_args().port
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")  # KServe's, at every request
    server = LoopbackModelServer(http_port=port, enable_grpc=False, enable_latency_logging=False, grace_period=1)
    for name in ("kserve.trace", "uvicorn.access"):  # three lines a request
        logging.getLogger(name).setLevel(logging.WARNING)
    server.start([IrisModel()])


if __name__ == "__main__":
    main()
