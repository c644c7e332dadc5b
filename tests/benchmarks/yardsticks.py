"""The yardsticks, measured in the same run as the logger, because a figure alone says what the machine is.

- `bare`: a raw ASGI application that answers 200 at once, behind uvicorn with the logger's settings: what a server in
  Python costs that does nothing.
- `durable`: the same, but each event is a record of its own, acknowledged by Kafka before the answer: what one writes
  first.
- `produce`: no server at all: tasks that send the same value to Kafka one after another, like a client whose every
  request is a record.

`python -m tests.benchmarks.yardsticks bare|durable PORT KAFKA TOPIC`, or `produce PLAN KAFKA TOPIC`.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import msgspec
import uvicorn
import uvloop
from aiokafka import AIOKafkaProducer

from tests.benchmarks import machine
from tests.benchmarks.plan import Outcome, Plan, percentile
from tests.benchmarks.wire import body

_KEY = b"bench/bench-0/predictor/"
_KAFKA_BATCH_BYTES = 1_048_576
App = Callable[[Any, Any, Any], Awaitable[None]]


def _producer(kafka: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=kafka,
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=_KAFKA_BATCH_BYTES,
        max_request_size=_KAFKA_BATCH_BYTES,
    )


async def _read(receive: Any) -> bytes:
    message = await receive()
    data: bytes = message["body"]
    while message["more_body"]:
        message = await receive()
        data += message["body"]
    return data


async def _ok(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def _bare(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI's signature
    await _read(receive)
    await _ok(send)


async def _serve(app: App, port: int) -> None:
    config = uvicorn.Config(
        app,
        port=port,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )
    await uvicorn.Server(config).serve()


async def _serve_durable(port: int, kafka: str, topic: str) -> None:
    async with _producer(kafka) as producer:

        async def durable(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
            await producer.send_and_wait(topic, await _read(receive), key=_KEY)
            await _ok(send)

        await _serve(durable, port)


async def _produce(plan: Plan, kafka: str, topic: str) -> Outcome:
    """Sends in as many sequences as the plan has connections, and measures as the load does."""
    value, latencies, stopping = body(), list[float](), asyncio.Event()
    pids = {**plan.pids, "server": os.getpid()}

    async def send_in_sequence(producer: AIOKafkaProducer) -> None:
        while not stopping.is_set():
            began = perf_counter()
            await producer.send_and_wait(topic, value, key=_KEY)
            latencies.append(perf_counter() - began)

    async with _producer(kafka) as producer, asyncio.TaskGroup() as tasks:
        for _ in range(plan.connections):
            tasks.create_task(send_in_sequence(producer))
        await asyncio.sleep(plan.warm_seconds)
        before, first, began = machine.used(pids), len(latencies), perf_counter()
        await asyncio.sleep(plan.seconds)
        after, last, ended = machine.used(pids), len(latencies), perf_counter()
        stopping.set()
    span = latencies[first:last]
    return Outcome(
        seconds=ended - began,
        acknowledged=len(span),
        p50_ms=1000 * percentile(span, 0.5),
        p99_ms=1000 * percentile(span, 0.99),
        cpu_seconds={process: after[process] - before[process] for process in after},
        sent=len(latencies),
        refused=[],
        statuses={},
    )


def _main(kind: str, what: str, kafka: str, topic: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if kind == "bare":
            runner.run(_serve(_bare, int(what)))
        elif kind == "durable":
            runner.run(_serve_durable(int(what), kafka, topic))
        else:
            gc.disable()
            outcome = runner.run(_produce(msgspec.json.decode(what, type=Plan), kafka, topic))
            sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    _main(*sys.argv[1:])
