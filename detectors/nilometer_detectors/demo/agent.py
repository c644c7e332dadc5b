"""What KServe's agent does beside a model server, to the letter of its wire: pass requests on and report both sides.

In a cluster the agent is a Go sidecar that KServe adds where an InferenceService has a `logger`; the integration tests
run it. The demo must do with Python packages, so this imitates it: binary-mode CloudEvents with exactly the headers
that version 0.20 sends, five workers, one try for each event, and the client's answer never waits for a report.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

import aiohttp
from aiohttp import web
from yarl import URL

from nilometer_detectors.demo.stack.loopback import serving
from nilometer_logger.times import format_time

_WORKERS = 5
_NOT_ADDED = ("Accept", "Content-Type")
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_TYPE = "org.kubeflow.serving.inference."


@dataclass
class Agent:
    """A proxy in front of a model server that reports what passes.

    Args:
        model: the model server's URL.
        sink: the URL that events are POSTed to: an InferenceService's `logger.url`.
        inference_service: the InferenceService's name.
        namespace: the InferenceService's namespace.

    Attributes:
        accepted: how many events the sink took, by side ("request", "response").
        refused: how many it did not take, by what it answered; they are lost, as with KServe.
    """

    model: str
    sink: str
    inference_service: str
    namespace: str
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def run(self, port: int) -> AsyncIterator[Self]:
        """Serves on a port of the loopback interface while the context is open, and reports the rest at its end."""
        self._queue: asyncio.Queue[tuple[str, dict[str, str], bytes]] = asyncio.Queue()
        async with aiohttp.ClientSession(timeout=_TIMEOUT, skip_auto_headers=_NOT_ADDED) as self._session:
            workers = [asyncio.create_task(self._work()) for _ in range(_WORKERS)]
            try:
                async with serving(self._pass_on, port):
                    yield self
            finally:
                for worker in workers:
                    worker.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.gather(*workers)

    async def drain(self) -> None:
        """Waits until everything that passed so far is reported."""
        await self._queue.join()

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        event_id = request.headers.get("Ce-Id") or str(uuid.uuid4())
        content_type = {name: value for name, value in request.headers.items() if name.lower() == "content-type"}
        self._report("request", event_id, content_type, body)
        url = URL(self.model + request.raw_path, encoded=True)
        async with self._session.request(request.method, url, data=body, headers=content_type) as answer:
            payload = await answer.read()
            if answer.status == web.HTTPOk.status_code:  # KServe reports no other answer
                self._report("response", event_id, content_type, payload)
            answered = answer.headers.get("Content-Type", "application/json")
            return web.Response(status=answer.status, body=payload, headers={"Content-Type": answered})

    def _report(self, side: str, event_id: str, content_type: Mapping[str, str], body: bytes) -> None:
        now = format_time(time.time_ns())
        headers = {
            "User-Agent": "Go-http-client/1.1",
            "Accept-Encoding": "gzip",
            "Ce-Specversion": "1.0",
            "Ce-Id": event_id,
            "Ce-Type": _TYPE + side,
            "Ce-Source": "http://localhost:9081/",  # the same for every model and pod
            "Ce-Time": now,
            "Ce-Recordedtime": now,
            "Ce-Inferenceservicename": self.inference_service,
            "Ce-Namespace": self.namespace,
            "Ce-Component": "predictor",
            "Ce-Endpoint": "",  # there, and empty
            "Ce-Metadata": "{}",
            **content_type,  # the request's, on the response's event as well
        }
        self._queue.put_nowait((side, headers, body))

    async def _work(self) -> None:
        while True:
            side, headers, body = await self._queue.get()
            try:
                async with self._session.post(self.sink, data=body, headers=headers) as answer:
                    if answer.ok:
                        self.accepted[side] += 1
                    else:
                        self.refused[f"{answer.status} {(await answer.text())[:200]}".strip()] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                self.refused[repr(error)] += 1
            finally:
                self._queue.task_done()
