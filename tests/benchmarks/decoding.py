"""Decoding: CPU µs a body, from the value of a Kafka record to the table, beside what parsing its JSON alone costs.

`python -m tests.benchmarks.decoding`

Each body holds rows of 20 float32 features. JSON is written as Python's clients write it: each number with the digits
of its float64. Ours is `decode_batch` of a record of one event and `decode` of its body; orjson, msgspec and the
standard library parse the same body into Python's objects and make no table. All take turns, and of each the best turn
stands: a neighbour's noise can only add.
"""

import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import orjson
from kserve.protocol.infer_type import InferInput, InferRequest
from numpy.typing import NDArray

from nilometer_logger.cloudevents import CloudEvent, decode_batch, encode_batch
from nilometer_logger.cloudevents.kserve import REQUEST
from nilometer_logger.decoding.payload import decode

ROWS = (1, 32, 1024)
_FEATURES = 20
_TURNS = 15
_TURN_SECONDS = 0.004
# A worker has read and let go of fetches as large as this, after which malloc keeps what is let go of for the next.
# Without it the page faults of 80 kB given back and taken again cost three times as much as their decoding.
_FETCHED_BYTES = 16 * 2**20
_ATTRIBUTES = {
    "specversion": "1.0",
    "id": "ade8553e-8ae5-4e78-ab2c-5fa70a66afce",
    "source": "http://localhost:9081/",
    "type": REQUEST,
    "time": "2026-11-23T08:52:21.121906583Z",
    "recordedtime": "2026-11-23T08:52:21.122349295Z",
    "inferenceservicename": "bench",
    "namespace": "bench",
    "component": "predictor",
    "metadata": "{}",
    "datacontenttype": "application/json",
}
_PARSERS: dict[str, Callable[[bytes], object]] = {
    "orjson": orjson.loads,
    "msgspec": msgspec.json.decode,
    "json": json.loads,
}


@dataclass(frozen=True)
class Figure:
    """What one body costs.

    Attributes:
        form: of the body.
        rows: in it.
        size: of the body in bytes.
        ours: CPU µs from the record's value to the table.
        parsers: CPU µs of parsing the body alone, by parser; empty where it is not JSON.
    """

    form: str
    rows: int
    size: int
    ours: float
    parsers: dict[str, float]


def bodies(values: NDArray[np.float32]) -> dict[str, bytes]:
    """Writes the same values in every form, with KServe's own encoders where it has them.

    Args:
        values: shape (rows, features).
    """
    tensor = InferInput("x", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values, binary_data=True)
    request = InferRequest(model_name="bench", request_id="1", infer_inputs=[tensor])
    message = request.to_grpc().SerializeToString()
    binary, _ = request.to_rest()
    tensor.set_data_from_numpy(values, binary_data=False)
    document, _ = request.to_rest()
    return {
        "v1": json.dumps({"instances": values.tolist()}).encode(),
        "v2 JSON": json.dumps(document).encode(),
        "v2 binary": binary,
        "gRPC": b"\0" + len(message).to_bytes(4, "big") + message,
    }


def figures() -> list[Figure]:
    """Measures every form at every number of rows."""
    found = []
    for rows in ROWS:
        values = np.random.default_rng(rows).normal(size=(rows, _FEATURES)).astype(np.float32)
        written = bodies(values)
        works: dict[tuple[str, str], Callable[[], object]] = {}
        for form, body in written.items():
            works[form, "ours"] = _ours(encode_batch([CloudEvent(_ATTRIBUTES, body)]))
            if body.endswith(b"}"):
                works |= {(form, name): _parsing(parse, body) for name, parse in _PARSERS.items()}
        best = _best(works)
        for form, body in written.items():
            parsers = {name: best[form, name] for name in _PARSERS if (form, name) in best}
            found.append(Figure(form, rows, len(body), best[form, "ours"], parsers))
    return found


def table(found: Sequence[Figure]) -> list[str]:
    """Writes figures as the lines of a table, and below it the two ratios that they are for."""
    lines = [f"{'form':<10} {'rows':>5} {'bytes':>8} {'ours':>9} {'orjson':>9} {'msgspec':>9} {'json':>9}   µs a body"]
    for figure in found:
        parsers = " ".join(f"{figure.parsers[name]:9.1f}" if figure.parsers else f"{'-':>9}" for name in _PARSERS)
        lines.append(f"{figure.form:<10} {figure.rows:>5} {figure.size:>8} {figure.ours:9.1f} {parsers}")
    by = {(figure.form, figure.rows): figure for figure in found}
    for rows in sorted({figure.rows for figure in found}):
        v1, v2, binary = (by[form, rows] for form in ("v1", "v2 JSON", "v2 binary"))
        lines.append(
            f"{rows:>5} rows: v2 JSON / v2 binary {v2.ours / binary.ours:.1f}, "
            f"v2 JSON / orjson alone {v2.ours / v2.parsers['orjson']:.2f}, "
            f"v1 / orjson alone {v1.ours / v1.parsers['orjson']:.2f}"
        )
    return lines


def _ours(value: bytes) -> Callable[[], object]:
    return lambda: decode(decode_batch(value)[0].data)


def _parsing(parse: Callable[[bytes], object], body: bytes) -> Callable[[], object]:
    return lambda: parse(body)


def _best(works: dict[tuple[str, str], Callable[[], object]]) -> dict[tuple[str, str], float]:
    """Runs all works in turns and returns the least CPU µs of each."""
    bytes(_FETCHED_BYTES)
    counts = {key: max(1, int(_TURN_SECONDS / _seconds(work, 3))) for key, work in works.items()}
    best = dict.fromkeys(works, float("inf"))
    gc.collect()
    gc.disable()
    try:
        for _ in range(_TURNS):
            for key, work in works.items():
                best[key] = min(best[key], 1e6 * _seconds(work, counts[key]))
    finally:
        gc.enable()
    return best


def _seconds(work: Callable[[], object], count: int) -> float:
    began = time.thread_time()
    for _ in range(count):
        work()
    return max(time.thread_time() - began, 1e-9) / count


def main() -> None:
    """Measures and prints."""
    print("\n".join(table(figures())))  # noqa: T201 - that is what a script is for


if __name__ == "__main__":
    main()
