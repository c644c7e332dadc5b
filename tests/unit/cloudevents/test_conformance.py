"""The scenarios of the CloudEvents conformance suite, as tables (cloudevents/conformance, `features` and `format/json`).

Where we differ, it is for KServe's sake, and on purpose: see `LENIENT`.
"""

import json
from typing import Any

import pytest

from nilometer_logger.cloudevents import CloudEvent, from_json, from_json_batch, read_http, read_kafka
from nilometer_logger.errors import EventError

MINIMAL = {"specversion": "1.0", "id": "minimal", "type": "io.cloudevents.test", "source": "https://cloudevents.io"}
CORE = {
    **MINIMAL,
    "id": "allCore",
    "datacontenttype": "text/plain",
    "dataschema": "https://cloudevents.io/dataschema",
    "subject": "tests",
    "time": "2018-04-05T17:31:00Z",
}
EXTENSIONS = {
    "extinteger": 10,
    "extboolean": True,
    "extstring": "text",
    "exturi": "https://cloudevents.io",
    "exturiref": "//authority/path",
    "exttimestamp": "2023-03-31T15:12:00Z",
    "extbinary": "TWE=",
}
EXTENDED = {**MINIMAL, "id": "allExtensionTypes", **EXTENSIONS}
HELLO = {
    "id": "1234-1234-1234",
    "specversion": "1.0",
    "type": "com.example.someevent",
    "source": "/mycontext/subcontext",
    "time": "2018-04-05T03:56:24Z",
}
BODY = b'{\n    "message": "Hello World!"\n}'
DOCUMENT = json.dumps({**HELLO, "datacontenttype": "application/json", "data": json.loads(BODY)}, indent=4).encode()


def check_hello(event: CloudEvent, content_type: str) -> None:
    """Checks attributes and data as the suite's `Then` does."""
    assert event.attributes == {**HELLO, "datacontenttype": content_type}
    assert json.loads(event.data) == {"message": "Hello World!"}


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_http_binary(content_type: str) -> None:
    """HTTP protocol binding, scenario "Binary content mode"."""
    headers = [(b"host", b"example.com"), (b"content-length", b"33"), (b"content-type", content_type.encode())]
    headers += [(b"ce-" + name.encode(), value.encode()) for name, value in HELLO.items()]
    [event] = read_http(headers, BODY)
    check_hello(event, content_type)


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+json", "application/cloudevents+json; charset=utf-8"]
)
def test_http_structured(content_type: str) -> None:
    """HTTP protocol binding, scenario "Structured content mode"."""
    [event] = read_http([(b"host", b"example.com"), (b"content-type", content_type.encode())], DOCUMENT)
    check_hello(event, "application/json")


def test_kafka_binary() -> None:
    """Kafka protocol binding, scenario "Binary content mode"."""
    headers = [(f"ce_{name}", value.encode()) for name, value in HELLO.items()]
    [event] = read_kafka([*headers, ("content-type", b"application/json")], BODY)
    check_hello(event, "application/json")


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+json", "application/cloudevents+json; charset=utf-8"]
)
def test_kafka_structured(content_type: str) -> None:
    """Kafka protocol binding, scenario "Structured content mode"."""
    [event] = read_kafka([("content-type", content_type.encode())], DOCUMENT)
    check_hello(event, "application/json")


VALID = {
    "validMinimal": MINIMAL,
    "validMinimalWithNullForOptional": {
        **MINIMAL,
        **dict.fromkeys(("datacontenttype", "dataschema", "subject", "time")),
    },
    "validAllCoreAttributes": CORE,
    "validMinimalWithTimeUtc": {**MINIMAL, "time": "2018-04-05T17:31:00Z"},
    "validMinimalWithTimeToNanosecondsUtc": {**MINIMAL, "time": "2018-04-05T17:31:00.000000000Z"},
    "validMinimalWithTimeUsingPositiveOffset": {**MINIMAL, "time": "2018-04-05T18:31:00+01:00"},
    "validMinimalWithTimeUsingNegativeOffset": {**MINIMAL, "time": "2018-04-05T16:31:00-01:00"},
    "validRelativeSource": {**MINIMAL, "source": "#fragment"},
    "validSimpleTextData": {**MINIMAL, "datacontenttype": "text/plain", "data": "Simple text"},
    "validAllExtensionTypes": EXTENDED,
}
INVALID = {
    "invalidNoSpecVersion": {**MINIMAL, "specversion": None},
    "invalidNoId": {**MINIMAL, "id": None},
    "invalidNoType": {**MINIMAL, "type": None},
    "invalidNoSource": {**MINIMAL, "source": None},
    "invalidEmptyId": {**MINIMAL, "id": ""},
    "invalidEmptyType": {**MINIMAL, "type": ""},
    "invalidEmptySource": {**MINIMAL, "source": ""},
    "invalidEmptySpecVersion": {**MINIMAL, "specversion": ""},
    "invalidUnknownSpecVersion": {**MINIMAL, "specversion": "0.9"},
    "invalidNumericId": {**MINIMAL, "id": 25},
    "invalidObjectId": {**MINIMAL, "id": {"xyz": "abc"}},
    "invalidCapitalizedExtension": {**MINIMAL, "MyExtension": "bad"},
    "invalidPunctuatedExtension": {**MINIMAL, "my.extension": "bad"},
    "invalidNonIntegerExtensionValue": {**MINIMAL, "my.extension": 1.5},
    "invalidBothDataAndDataBase64": {**MINIMAL, "data": "text", "data_base64": "eyAieHl6IjogMTIzIH0="},
}
# Invalid to the suite, and taken by us. KServe sends an empty `endpoint` with every event, so what is empty is absent;
# it hands on whatever Content-Type a client sent; and where a time cannot be read, Kafka's own stands in for it.
LENIENT = {
    "invalidTimeGarbage": {**MINIMAL, "time": "lunchtime"},
    "invalidTimeToMinute": {**MINIMAL, "time": "2018-04-05T18:31Z"},
    "invalidTimeOffsetX": {**MINIMAL, "time": "2018-04-05T18:31:00X"},
    "invalidTimeOffsetOutOfRange": {**MINIMAL, "time": "2018-04-05T18:31:00+25:00"},
    "invalidTimeOffsetNonInteger": {**MINIMAL, "time": "2018-04-05T18:31:00+xx:00"},
    "invalidTimeOffsetHourOnly": {**MINIMAL, "time": "2018-04-05T18:31:00+05"},
    "invalidNonRfc2046DataContentType": {**MINIMAL, "datacontenttype": "xyz"},
    "invalidEmptyDataContentType": {**MINIMAL, "datacontenttype": ""},
    "invalidEmptyDataSchema": {**MINIMAL, "dataschema": ""},
    "invalidEmptySubject": {**MINIMAL, "subject": ""},
}


def text_of(members: dict[str, Any]) -> dict[str, str]:
    """Returns attributes as we have them: text, and none that is empty."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in members.items()}
    return {name: text for name, text in texts.items() if name != "data" and text not in ("", "null")}


@pytest.mark.parametrize("members", (VALID | LENIENT).values(), ids=VALID | LENIENT)
def test_a_valid_event(members: dict[str, Any]) -> None:
    """JSON format, `valid-events.json`: every attribute is there, as it was written."""
    event = from_json(json.dumps(members).encode())

    assert event.attributes == text_of(members)
    assert event.data == members.get("data", "").encode()


@pytest.mark.parametrize("members", INVALID.values(), ids=INVALID)
def test_an_invalid_event(members: dict[str, Any]) -> None:
    """JSON format, `invalid-events.json`: refused, whether a required attribute is null or is not there."""
    with pytest.raises(EventError):
        from_json(json.dumps(members).encode())
    with pytest.raises(EventError):
        from_json(json.dumps({name: value for name, value in members.items() if value is not None}).encode())


@pytest.mark.parametrize(
    "batch",
    [[], [MINIMAL], [MINIMAL, MINIMAL], [MINIMAL, CORE], [MINIMAL, EXTENDED]],
    ids=[
        "validBatchEmpty",
        "validBatchMinimal",
        "validBatchMinimal2",
        "validBatchMinimalAndAllCore",
        "validBatchMinimalAndAllExtensionTypes",
    ],
)
def test_a_valid_batch(batch: list[dict[str, Any]]) -> None:
    """JSON format, `valid-batches.json`."""
    events = from_json_batch(json.dumps(batch).encode())

    assert [event.attributes for event in events] == [text_of(members) for members in batch]


@pytest.mark.parametrize(
    ("batch", "position"),
    [
        ([MINIMAL, {**MINIMAL, "specversion": "0.9"}], 1),
        ([{name: value for name, value in MINIMAL.items() if name != "id"}], 0),
        (["not an object", MINIMAL], 0),
    ],
    ids=[
        "invalidBatchMixedSpecVersions",
        "invalidBatchContainingInvalidCloudEvent",
        "invalidBatchContainingNonObject",
    ],
)
def test_an_invalid_batch(batch: list[Any], position: int) -> None:
    """JSON format, `invalid-batches.json`: refused as a whole, and it says which event it was."""
    with pytest.raises(EventError, match=f"^event {position}: "):
        from_json_batch(json.dumps(batch).encode())
