"""The requests: a V2 body of 1 KB with the headers that KServe's logger sends, made once but for the event's id."""

import json
import random

from nilometer_logger.cloudevents.kserve import REQUEST

BODY_BYTES = 1024
_ROW = 4
_DIGITS = 4


def service(stream: int) -> str:
    """Names the InferenceService of a stream."""
    return f"bench-{stream}"


def event_id(run: int, number: int) -> str:
    """Makes the id of an event, which looks like KServe's UUIDs."""
    return f"{run:08x}-0000-4000-8000-{number:012d}"


def body() -> bytes:
    """Makes a request of the V2 protocol, always the same one, as long as an event of the figures is."""
    values: list[float] = []
    numbers = random.Random(1)
    text = ""
    while len(text) < BODY_BYTES:
        values += [round(numbers.gauss(5, 1), _DIGITS) for _ in range(_ROW)]
        tensor = {"name": "input-0", "shape": [len(values) // _ROW, _ROW], "datatype": "FP64", "data": values}
        text = json.dumps({"inputs": [tensor]}, separators=(",", ":"))
    return text.encode()


def request(stream: int) -> tuple[bytes, bytes]:
    """Makes the parts of an HTTP request before and after the event's id."""
    data = body()
    before = (
        "POST / HTTP/1.1\r\n"
        "Host: 127.0.0.1:8080\r\n"
        "User-Agent: Go-http-client/1.1\r\n"
        f"Content-Length: {len(data)}\r\n"
        "Ce-Component: predictor\r\n"
        "Ce-Endpoint: \r\n"
        "Ce-Id: "
    )
    after = (
        "\r\n"
        f"Ce-Inferenceservicename: {service(stream)}\r\n"
        'Ce-Metadata: {"X-Request-Id":["8c1b0b9d"]}\r\n'
        "Ce-Namespace: bench\r\n"
        "Ce-Recordedtime: 2026-11-23T08:52:21.122349295Z\r\n"
        "Ce-Source: bench-predictor-00001-deployment-7d9c5f7c6b-x2k4j\r\n"
        "Ce-Specversion: 1.0\r\n"
        "Ce-Time: 2026-11-23T08:52:21.121906583Z\r\n"
        f"Ce-Type: {REQUEST}\r\n"
        "Content-Type: application/json\r\n"
        "Accept-Encoding: gzip\r\n"
        "\r\n"
    )
    return before.encode(), after.encode() + data
