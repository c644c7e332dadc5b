"""A replay of the log finds what the worker found, byte for byte; and a monitor under trial runs over all of it."""

import json
import time
from pathlib import Path

import pytest

from nilometer_logger.times import SECOND, format_time
from tests.integration.replay.conftest import Replayed, declare
from tests.integration.stack import eventually
from tests.integration.worker.feeding import Sent, beginning, make_traffic
from tests.integration.worker_faults import admin
from tests.integration.worker_faults.traffic import append_now
from tests.integration.worker_faults.workers import AMONG, PATIENCE

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


def feed(working: Replayed) -> list[Sent]:
    """Appends requests that close windows in every way: silence, a watermark, a number of rows; some late, twice, unusable."""
    now = time.time_ns()
    quiet = [Sent(f"now-{name}-{number}", name, now, (10.0 + number, 20.0)) for name in AMONG for number in range(6)]
    append_now(working.kafka, working.prefix, quiet)
    eventually(
        lambda: len({event["monitor"] for event in working.events("findings")}) >= 2 * len(AMONG),
        "windows that silence has closed",
        timeout_seconds=PATIENCE,
    )
    start = beginning()
    sent = make_traffic(start, 40, 4000, AMONG)
    late = [Sent(f"late-{name}", name, start, (10.0, 20.0)) for name in AMONG]
    broken = [Sent(f"broken-{name}", name, start + 50 * SECOND, (0.0, 0.0), b"junk") for name in AMONG]
    for part in (sent[:2000], sent[:100], sent[2000:], late, broken):
        append_now(working.kafka, working.prefix, part)
    working.close_all(sent)
    return sent


def test_the_same_findings_byte_for_byte(working: Replayed) -> None:
    """Tumbling, sliding and count windows over streams in several partitions, with silences, late rows and outliers."""
    worker = working.start()
    feed(working)
    worker.stop(grace_seconds=60)
    found = working.found()

    replayed = working.replay("--output", "json")

    assert replayed.returncode == 0, replayed.stderr
    assert sorted(replayed.stdout.splitlines()) == found
    findings = [json.loads(line) for line in found]
    assert {"watermark", "quiet", "count"} <= {each["data"].get("window", {}).get("closedBy") for each in findings}
    assert {"drift", "ok", "nodata", "outlier"} <= {each.get("verdict") for each in findings}
    assert sum(each["data"].get("lateSinceLast", 0) for each in findings) > 0
    assert sum(each["data"].get("duplicatesSinceLast", 0) for each in findings) > 0
    assert "5 of them: the body" in replayed.stderr or "5 could not be used" in replayed.stderr
    # The log names these very monitors, so to obey it changes nothing; nor does the order of lines ever change.
    again = working.replay("--output", "json", "--configured")
    assert again.stdout == replayed.stdout


def test_a_monitor_under_trial_runs_over_all_of_it(working: Replayed, baseline: Path, tmp_path: Path) -> None:
    """Another threshold, a name that no worker knew: it starts with the span, and ends with it."""
    worker = working.start()
    sent = feed(working)
    worker.stop(grace_seconds=60)
    trial = declare(tmp_path, baseline, "tumbling", AMONG[0], threshold=2)

    replayed = working.replay("--output", "json", monitors=[trial])

    assert replayed.returncode == 0, replayed.stderr
    found = [json.loads(line) for line in replayed.stdout.splitlines()]
    ours = f"demo/{AMONG[0]}-tumbling"
    starts = [each["data"]["window"]["start"] for each in found if each["type"] == "io.nilometer.statistics"]
    theirs = [
        json.loads(event.data)["window"]["start"]
        for event in working.events("findings")
        if event["type"] == "io.nilometer.statistics" and event["monitor"] == ours
    ]
    assert sorted(starts) == sorted(theirs)
    assert sum(each["type"] == "io.nilometer.outlier" for each in found) > len(sent) // 100 // len(AMONG)
    assert "the log says" in replayed.stderr

    obeying = working.replay("--output", "json", "--configured", monitors=[trial])
    assert obeying.stdout.count("io.nilometer.statistics") < len(starts)


def test_where_the_log_decides_a_change_shows_where_it_was_made(working: Replayed, baseline: Path) -> None:
    """A monitor that was changed under the worker: with --configured its findings are those of the worker from there on."""
    worker = working.start("--reload-seconds", 0.2)
    log = f"{working.prefix}inferences"
    worker.wait_for_line(r"\bready\b", timeout_seconds=PATIENCE)
    eventually(lambda: all(admin.ends(working.kafka, log).values()), "the log say what runs", timeout_seconds=PATIENCE)
    append_now(working.kafka, working.prefix, make_traffic(beginning(), 20, 2000, AMONG))
    worker.wait_for_line("window closed")
    name = f"{AMONG[0]}-tumbling"
    path = declare(working.monitors, baseline, "tumbling", AMONG[0], threshold=3)
    worker.wait_for_line(f"monitor starts.*{name}", timeout_seconds=PATIENCE)
    rest = make_traffic(beginning() + 60 * SECOND, 20, 2000, AMONG)
    named = [Sent(f"rest-{one.id}", one.service, one.time, one.values) for one in rest]
    append_now(working.kafka, working.prefix, named)
    working.close_all(rest)
    worker.stop(grace_seconds=60)

    replayed = working.replay("--output", "json", "--configured", monitors=[path])

    assert replayed.returncode == 0, replayed.stderr
    found = {line for line in working.found() if f'"monitor":"demo/{name}"' in line}
    lines = replayed.stdout.splitlines()
    assert any("rest-request" in line for line in lines)
    assert set(lines) < found
    # What the monitor said before it was changed is missing, and nothing else.
    everywhere = working.replay("--output", "json", monitors=[path])
    assert set(lines) == found & {*lines, *everywhere.stdout.splitlines()}


@pytest.mark.parametrize("kind", ["times", "offsets"])
def test_a_span_is_read_and_no_more(working: Replayed, baseline: Path, tmp_path: Path, kind: str) -> None:
    """By times of arrival or by offsets: the rows between the bounds, and the first window is said to be partial."""
    start = beginning()
    parts = [make_traffic(start + number * 20 * SECOND, 20, 500, AMONG) for number in range(3)]
    bounds, ends = [], []
    for number, part in enumerate(parts):
        named = [Sent(f"{number}-{one.id}", one.service, one.time, one.values) for one in part]
        stamp = 1_700_000_000 * SECOND + number * 1000 * SECOND
        append_now(working.kafka, working.prefix, named, stamp=stamp)
        bounds.append(format_time(stamp))
        ends.append(admin.ends(working.kafka, f"{working.prefix}inferences"))
    offsets = [",".join(f"{number}:{end}" for number, end in each.items()) for each in ends]
    first, last = bounds[1:] if kind == "times" else offsets[:2]
    trial = declare(tmp_path, baseline, "counting", AMONG[0])
    flags = ("--from", first, "--to", last, "--output", "json", "--future-seconds", 10**9)

    replayed = working.replay(*flags, monitors=[trial])

    assert replayed.returncode == 0, replayed.stderr
    [window] = [json.loads(line) for line in replayed.stdout.splitlines() if "io.nilometer.statistics" in line]
    assert window["data"]["rows"] == 100
    times = [one.time for one in parts[1] if one.service == AMONG[0]]
    assert window["data"]["window"]["firstEventTime"] == format_time(min(times))


def test_what_cannot_be_replayed_is_told(working: Replayed, baseline: Path, tmp_path: Path) -> None:
    """A topic that is not there, a partition that it does not have, bounds the wrong way round, no Kafka: one line each."""
    trial = [declare(tmp_path, baseline, "tumbling", AMONG[0])]
    assert f"there is no topic {working.prefix}inferences" in working.replay(monitors=trial).stderr
    append_now(working.kafka, working.prefix, make_traffic(beginning(), 2, 50, AMONG))
    assert "--from names partition 9" in working.replay("--from", "9:0", monitors=trial).stderr
    wrong = working.replay("--from", "0:3", "--to", "0:1", monitors=trial)
    assert wrong.returncode == 1
    assert "--to lies before --from in partition 0" in wrong.stderr
    assert "--from is 'yesterday': expected a time" in working.replay("--from", "yesterday", monitors=trial).stderr
    nobody = working.replay("--kafka", "127.0.0.1:1", monitors=trial)
    assert nobody.returncode == 1
    assert "127.0.0.1:1" in nobody.stderr
    assert "Traceback" not in nobody.stderr
