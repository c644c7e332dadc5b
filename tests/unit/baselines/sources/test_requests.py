"""Reference data out of logged inferences: requests give features, and responses the predictions of the same rows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nilometer_detectors.apps.events import to_json_line
from nilometer_detectors.baselines.build import ColumnOptions, Inferred, infer
from nilometer_detectors.baselines.sources import RequestSource, _halves
from nilometer_logger.cloudevents import CloudEvent
from nilometer_logger.cloudevents.kserve import REQUEST, RESPONSE
from nilometer_logger.errors import SettingError
from tests.unit.references import made


def event(half: str, name: str, body: Any, service: str = "iris", endpoint: str = "default") -> str:
    """Returns a line of `nilometer events --output json`."""
    attributes = {
        "specversion": "1.0",
        "id": name,
        "source": "http://localhost:9081/",
        "type": REQUEST if half == "request" else RESPONSE,
        "namespace": "demo",
        "inferenceservicename": service,
        "component": "predictor",
        "endpoint": endpoint,
    }
    return to_json_line(CloudEvent(attributes, body if isinstance(body, bytes) else json.dumps(body).encode()))


def asked(*rows: Any) -> dict[str, Any]:
    """Returns the body of a request."""
    return {"instances": list(rows)}


def answered(*rows: Any) -> dict[str, Any]:
    """Returns the body of a response."""
    return {"predictions": list(rows)}


def file_of(directory: Path, lines: Sequence[str]) -> Path:
    """Writes lines."""
    path = directory / "data.jsonl"
    path.write_text("\n".join(lines))
    return path


def read(path: Path, names: Sequence[str] = (), stream: str = "") -> tuple[dict[tuple[str, str], list[Any]], list[str]]:
    """Reads all of a file: its cells by half and name, and the remarks."""
    source = RequestSource(path, names, stream)
    found: dict[tuple[str, str], list[Any]] = {}
    for chunk in source.chunks():
        for column, cells in chunk.cells.items():
            found.setdefault((str(column.half), column.name), []).extend(cells.values)
    return found, source.remarks


def test_requests_and_responses_become_rows(tmp_path: Path) -> None:
    """A response gives the predictions of the rows of its request, in whatever order the two were logged."""
    lines = [
        event("request", "a", asked([1, 10], [2, 20])),
        event("response", "b", answered("x")),
        event("response", "a", answered("y", "z")),
        event("request", "b", asked([3, 30])),
    ]
    found, remarks = read(file_of(tmp_path, lines))
    assert found == {
        ("request", "x0"): [1, 2, 3],
        ("request", "x1"): [10, 20, 30],
        ("response", "y0"): ["y", "z", "x"],
    }
    assert remarks == []


def test_predictions_need_no_flag(tmp_path: Path) -> None:
    """What stands in responses is predictions, and may have the name of a feature."""
    lines = [
        line
        for place in range(20)
        for line in (
            event("request", str(place), asked({"x": place / 2})),
            event("response", str(place), answered({"x": "red" if place % 2 else "green"})),
        )
    ]
    baseline = made(file_of(tmp_path, lines))
    assert [(found.name, found.type) for found in baseline.features] == [("x", "numeric")]
    assert [(found.name, found.type) for found in baseline.predictions] == [("x", "categorical")]
    assert ((baseline.feature_sample * 2) % 2 == baseline.prediction_sample).all()


def test_a_half_without_the_other_is_left_out_and_told(tmp_path: Path) -> None:
    """Where responses are logged, an unanswered request tells nothing of its prediction: it is counted, not used."""
    lines = [
        event("request", "a", asked([1])),
        event("request", "b", asked([2])),
        event("response", "b", answered(5)),
        event("response", "c", answered(6)),
        event("request", "d", asked([3], [4])),
        event("response", "d", answered(7)),
    ]
    found, remarks = read(file_of(tmp_path, lines))
    assert found == {("request", "x0"): [2], ("response", "y0"): [5]}
    assert remarks == [
        "2 requests or responses without the other are left out",
        "1 inferences have other numbers of rows in request and response: left out",
    ]


def test_a_log_of_requests_needs_no_responses(tmp_path: Path) -> None:
    """Where only requests are logged, each is used."""
    found, remarks = read(file_of(tmp_path, [event("request", str(place), asked([place])) for place in range(10)]))
    assert found == {("request", "x0"): list(range(10))}
    assert remarks == []


@pytest.mark.parametrize(("most", "cells"), [(4, 10_000), (10_000, 4)])
def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, cells: int) -> None:
    """A request that has waited for long is left out, so that memory is bounded in requests and in values."""
    monkeypatch.setattr(_halves, "MOST_WAITING", most)
    monkeypatch.setattr(_halves, "MOST_WAITING_CELLS", cells)
    lines = [event("request", "a", asked([0])), event("response", "a", answered(9))]
    lines += [event("request", str(place), asked([place])) for place in range(1, 8)]
    lines += [event("response", str(place), answered(place * 10)) for place in range(4, 8)]
    found, remarks = read(file_of(tmp_path, lines))
    assert found == {("request", "x0"): [0, 4, 5, 6, 7], ("response", "y0"): [9, 40, 50, 60, 70]}
    assert remarks == ["3 requests or responses without the other are left out"]


def test_a_log_without_responses_is_read_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More requests than may wait, and no response among them, are a log of requests; a late response is told."""
    monkeypatch.setattr(_halves, "MOST_WAITING", 5)
    lines = [event("request", str(place), asked([place])) for place in range(20)]
    found, remarks = read(file_of(tmp_path, [*lines, event("response", "3", answered(1))]))
    assert found == {("request", "x0"): list(range(20))}
    assert remarks == ["1 requests or responses without the other are left out"]


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4]}]},
        {"inputs": {"x.0": [1, 3], "x.1": [2, 4]}},
        {"instances": [{"x.0": 1, "x.1": 2}, {"x.0": 3, "x.1": 4}]},
    ],
)
def test_every_form_of_a_request_is_read(tmp_path: Path, body: Any) -> None:
    """v1 by rows and by columns and v2 are the same columns."""
    assert read(file_of(tmp_path, [json.dumps(body)]))[0] == {("request", "x.0"): [1, 3], ("request", "x.1"): [2, 4]}


def test_columns_are_matched_by_name(tmp_path: Path) -> None:
    """A request may name its columns in another order, lack one, or have one that none before had."""
    lines = [json.dumps(asked(row)) for row in ({"a": 1, "b": 2}, {"b": 3, "a": 4}, {"b": 5}, {"a": 6, "c": 7})]
    found, _ = read(file_of(tmp_path, lines))
    assert found == {
        ("request", "a"): [1, 4, None, 6],
        ("request", "b"): [2, 3, 5, None],
        ("request", "c"): [None, None, None, 7],
    }


def test_columns_by_position_get_the_names_that_the_user_gives(tmp_path: Path) -> None:
    """Rows of lists have no names: the user's, or x0, x1, …; a row of another width is told and not used."""
    path = file_of(tmp_path, [json.dumps(asked([1, 2])), json.dumps(asked([1, 2, 3])), json.dumps(asked([3, 4]))])
    found, remarks = read(path, ["length", "width"])
    assert found == {("request", "length"): [1, 3], ("request", "width"): [2, 4]}
    assert remarks == ["1 lines cannot be used, the first is line 2: 3 columns, and those before have 2"]
    with pytest.raises(SettingError, match="rows of 2 columns, and 1 names for them"):
        read(path, ["length"])


def test_a_stream_is_chosen(tmp_path: Path) -> None:
    """The events of several streams are no baseline of one: the user chooses, as exactly as need be."""
    lines = [
        event("request", "a", asked([1])),
        event("request", "b", asked([2]), service="wine"),
        event("request", "c", asked([3]), endpoint="canary"),
    ]
    path = file_of(tmp_path, lines)
    with pytest.raises(SettingError, match=r"demo/iris/predictor/default and demo/wine/predictor/default.*--stream"):
        read(path)
    with pytest.raises(SettingError, match=r"demo/iris/predictor/canary.*--stream"):
        read(path, stream="demo/iris")
    assert read(path, stream="demo/wine")[0] == {("request", "x0"): [2]}
    assert read(path, stream="demo/iris/predictor/canary")[0] == {("request", "x0"): [3]}
    with pytest.raises(SettingError, match="holds no inferences"):
        read(path, stream="demo/wi")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "line 1: the body is text, not JSON"),
        ('{"instances": [[1], [1, 2]]}', "line 1: instances do not have one shape"),
        ('{"predictions": [1]}', "does not say of which request"),
        ('{"specversion": "1.0"}', "line 1: not a CloudEvent"),
        (event("request", "a", answered(1)), "a request event holds the body of a response"),
        (event("request", "a", b"\x1f\x8b\x08"), "line 1:"),
        ("", "it is empty"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_line(tmp_path: Path, line: str, reason: str) -> None:
    """Where nothing can be used, the first reason is the error; else it is a remark."""
    with pytest.raises(SettingError, match="holds no inferences") as error:
        read(file_of(tmp_path, [line]))
    assert reason in str(error.value)
    if line:
        found, remarks = read(file_of(tmp_path, [line, json.dumps(asked([1]))]))
        assert found == {("request", "x0"): [1]}
        assert "1 lines cannot be used" in remarks[0]


def test_python_s_numbers_are_read(tmp_path: Path) -> None:
    """NaN and Infinity in a body, as Python's servers write them, are missing."""
    lines = [event("request", str(place), b'{"instances": [[NaN], [Infinity], [%d]]}' % place) for place in range(3)]
    baseline = made(file_of(tmp_path, lines))
    assert (baseline.features[0].count, baseline.features[0].missing) == (3, 6)
    assert np.nanmax(baseline.feature_sample) == 2


def test_both_readings_are_the_same(tmp_path: Path) -> None:
    """A source is read twice; the second time it gives what it gave the first."""
    lines = [event("request", str(place % 5), asked([place])) for place in range(50)]
    source = RequestSource(file_of(tmp_path, lines))
    first, second = ([dict(chunk.cells) for chunk in source.chunks()] for _ in range(2))
    assert first == second
    assert isinstance(infer(source, ColumnOptions()), Inferred)
