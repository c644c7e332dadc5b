"""The parts of the Open Inference Protocol's gRPC messages that hold tensors, declared for protobuf.

Requests and responses differ in one field, so that one declaration reads both:

| number | `ModelInferRequest`                            | `ModelInferResponse`           |
|--------|------------------------------------------------|--------------------------------|
| 5      | `inputs`: tensors                              | `outputs`: tensors, the same   |
| 6      | `outputs`: the names asked for, as messages    | `raw_output_contents`: bytes   |
| 7      | `raw_input_contents`: bytes                    |                                |

What is not declared is passed over. Two declarations are not those of the protocol, but the same on the wire. A message
is bytes with a length, so field 6 is read as bytes. A packed list of float or double is bytes with a length as well,
and read so it becomes numpy's without an object a number: hundreds of times faster. (Every encoder packs; numbers that
were not packed would be missed here, and the tensor refused because it has too few.)

The declaration is made in code, in a pool and a package of its own: it needs no compiler, and does not clash with
KServe's, whose generated module registers the same names for the whole process.

Source: https://github.com/kserve/open-inference-protocol, specification/protocol/open_inference_grpc.proto.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

_PACKAGE = "nilometer"
_Field = descriptor_pb2.FieldDescriptorProto
_ONE, _MANY = _Field.LABEL_OPTIONAL, _Field.LABEL_REPEATED
_MESSAGES: dict[str, list[tuple[str, int, int, str]]] = {
    "Contents": [
        ("bool_contents", 1, _MANY, "bool"),
        ("int_contents", 2, _MANY, "int32"),
        ("int64_contents", 3, _MANY, "int64"),
        ("uint_contents", 4, _MANY, "uint32"),
        ("uint64_contents", 5, _MANY, "uint64"),
        ("fp32_contents", 6, _MANY, "bytes"),
        ("fp64_contents", 7, _MANY, "bytes"),
        ("bytes_contents", 8, _MANY, "bytes"),
    ],
    "Tensor": [
        ("name", 1, _ONE, "string"),
        ("datatype", 2, _ONE, "string"),
        ("shape", 3, _MANY, "int64"),
        ("contents", 5, _ONE, "Contents"),
    ],
    "Inference": [
        ("tensors", 5, _MANY, "Tensor"),
        ("asked_or_raw", 6, _MANY, "bytes"),
        ("raw", 7, _MANY, "bytes"),
    ],
}


def parse(message: bytes | memoryview) -> Any:
    """Reads a message.

    Returns:
        An `Inference` as declared above.

    Raises:
        ValueError: if the bytes are no such message.
    """
    try:
        return _Inference.FromString(message)
    except DecodeError as error:
        raise ValueError(str(error)) from None


def _declare() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto3")
    for message, fields in _MESSAGES.items():
        declared = file.message_type.add(name=message)
        for name, number, label, kind in fields:
            field = declared.field.add(name=name, number=number, label=label)
            if kind in _MESSAGES:
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = _Field.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Inference"))


_Inference = _declare()
