"""Events and rows in files: the same findings whichever way they lie there, and each mistake told with its place."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nilometer_logger.cloudevents import CloudEvent, to_json
from nilometer_logger.errors import SettingError
from tests.unit.replay.asking import events_of, monitor, replay, rows, write_csv, write_events

Capsys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def fruit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a monitor."""
    return monitor(tmp_path_factory.mktemp("monitor"))


def windows(found: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    """Returns start, rows and what has closed it, of every window."""
    bodies = [each["data"] for each in found if each["type"] == "io.nilometer.statistics"]
    return [(body["window"]["start"], body["rows"], body["window"]["closedBy"]) for body in bodies]


def test_events_close_windows_by_watermark_and_at_the_end(fruit: Path, tmp_path: Path, capsys: Capsys) -> None:
    """200 s of rows, in windows of a minute: the last is cut off where the file ends, and is said to be."""
    file = write_events(tmp_path / "events.jsonl", events_of(rows()))
    printed = replay(capsys, fruit, file)
    assert windows(printed.findings) == [
        ("2026-11-16T08:00:00Z", 60, "watermark"),
        ("2026-11-16T08:01:00Z", 60, "watermark"),
        ("2026-11-16T08:02:00Z", 60, "watermark"),
        ("2026-11-16T08:03:00Z", 20, "drained"),
    ]
    assert [each["verdict"] for each in printed.findings if each["type"] == "io.nilometer.drift"][-1] == "nodata"
    assert "a file has no arrival times" in printed.err
    outliers = [each["causationid"] for each in printed.findings if each["type"] == "io.nilometer.outlier"]
    assert outliers == ["row-26", "row-76", "row-126", "row-176"]


def test_rows_are_the_same_as_their_events(fruit: Path, tmp_path: Path, capsys: Capsys) -> None:
    """CSV with every kind of spelling, Parquet with times as numbers or timestamps, and events: one and the same."""
    table = rows()
    expected = replay(capsys, fruit, write_events(tmp_path / "e.jsonl", events_of(table))).out
    columns = {name: [row[name] for row in table] for name in table[0]}
    stamped = {**columns, "time": pa.array(columns["time"], pa.timestamp("ns", "UTC"))}
    files = {
        "iso.csv": lambda path: write_csv(path, table),
        "ns.csv": lambda path: write_csv(path, table, time=str),
        "spelt.csv": lambda path: write_csv(path, table, ripe=lambda ripe: str(int(ripe)), **{"class": "{}.0".format}),
        "ns.parquet": lambda path: pq.write_table(pa.table(columns), path),
        "stamp.parquet": lambda path: pq.write_table(pa.table(stamped), path),
    }
    for name, write in files.items():
        write(tmp_path / name)
        assert replay(capsys, fruit, tmp_path / name, time_column="time").out == expected, name


def test_binary_bodies_and_batches_are_events_too(fruit: Path, tmp_path: Path, capsys: Capsys) -> None:
    """Base64, and several in a line that came together: the same windows."""
    events = events_of(rows())
    plain = replay(capsys, fruit, write_events(tmp_path / "plain.jsonl", events)).out
    binary = [
        CloudEvent({**each.attributes, "datacontenttype": "application/octet-stream"}, each.data) for each in events
    ]
    assert "data_base64" in (written := write_events(tmp_path / "binary.jsonl", binary)).read_text()
    assert replay(capsys, fruit, written).out == plain
    batches = tmp_path / "batches.jsonl"
    pairs = [
        b"[" + to_json(first) + b"," + to_json(second) + b"]\n"
        for first, second in zip(events[::2], events[1::2], strict=True)
    ]
    batches.write_bytes(b"".join(pairs))
    assert replay(capsys, fruit, batches).out == plain


def test_lines_that_are_no_event_are_told_and_passed_over(fruit: Path, tmp_path: Path, capsys: Capsys) -> None:
    """Junk, an event of another kind, one without a time: counted, with the first line of each."""
    file = write_events(tmp_path / "events.jsonl", events_of(rows()))
    whole = replay(capsys, fruit, file).out
    lines = file.read_text().splitlines()
    other = {**json.loads(lines[0]), "type": "io.nilometer.drift"}
    timeless = {name: value for name, value in json.loads(lines[0]).items() if name != "time"}
    broken = {**json.loads(lines[0]), "id": "broken", "data": {"instances": "none"}}
    mixed = ["junk", "", *lines[:40], "{", json.dumps(other), json.dumps(timeless), *lines[40:], json.dumps(broken)]
    file.write_text("\n".join(mixed))

    printed = replay(capsys, fruit, file)

    assert printed.out == whole
    for told in (
        "3 could not be used",
        "(first at line 1)",
        "a file no arrival (first at line 45)",
        "1 events are neither requests nor responses",
        f"(first at line {len(mixed)})",
    ):
        assert told in printed.err, told


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no logged inference: it is empty"),
        ("junk\njunk\n", r"2 of them: .* \(first at line 1\); expected one CloudEvent a line"),
        ('{"specversion":"1.0","id":"1","source":"s","type":"io.nilometer.drift"}', "no requests or responses"),
    ],
)
def test_a_file_without_any_event_is_an_error(
    fruit: Path, tmp_path: Path, capsys: Capsys, text: str, reason: str
) -> None:
    """Nothing was judged, so it does not look as if all were well."""
    file = tmp_path / "events.jsonl"
    file.write_text(text)
    with pytest.raises(SettingError, match=reason):
        replay(capsys, fruit, file)


def test_events_of_another_stream_are_told(fruit: Path, tmp_path: Path, capsys: Capsys) -> None:
    """A monitor with a wrong name finds nothing, and the names that are there are shown."""
    events = [
        CloudEvent({**each.attributes, "inferenceservicename": "loans"}, each.data) for each in events_of(rows(5))
    ]
    printed = replay(capsys, fruit, write_events(tmp_path / "events.jsonl", events))
    assert printed.out == ""
    assert "demo/fruit found nothing: no window of demo/fruit/predictor closed" in printed.err
    assert "no monitor of these watches demo/loans/predictor" in printed.err


def _without(name: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda table: [{key: value for key, value in row.items() if key != name} for row in table]


@pytest.mark.parametrize(
    "wrong",
    [
        (lambda table: table, {"time_column": ""}, "--time-column NAME is needed"),
        (
            lambda table: table,
            {"time_column": "when"},
            "has no column 'when' for --time-column; there are time, length",
        ),
        (
            _without("colour"),
            {},
            "has no column 'colour', one of the features of demo/fruit; there are time, length, ripe",
        ),
        (
            lambda table: [*table[:3], {**table[3], "time": "soon"}],
            {},
            "row 4: column 'time' is 'soon': expected a time",
        ),
        (lambda table: [{**table[0], "time": ""}], {}, "row 1: column 'time' is empty"),
    ],
)
def test_a_table_that_does_not_fit_is_told(
    fruit: Path, tmp_path: Path, capsys: Capsys, wrong: tuple[Callable[[Any], Any], dict[str, str], str]
) -> None:
    """The file, the row or column, the value, and what is there instead."""
    change, asked, reason = wrong
    shown = [{**row, "time": f"2026-11-16T08:00:{number:02}Z"} for number, row in enumerate(rows(10))]
    file = write_csv(tmp_path / "rows.csv", change(shown), time=str)
    with pytest.raises(SettingError, match=re.escape(reason)):
        replay(capsys, fruit, file, **{"time_column": "time", **asked})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"time,length\n2026-11-16,1\n2026-11-16\n", "line 3 has 1 cells, and the header names 2 columns"),
        (b"time,length\n2026-11-16,\xff\n", "is not UTF-8 (line 2"),
        (b'time,length\n2026-11-16,"1\n', "line 2: "),
        (b"", "is empty"),
    ],
)
def test_a_damaged_table_is_told(fruit: Path, tmp_path: Path, capsys: Capsys, content: bytes, reason: str) -> None:
    """With the line."""
    (tmp_path / "rows.csv").write_bytes(content)
    with pytest.raises(SettingError, match=re.escape(reason)):
        replay(capsys, fruit, tmp_path / "rows.csv", time_column="time")
    (tmp_path / "rows.parquet").write_bytes(content)
    with pytest.raises(SettingError, match="is no Parquet file, or a damaged one"):
        replay(capsys, fruit, tmp_path / "rows.parquet", time_column="time")


def test_cells_that_do_not_fit_are_the_monitors_to_tell(fruit: Path, tmp_path: Path, capsys: Capsys) -> None:
    """Empty cells and words for nothing are missing, as are texts among numbers; infinity and new categories are counted."""
    table = rows(8)
    for row, (length, colour) in zip(
        table, [("", "red"), ("NA", ""), ("long", "blue"), ("inf", "green"), ("-inf", "red")], strict=False
    ):
        row.update(length=length, colour=colour)
    file = write_csv(tmp_path / "rows.csv", table)
    [window] = [
        each for each in replay(capsys, fruit, file, time_column="time").findings if "statistics" in each["type"]
    ]
    features = window["data"]["features"]
    length, colour = features["length"], features["colour"]
    assert (length["count"], length["missing"], length["infinite"]) == (3, 3, 2)
    assert (colour["missing"], colour["histogram"]["unseen"]) == (1, 1)


def test_a_table_without_predictions_is_one_of_requests(fruit: Path, tmp_path: Path, capsys: Capsys) -> None:
    """What the monitor says of predictions is that there are none."""
    file = write_csv(tmp_path / "rows.csv", _without("class")(rows()))
    printed = replay(capsys, fruit, file, time_column="time")
    said = [each["data"]["predictionRows"] for each in printed.findings if each["type"] == "io.nilometer.statistics"]
    assert said == [0, 0, 0, 0]
    assert [row for _, row, _ in windows(printed.findings)] == [60, 60, 60, 20]


def test_rows_that_are_not_in_order_are_late_and_that_is_told(fruit: Path, tmp_path: Path, capsys: Capsys) -> None:
    """Every row is in its window or counted as late, and the remedy is named."""
    table = rows()
    table = [*table[100:], *table[:100]]
    printed = replay(capsys, fruit, write_csv(tmp_path / "rows.csv", table), time_column="time")
    told = re.search(r"(\d+) times a row came after its window had closed \(late\); a longer", printed.err)
    assert told
    in_time = sum(row for _, row, _ in windows(printed.findings))
    # A late request has a late response.
    assert 0 < in_time < 200
    assert int(told[1]) == 2 * (200 - in_time)


def test_windows_that_slide_and_windows_of_rows(tmp_path: Path, capsys: Capsys) -> None:
    """A monitor of each kind over one file, at once: each finds what it finds alone."""
    sliding = monitor(tmp_path / "m", name="sliding", windows="{size: 1m, slide: 30s, watermarkDelay: 5s}")
    counting = monitor(tmp_path / "m", name="counting", windows="{count: 50}")
    file = write_csv(tmp_path / "rows.csv", rows())
    both = replay(capsys, [sliding, counting], file, time_column="time").out.splitlines()
    alone = [replay(capsys, each, file, time_column="time").out.splitlines() for each in (sliding, counting)]
    assert sorted(both) == sorted([*alone[0], *alone[1]])
