"""Log lines: for people, or one JSON object a line, ours and the libraries' alike."""

import contextlib
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog

from nilometer_logger import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leaves logging as it was found, for pytest and for the next test."""
    root = logging.getLogger()
    before, handlers, level = structlog.get_config(), root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in list(root.manager.loggerDict)}
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in list(root.manager.loggerDict):
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Returns what was logged; nothing ever goes to standard output."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_a_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """When, how bad, what, and its facts in the order in which they were told."""
    logs.configure("text", "info")
    structlog.get_logger("nilometer.test").warning("window closed", rows=12, monitor="demo/iris")

    [line] = lines(capsys)

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \[warning  \] window closed +rows=12 monitor=demo/iris", line
    )


@pytest.mark.parametrize("hidden", ["\x1b[2J", "\x9b2J", "\u202e", "\u2066", "\r\nforged", "\x7f"])
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_client_commands_no_terminal(log_format: str, hidden: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Ids and names that clients chose stand in lines, of ours and of libraries, where nobody may obey them."""
    logs.configure(log_format, "info")
    structlog.get_logger("nilometer.test").warning(f"said {hidden}", reason=f"id {hidden}", ids=[hidden])
    logging.getLogger("uvicorn.error").warning("said %s", hidden)

    ours, theirs = lines(capsys)

    assert ours.isprintable()
    assert theirs.isprintable()
    if log_format == "json":
        assert json.loads(ours)["reason"] == f"id {hidden}"


def test_a_line_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object, with the same facts by their names."""
    logs.configure("json", "info")
    structlog.get_logger("nilometer.test").info("window closed", rows=12, monitor="demo/iris")

    [line] = lines(capsys)
    told = json.loads(line)

    assert told.pop("timestamp").endswith("Z")
    assert told == {"level": "info", "event": "window closed", "rows": 12, "monitor": "demo/iris"}


@pytest.mark.parametrize(("level", "written"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_bounds_our_lines(level: str, written: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing below the level that was asked for is written."""
    logs.configure("json", level)
    logger = structlog.get_logger("nilometer.test")
    for say in (logger.debug, logger.info, logger.warning, logger.error):
        say("said")

    assert len(lines(capsys)) == written


def test_libraries_speak_from_warning_on(capsys: pytest.CaptureFixture[str]) -> None:
    """What a library tells at info is of no use to an operator, even where ours is set to debug."""
    logs.configure("json", "debug")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")

    [line] = lines(capsys)

    assert json.loads(line)["event"] == "Invalid HTTP request received."


def test_kafkas_clients_do_not_report_each_attempt(capsys: pytest.CaptureFixture[str]) -> None:
    """That Kafka is away is said in a line of our own, so aiokafka's own errors are silent, but not its warnings."""
    logs.configure("json", "info")
    logging.getLogger("aiokafka").error("Unable connect to node with id 0")
    logging.getLogger("aiokafka.consumer.fetcher").warning("No offset")

    [line] = lines(capsys)

    assert json.loads(line)["event"] == "No offset"


def test_a_library_says_the_same_once_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Kafka is away its clients complain ten times a second; ours are never held back."""
    now = 1000.0
    monkeypatch.setattr("nilometer_logger.logs.time.monotonic", lambda: now)
    logs.configure("json", "info")
    for node in range(5):
        logging.getLogger("aiokafka.consumer.fetcher").error("Failed fetch messages from %s", node)
        structlog.get_logger("nilometer.test").info("said")
    now += 60
    logging.getLogger("aiokafka.consumer.fetcher").error("Failed fetch messages from %s", 7)

    told = [json.loads(line)["event"] for line in lines(capsys)]

    assert told.count("said") == 5
    assert [event for event in told if event != "said"] == [
        "Failed fetch messages from 0",
        "Failed fetch messages from 7",
    ]


def test_an_error_that_is_logged_with_its_traceback_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug's traceback stays in its line, for whoever collects the logs."""
    logs.configure("json", "info")
    try:
        json.loads("a bug")
    except json.JSONDecodeError:
        structlog.get_logger("nilometer.test").exception("unexpected")

    [line] = lines(capsys)

    assert "JSONDecodeError: Expecting value" in json.loads(line)["exception"]


def test_no_colours_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """A file or a pipe gets plain text."""
    logs.configure("text", "info")
    structlog.get_logger("nilometer.test").error("said", reason="because")

    assert "\x1b" not in lines(capsys)[0]


def test_it_may_be_configured_again(capsys: pytest.CaptureFixture[str]) -> None:
    """A second call replaces the first, and no line is written twice."""
    logs.configure("text", "info")
    logs.configure("json", "info")
    structlog.get_logger("nilometer.test").info("said")

    [line] = lines(capsys)

    assert json.loads(line)["event"] == "said"


def test_a_flood_is_bounded_and_says_what_it_left_out() -> None:
    """Of each kind of line that traffic decides, so many are written in a while; the next one counts the others."""
    now = [0.0]
    floods = logs.Floods(lambda: now[0])

    def written(kind: str, count: int) -> list[structlog.typing.EventDict]:
        found = []
        for _ in range(count):
            with contextlib.suppress(structlog.DropEvent):
                found.append(floods(None, "warning", {"event": kind}))
        return found

    assert written("outlier", logs.FLOOD_LINES + 7) == [{"event": "outlier"}] * logs.FLOOD_LINES
    assert written("drift", 1) == [{"event": "drift"}]
    assert written("waiting for Kafka", 10_000) == [{"event": "waiting for Kafka"}] * 10_000
    now[0] = logs.FLOOD_SECONDS
    assert written("outlier", 2) == [{"event": "outlier", "left_out": 7}, {"event": "outlier"}]
