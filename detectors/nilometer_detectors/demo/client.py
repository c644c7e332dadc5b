"""The client of the demo: asks the model for each prediction of the story, at its time."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterable
from http import HTTPStatus
from typing import Protocol

import aiohttp
from yarl import URL

from nilometer_detectors.demo.iris import Row
from nilometer_detectors.demo.story import Prediction

_AT_ONCE = 16
_JSON = {"Content-Type": "application/json"}


class Witness(Protocol):
    """Sees what the client does."""

    def sent(self, prediction: Prediction, request_id: str, now: int) -> None:
        """A request is about to leave, at a time in nanoseconds since the epoch."""

    def answered(self, ok: bool) -> None:
        """A request was answered: with 200, or not."""


def request_of(prediction: Prediction) -> tuple[str, bytes]:
    """Returns the path and the body that ask for a prediction, in its protocol."""
    row: Row = prediction.row
    if prediction.protocol == "v1":
        return "/v1/models/iris:predict", json.dumps({"instances": [row]}).encode()
    tensor = {"name": "input-0", "shape": [1, len(row)], "datatype": "FP64", "data": [row]}
    return "/v2/models/iris/infer", json.dumps({"inputs": [tensor]}).encode()


async def ask(url: str, predictions: Iterable[Prediction], start: float, witness: Witness) -> None:
    """Asks for predictions at their times, several at once if answers are slow, until it is cancelled or has asked all.

    Args:
        url: where the model is served.
        predictions: in the order of time.
        start: the time their `at` counts from, in seconds since the epoch.
        witness: is told of each request and of each answer.
    """
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(session: aiohttp.ClientSession, prediction: Prediction) -> None:
        path, body = request_of(prediction)
        request_id = str(uuid.uuid4())
        witness.sent(prediction, request_id, time.time_ns())
        try:
            headers = {**_JSON, "Ce-Id": request_id}  # KServe's logger takes the client's id
            async with session.post(URL(url + path, encoded=True), data=body, headers=headers) as answer:
                await answer.read()
                witness.answered(answer.status == HTTPStatus.OK)
        except aiohttp.ClientError:
            witness.answered(False)
        finally:
            free.release()

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        for prediction in predictions:
            await asyncio.sleep(max(0.0, start + prediction.at - time.time()))
            await free.acquire()
            tasks.create_task(one(session, prediction))
