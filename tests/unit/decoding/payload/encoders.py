"""The other side of the wire: KServe's own encoders, and the tensors that hypothesis gives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from kserve.protocol.grpc.grpc_predict_v2_pb2 import ModelInferRequest, ModelInferResponse
from kserve.protocol.infer_type import InferInput, InferOutput, InferRequest, InferResponse, RequestedOutput

from nilometer_logger.decoding.payload import Payload

DTYPES = {
    "BOOL": np.dtype(bool),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(object),
}
TYPED = [datatype for datatype in DTYPES if datatype != "FP16"]  # typed contents of gRPC have no field for it
Encoded = InferRequest | InferResponse


@dataclass(frozen=True)
class Tensor:
    """A tensor as a client has it: rows first; texts in an array of objects."""

    name: str
    datatype: str
    values: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The values as rows of columns."""
        return self.values.reshape(len(self.values), -1)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        width = self.rows.shape[1]
        return [self.name] if width == 1 else [f"{self.name}.{number}" for number in range(width)]


def tensor(name: str, datatype: str, values: Any) -> Tensor:
    """Returns a tensor of lists of values."""
    return Tensor(name, datatype, np.array(values, dtype=DTYPES[datatype]))


@st.composite
def tensors(draw: st.DrawFn, datatypes: Sequence[str] = tuple(DTYPES)) -> list[Tensor]:
    """Makes one to three tensors of the same number of rows, of any datatype and shape."""
    rows = draw(st.integers(1, 4))
    names = draw(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3, unique=True))
    made = []
    for name in names:
        datatype = draw(st.sampled_from(datatypes))
        shape = (rows, *draw(st.just(()) | array_shapes(max_dims=2, max_side=4)))
        elements = st.text(max_size=5) if datatype == "BYTES" else None
        made.append(Tensor(name, datatype, draw(arrays(DTYPES[datatype], shape, elements=elements))))
    return made


def request(found: Sequence[Tensor], *, binary: bool = True, asks: Sequence[str] = ()) -> InferRequest:
    """Makes a request of KServe's client, with binary or JSON (typed) data, that names the outputs it asks for."""
    outputs = [RequestedOutput(name, {"binary_data": True}) for name in asks]
    return InferRequest("m", [_filled(InferInput, one, binary) for one in found], "r1", request_outputs=outputs)


def response(found: Sequence[Tensor], *, binary: bool = True) -> InferResponse:
    """Makes a response of KServe's server, with binary or JSON (typed) data."""
    outputs = [_filled(InferOutput, one, binary) for one in found]
    return InferResponse("r1", "m", outputs, model_version="1", use_binary_outputs=binary)


def _filled(kind: Any, one: Tensor, binary: bool) -> Any:
    made = kind(one.name, list(one.values.shape), one.datatype)
    made.set_data_from_numpy(one.values, binary_data=binary)
    return made


def rest(message: Encoded) -> bytes:
    """Writes a message that has binary data as KServe does over HTTP."""
    body, length = message.to_rest()
    assert length is not None
    return body


def frame(message: ModelInferRequest | ModelInferResponse | bytes, flag: int = 0) -> bytes:
    """Puts a message into gRPC's frame."""
    written = message if isinstance(message, bytes) else message.SerializeToString()
    return bytes([flag]) + len(written).to_bytes(4, "big") + written


def check_same(payload: Payload, found: Sequence[Tensor]) -> None:
    """Checks that a payload holds the columns and rows of tensors."""
    assert payload.names == tuple(column for one in found for column in one.columns)
    place = 0
    for one in found:
        columns = payload.table[:, place : place + one.rows.shape[1]]
        place += one.rows.shape[1]
        if one.datatype == "BYTES":
            assert columns.tolist() == one.rows.tolist()
        else:
            with np.errstate(invalid="ignore"):
                np.testing.assert_array_equal(columns.astype(np.float64), one.rows.astype(np.float64))
    assert place == payload.table.shape[1]


# One row of 1.5 and 2.5 in every form that is decoded.
_X = [tensor("x", "FP32", [[1.5, 2.5]])]
FORMS = {
    "v1": b'{"instances": [[1.5, 2.5]]}',
    "v1 named": b'{"instances": [{"a": 1.5, "b": 2.5}]}',
    "v1 with NaN": b'{"instances": [[1.5, 2.5], [NaN, 1]]}',
    "v1 by columns": b'{"inputs": {"a": [1.5], "b": [2.5]}}',
    "v2 JSON": b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.5]}]}',
    "v2 binary": rest(request(_X)),
    "v2 answer": rest(response(_X)),
    "gRPC raw": frame(request(_X).to_grpc()),
    "gRPC answer": frame(response(_X).to_grpc()),
    "gRPC typed": frame(request(_X, binary=False).to_grpc()),
}
