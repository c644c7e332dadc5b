"""What documents say of the code is so."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from nilometer_detectors.cli._main import nilometer
from nilometer_detectors.drift.ks import KS
from nilometer_detectors.monitors.findings import FindingFactory
from nilometer_detectors.monitors.outlier_tally import Tally
from nilometer_detectors.outliers.zscore import ZScore
from nilometer_detectors.registry import available, find
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.settings import declared, flag
from tests.documents import COMMANDS, PAGES, PARTS, REFERENCE, ROOT, rendered
from tests.judging import baseline_of, closed, detector_of, normal, rows_of, window_for


@pytest.mark.parametrize(
    ("document", "name"), [(document, name) for document, parts in PARTS.items() for name in parts]
)
def test_a_document_has_a_place_for_each_part(document: Path, name: str) -> None:
    """Settings, answers, metrics, statistics and monitors are where they belong."""
    assert f"<!-- {name} -->" in document.read_text()


@pytest.mark.parametrize("document", [*PARTS, *PAGES], ids=lambda path: path.name)
def test_what_a_document_says_of_the_code_is_so(document: Path) -> None:
    """Tables and pages are those of the code; `make docs` writes them."""
    assert rendered(document) == document.read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_settings_table_has_the_defaults_of_every_command(command: str) -> None:
    """The table gives each command's own default: of --log-level `info`, and `error` for replay only."""
    lines = (REFERENCE / "settings.md").read_text().splitlines()
    cells = {line.split("|")[1].strip(" `"): line.split("|") for line in lines if line.startswith("| `--")}
    taken = nilometer.get_command(click.Context(nilometer), command)
    assert taken is not None
    options = {option.opts[0]: option.default for option in taken.params if isinstance(option, click.Option)}
    for item in declared(COMMANDS[command]):
        _, _, _, default, takers, *_ = cells[flag(item)]
        first, *others = (part.strip() for part in default.split(";"))
        own = {name: value for value, names in map(_of, others) for name in names}
        assert own.get(command, first.strip("`")) == str(options[flag(item)])
        assert takers.strip() == "all" or command in takers.split(", ") or command in re.split(r"[ ,]+", takers)


def _of(part: str) -> tuple[str, list[str]]:
    value, _, names = part.partition(" of ")
    return value.strip("`"), names.split(", ")


def test_readme_counts_the_detectors() -> None:
    """README's comparison says how many detectors there are."""
    counts = {(kind, adapted): 0 for kind in ("drift", "outlier") for adapted in (False, True)}
    for name in available():
        counts[find(name).kind, name.startswith("alibi.")] += 1
    readme = (ROOT / "README.md").read_text()

    for kind, row in (("drift", "drift"), ("outlier", "outliers")):
        said = f"| {row} | {counts[kind, False]} detectors, and {counts[kind, True]} of alibi-detect |"
        assert said in readme


def names_of(value: Any) -> Iterator[str]:
    """Yields the names of an object's fields, but not those below columns, which are a detector's own."""
    for name, inner in value.items():
        yield name
        if isinstance(inner, dict) and name not in ("features", "predictions", "late", "applied"):
            yield from names_of(inner)


def test_the_page_of_findings_names_every_field() -> None:
    """Every attribute and every field of the data of each type is explained on the page."""
    baseline = baseline_of(normal(200, 1))
    rows = rows_of(np.array([[0.0], [50.0]]))
    ks, zscore = detector_of(KS, "ks", baseline), detector_of(ZScore, "range", baseline)
    window = window_for(ks, baseline, rows_of(normal(100, 1)))
    factory = FindingFactory("demo/iris", "digest", Stream("demo", "iris", "predictor", "default"))
    whole = closed(late_since_last=1)
    events = [
        factory.statistics(whole, window),
        factory.drift(whole, window, ks, ks.judge(window)),
        *factory.outliers(rows, zscore, zscore.score(rows), Tally()),
    ]
    page = (REFERENCE / "findings.md").read_text()

    assert {event.attributes["type"].rpartition(".")[2] for event in events} == {"statistics", "drift", "outlier"}
    for event in events:
        for name in (*event.attributes, *names_of(json.loads(event.data))):
            assert f"`{name}`" in page, name
