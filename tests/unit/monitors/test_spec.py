"""A monitor's declaration: what it accepts, what it makes of it, and what it says when it cannot."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.monitors.files.json_schema import json_schema
from nilometer_detectors.monitors.files.loader import load_monitor, load_monitors
from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.monitors.window_spec import format_duration, parse_duration
from nilometer_detectors.registry import available, find
from nilometer_logger.cloudevents.kserve import Stream
from nilometer_logger.engine.protocol import WindowSpec
from nilometer_logger.errors import SettingError
from nilometer_logger.rows import Column
from nilometer_logger.times import SECOND
from tests.judging import baseline_of, declaration, normal, rows_of, schema_of, write

KS = {"name": "ks", "detector": "ks"}
ZSCORE = {"name": "range", "detector": "zscore"}


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    """A baseline of two numeric features, a and b, beside the monitors."""
    baseline_of(normal(200)).save(tmp_path / "base")
    return tmp_path / "base"


def monitor_of(directory: Path, document: Any) -> CompiledMonitor:
    """Loads a monitor out of a file."""
    return load_monitor(write(directory / "monitor.yaml", document))


def with_baseline(**spec: Any) -> dict[str, Any]:
    """Returns a declaration that takes its schema from the baseline."""
    return declaration(schema=None, baseline={"path": "base"}, **spec)


def problems(directory: Path, document: Any) -> str:
    """Returns what is said of a declaration that does not make sense."""
    with pytest.raises(SettingError) as error:
        monitor_of(directory, document)
    assert "monitor.yaml" in str(error.value)
    return str(error.value)


def test_a_whole_monitor(tmp_path: Path, baseline: Path) -> None:
    """A declaration with everything in it becomes a monitor with just that."""
    assert baseline.is_dir()
    document = with_baseline(
        stream={"inferenceService": "iris", "component": "predictor", "endpoint": "default"},
        windows={"size": "15s", "slide": "5s", "watermarkDelay": "6s"},
        statistics=["mean", "histogram"],
        outliers=[{**ZSCORE, "threshold": 4}],
        drift=[{**KS, "pValue": 0.01, "correction": "fdr", "minRows": 50, "sampleSize": 500, "alternative": "less"}],
    )
    monitor = monitor_of(tmp_path, document)
    assert monitor.name == "demo/iris"
    assert (monitor.windows.size, monitor.windows.slide) == (15 * SECOND, 5 * SECOND)
    assert monitor.windows.watermark_delay == 6 * SECOND
    assert monitor.features.names == ("a", "b")
    assert [repr(found) for found in monitor.outlier_detectors] == ["ZScore('range')"]
    assert [repr(found) for found in monitor.drift_detectors] == ["KS('ks')"]
    assert monitor.open().window.features.layout.sample == 500


def test_defaults(tmp_path: Path) -> None:
    """Windows tumble, the component is the predictor, and the statistics are those that cost next to nothing."""
    monitor = monitor_of(tmp_path, declaration())
    assert (monitor.windows.slide, monitor.windows.watermark_delay) == (15 * SECOND, 5 * SECOND)
    state = monitor.open()
    state.update(rows_of([[1.0]]))
    assert list(state.window.features.result()["a"]) == ["count", "missing", "infinite", "mean", "stddev", "min", "max"]


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        (
            {"size": "1h", "slide": "15m", "offset": "5m", "watermarkDelay": "0s"},
            WindowSpec(3600 * SECOND, 900 * SECOND, 0, 300 * SECOND),
        ),
        ({"size": "1h", "offset": "59m"}, WindowSpec(3600 * SECOND, 3600 * SECOND, 5 * SECOND, 3540 * SECOND)),
        ({"count": 1_000_000}, WindowSpec(0, 0, 5 * SECOND, 0, 1_000_000)),
        ({"count": 1, "offset": "0s"}, WindowSpec(0, 0, 5 * SECOND, 0, 1)),
    ],
)
def test_the_ways_to_cut_a_stream(tmp_path: Path, windows: dict[str, Any], expected: WindowSpec) -> None:
    """A window ends after a time, which may slide and start elsewhere than at the epoch, or after a number of rows."""
    monitor = monitor_of(tmp_path, declaration(windows=windows))
    assert monitor.windows == expected
    assert not monitor.wants_late


def test_late_events_can_be_asked_for(tmp_path: Path) -> None:
    """`late: true` asks for the events that come too late."""
    assert monitor_of(tmp_path, declaration(windows={"size": "15s", "late": True})).wants_late


@pytest.mark.parametrize(("count", "fits"), [(19, False), (20, True)])
def test_a_window_of_rows_must_hold_what_its_detectors_need(
    tmp_path: Path, baseline: Path, count: int, fits: bool
) -> None:
    """A detector that could never judge a window of so few rows is refused, whether its minRows is said or a default."""
    assert baseline.is_dir()
    document = with_baseline(windows={"count": count}, outliers=[ZSCORE], drift=[{**KS, "minRows": 20}])
    if fits:
        assert monitor_of(tmp_path, document).drift_detectors
        return
    message = "spec.drift[0].minRows is 20: more rows than a window has (spec.windows.count is 19)"
    assert message in problems(tmp_path, document)
    default = with_baseline(windows={"count": count}, drift=[KS])
    assert "spec.drift[0].minRows is 30: more rows than a window has" in problems(tmp_path, default)


@pytest.mark.parametrize(
    ("stream", "watched"),
    [
        (("demo", "iris", "predictor", "default"), True),
        (("demo", "iris", "predictor", ""), True),
        (("demo", "iris", "transformer", "default"), False),
        (("demo", "wine", "predictor", "default"), False),
        (("prod", "iris", "predictor", "default"), False),
    ],
)
def test_it_watches_its_stream(tmp_path: Path, stream: tuple[str, str, str, str], watched: bool) -> None:
    """A monitor watches all endpoints of one component of one InferenceService in its own namespace."""
    assert monitor_of(tmp_path, declaration()).watches(Stream(*stream)) is watched


def test_it_can_watch_one_endpoint(tmp_path: Path) -> None:
    """An endpoint that is named is the only one that is watched."""
    monitor = monitor_of(tmp_path, declaration(stream={"inferenceService": "iris", "endpoint": "canary"}))
    assert monitor.watches(Stream("demo", "iris", "predictor", "canary"))
    assert not monitor.watches(Stream("demo", "iris", "predictor", "default"))


def test_a_schema_names_columns_and_categories(tmp_path: Path) -> None:
    """A schema without a baseline says it all: types, and categories as a payload may write them."""
    features = [{"name": "x"}, {"name": "grade", "type": "categorical", "categories": [1, 2.5, "low", True]}]
    monitor = monitor_of(tmp_path, declaration(schema={"features": features, "predictions": [{"name": "y"}]}))
    assert monitor.features.columns == (Column("x"), Column("grade", "categorical", ("1", "2.5", "low", "true")))
    assert monitor.predictions.names == ("y",)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("15s", 15 * SECOND),
        ("500ms", SECOND // 2),
        ("5m", 300 * SECOND),
        ("1h", 3600 * SECOND),
        ("1h30m", 5400 * SECOND),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    """A duration is whole numbers with units, as Kubernetes writes them."""
    assert parse_duration(text) == nanoseconds


@given(st.integers(0, 10**9))
def test_durations_are_written_as_they_are_read(milliseconds: int) -> None:
    """Every duration that can be said is written in a form that says it."""
    assert parse_duration(format_duration(milliseconds * SECOND // 1000)) == milliseconds * SECOND // 1000


@pytest.mark.parametrize("text", ["15", 15, "s", "1.5s", "-5s", "15 s", "", None, "9999999h", "٣s", "5d"])
def test_what_is_no_duration(text: object) -> None:
    """Anything else is refused with examples."""
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"windows": {"size": "15s", "slide": "20s"}}, "spec.windows.slide is '20s': larger than size (15s)"),
        ({"windows": {"size": "1h", "slide": "1s"}}, "spec.windows.slide is '1s': too small for size (1h)"),
        ({"windows": {"size": "0s"}}, "spec.windows.size is '0s': expected more than no time"),
        ({"windows": {}}, "spec.windows gives neither size nor count: give size, such as 15s, or count, such as 1000"),
        ({"windows": {"slide": "1s"}}, "spec.windows gives neither size nor count"),
        (
            {"windows": {"size": "1m", "count": 5}},
            "spec.windows.count is 5: a window ends after a time or after a numb",
        ),
        ({"windows": {"size": "1m", "slide": "5s", "count": 5}}, "leave out size and slide, or count"),
        ({"windows": {"offset": "1s", "count": 5}}, "leave out offset, or count"),
        ({"windows": {"count": 0}}, "spec.windows.count is 0: expected 1 or more"),
        ({"windows": {"count": 1_000_001}}, "spec.windows.count is 1000001: expected at most 1000000"),
        ({"windows": {"count": True}}, "spec.windows.count is True: expected a whole number"),
        (
            {"windows": {"size": "1m", "slide": "20s", "offset": "25s"}},
            "spec.windows.offset is '25s': not smaller than slide (20s): 5s gives the same windows",
        ),
        ({"windows": {"size": "1h", "offset": "1h"}}, "offset is '1h': not smaller than size (1h): 0s gives the same"),
        ({"windows": {"size": "1h", "offset": "-1s"}}, "spec.windows.offset is '-1s': expected a duration such as"),
        ({"windows": {"size": "1s", "minRows": -1}}, "spec.windows.minRows is -1: expected 0 or more"),
        (
            {"windows": {"count": 5, "minRows": 6}},
            "spec.windows.minRows is 6: more rows than a window has (count is 5)",
        ),
        ({"windows": {"size": "1s", "late": "yes"}}, "spec.windows.late is 'yes': expected true or false"),
        ({"windows": {"size": 15}}, "spec.windows.size is 15: expected a duration such as 15s"),
        ({"stream": {}}, "spec.stream.inferenceService is missing"),
        ({"alerts": {}}, "spec.alerts is no known field (known: stream, schema, baseline,"),
        ({"window": {"size": "1s"}}, "spec.window is no known field; did you mean windows?"),
        ({"statistics": ["min", "max", "min"]}, "spec.statistics is ['min', 'max', 'min']: names 'min' twice"),
        (
            {"windows": {"size": "1s", "minRows": 10**30}},
            "spec.windows.minRows is 1000000000000000000000000000000: exp",
        ),
        ({"statistics": ["median"]}, "spec.statistics[0] is 'median': expected one of count, missing"),
        (
            {"schema": {"features": [{"name": "a", "bins": [0, 2, 1]}]}},
            "spec.schema.features[0] expected ascending edges, and 1 stands after 2",
        ),
        (
            {"schema": {"features": [{"name": "a", "type": "categorical", "categories": ["x"], "bins": [0, 1]}]}},
            "has bins and is categorical; its histogram counts categories",
        ),
        ({"statistics": ["mean", "histogram"]}, "spec.statistics[1] is 'histogram': its edges come from a baseline"),
        ({"statistics": ["top"]}, "spec.statistics[0] is 'top': it is of categorical columns, and there are none"),
        (
            {"statistics": ["correlation"], "schema": {"features": [{"name": str(place)} for place in range(101)]}},
            "spec.statistics[0] is 'correlation': it is of every two columns, at most 100, and there are 101 of numbers",
        ),
        ({"schema": None}, "spec gives neither a schema nor a baseline"),
        ({"schema": {"features": []}}, "spec.schema.features is []: expected 1 or more entries"),
        (
            {"schema": {"features": [{"name": "a", "type": "image"}]}},
            "spec.schema.features[0].type is 'image': expected",
        ),
        ({"schema": {"features": [{"name": "a"}, {"name": "a"}]}}, "spec.schema.features[1].name is 'a', as that of"),
        (
            {"schema": {"features": [{"name": "a", "type": "categorical"}]}},
            "spec.schema.features[0].categories is missing: without a baseline",
        ),
        (
            {"schema": {"features": [{"name": "a", "categories": ["x"]}]}},
            "spec.schema.features[0] has categories and is numeric",
        ),
        (
            {"schema": {"features": [{"name": "a", "type": "categorical", "categories": ["1", 1]}]}},
            "spec.schema.features[0] names a category twice",
        ),
        ({"baseline": {"path": "none"}}, "spec.baseline.path is 'none': "),
        ({"drift": [{"name": "ks"}]}, "spec.drift[0].detector is missing"),
        ({"drift": [{"name": "k s", "detector": "ks"}]}, "spec.drift[0].name is 'k s': expected at most 63 letters"),
        ({"drift": [KS]}, "spec.drift[0] ks compares with a baseline: give spec.baseline.path"),
        (
            {"drift": [{"name": "a", "detector": "kss"}]},
            "spec.drift[0].detector is 'kss': there is no such detector; did",
        ),
        ({"drift": [{"name": "a", "detector": "KSDrift"}]}, "did you mean alibi.KSDrift"),
        (
            {"drift": [ZSCORE]},
            "spec.drift[0].detector is 'zscore': it is one of outlier detection: move it to spec.outliers",
        ),
        ({"drift": [{**KS, "pValue": 2}]}, "spec.drift[0].pValue is 2: expected less than 1"),
        ({"drift": [{**KS, "features": []}]}, "drift[0].features is []: expected 1 or more entries, or leave it out"),
        ({"drift": [{**KS, "p_value": 0.1}]}, "spec.drift[0].p_value is no known field; did you mean pValue?"),
        ({"drift": [{**KS, "minRows": 5000}]}, "spec.drift[0].sampleSize is 1000: smaller than minRows (5000)"),
        (
            {"outliers": [ZSCORE], "drift": [{**KS, "name": "range"}]},
            "spec.drift[0].name is 'range', as that of another",
        ),
        ({"outliers": {}}, "spec.outliers is {}: expected a list"),
        ({"outliers": ["zscore"]}, "spec.outliers[0] is 'zscore': expected"),
    ],
)
def test_what_is_wrong_is_told_by_path(tmp_path: Path, spec: dict[str, Any], message: str) -> None:
    """Every error names file, path and value, and what was expected."""
    assert message in problems(tmp_path, declaration(**spec))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"apiVersion": "v1"}, "apiVersion is 'v1': expected 'nilometer.io/v1alpha1'"),
        ({"kind": "Monitor"}, "kind is 'Monitor': expected 'ModelMonitor'"),
        ({"metadata": {"name": "Iris"}}, "metadata.name is 'Iris': expected at most 63 lower-case letters"),
        ({"metadata": {"name": "a" * 64}}, "metadata.name is 'aaaaaaa"),
        ({"metadata": None}, "metadata is None: expected a mapping"),
        ({"metadata": {"name": "iris", "labels": {}}}, "metadata.labels is no known field (known: name, namespace)"),
        ({"status": {}}, "status is no known field"),
        ({1: 2}, "has the key 1: expected a text"),
    ],
)
def test_the_frame_is_checked(tmp_path: Path, change: dict[Any, Any], message: str) -> None:
    """The frame around the spec is checked as strictly."""
    assert message in problems(tmp_path, {**declaration(), **change})


def test_all_problems_are_told_at_once(tmp_path: Path, baseline: Path) -> None:
    """One run shows everything that is wrong, of the frame, the windows and the detectors alike."""
    assert baseline.is_dir()
    document = with_baseline(
        windows={"size": "15s", "slide": "1m"},
        statistics=["mode"],
        drift=[{"name": "x", "detector": "kx"}, {**KS, "pValue": 7, "nonsense": 1}],
    )
    said = problems(tmp_path, {**document, "kind": "Thing"})
    for path in ("kind", "windows.slide", "statistics[0]", "drift[0].detector", "drift[1].pValue", "drift[1].nonsense"):
        assert path in said
    assert "6 problems" in said


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([{"name": "a"}], "whose columns are a, b"),
        ([{"name": "b"}, {"name": "a"}], "in another order"),
        ([{"name": "a"}, {"name": "x"}], "x not among them"),
        (
            [{"name": "a"}, {"name": "b", "type": "boolean"}],
            "features[1].type is 'boolean': the baseline's column is num",
        ),
    ],
)
def test_a_schema_and_a_baseline_must_agree(
    tmp_path: Path, baseline: Path, schema: list[dict[str, Any]], message: str
) -> None:
    """Columns, order and types of a schema are those of the baseline, or the difference is named."""
    assert baseline.is_dir()
    assert message in problems(tmp_path, declaration(schema={"features": schema}, baseline={"path": "base"}))


def test_categories_must_agree(tmp_path: Path) -> None:
    """Categories may be left to the baseline; given otherwise, they are refused, because they number the values."""
    baseline_of([[0.0], [1.0]], schema_of("categorical")).save(tmp_path / "base")
    column = {"name": "a", "type": "categorical"}
    monitor = monitor_of(tmp_path, declaration(schema={"features": [column]}, baseline={"path": "base"}))
    assert monitor.features.columns[0].categories == ("red", "green")
    other = {"features": [{**column, "categories": ["green", "red"]}]}
    assert "the baseline has ['red', 'green']" in problems(
        tmp_path, declaration(schema=other, baseline={"path": "base"})
    )


def test_predictions_may_be_watched_without_a_baseline_of_them(tmp_path: Path, baseline: Path) -> None:
    """A baseline of features alone does not forbid watching predictions: they have no histogram, the features do."""
    assert baseline.is_dir()
    schema = {"features": [{"name": "a"}, {"name": "b"}], "predictions": [{"name": "score"}]}
    monitor = monitor_of(tmp_path, declaration(schema=schema, baseline={"path": "base"}))
    state = monitor.open()
    state.update(rows_of([[0.5]], monitor.predictions, half="response"))
    state.update(rows_of([[0.5, 0.1]]))
    assert "histogram" in state.window.features.result()["a"]
    assert "histogram" not in state.window.predictions.result()["score"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds 0 documents"),
        ("a: 1\n---\nb: 2\n", "holds 2 documents"),
        ("- 1\n", "is [1]: a ModelMonitor is expected"),
        ("spec: {a: 1\n", "line 2, column 1"),
        ("spec:\n\tx: 1\n", "line 2, column 1: found character '\\t'"),
        ("kind: a\nkind: b\n", "line 2, column 1: 'kind' stands here and in line 1"),
        ("kind: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("&a [*a]\n", "line 1, column 5: the alias *a stands within what it stands for"),
        ("spec: &a {x: *a}\n", "line 1, column 14: the alias *a stands within"),
        ("[" * 5000, "nested too deeply"),
        ("kind: \x01\n", "is no YAML"),
        ("? {a: 1}\n: 2\n", "line 1"),
    ],
)
def test_what_is_no_document(tmp_path: Path, text: str, message: str) -> None:
    """Text that is no YAML, or not one document, is told with its line and without a traceback."""
    assert message in problems(tmp_path, text)


@settings(max_examples=150, deadline=None)
@given(text=st.one_of(st.text(), st.text(alphabet="{}[]:-&*!|>'\"#%@` \n\tabc01.")))
def test_no_text_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in a file, it is refused with a sentence."""
    directory = tmp_path_factory.getbasetemp()
    with pytest.raises(SettingError):
        monitor_of(directory, text.encode("utf-8", "replace").decode())


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    field=st.sampled_from(["stream", "schema", "baseline", "windows", "statistics", "outliers", "drift"]),
    value=anything,
)
def test_no_value_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, field: str, value: Any) -> None:
    """Whatever stands in a field, the monitor is loaded or refused with a sentence."""
    document = declaration()
    document["spec"][field] = value
    with suppress(SettingError):
        monitor_of(tmp_path_factory.getbasetemp(), document)


def test_yaml_is_read_as_it_looks(tmp_path: Path) -> None:
    """`no` is a word and 1e-4 a number, as in YAML 1.2, and not the other way round."""
    baseline_of([[0.0, 1.0], [1.0, 2.0]], schema_of("categorical", "numeric", categories=("no", "yes"))).save(
        tmp_path / "base"
    )
    text = """
apiVersion: nilometer.io/v1alpha1
kind: ModelMonitor
metadata: {name: iris, namespace: demo}
spec:
  stream: {inferenceService: iris}
  schema: {features: [{name: a, type: categorical, categories: [no, yes]}, {name: b}]}
  baseline: {path: base}
  windows: {size: 15s}
  drift: [{name: ks, detector: ks, pValue: 1e-4}]
"""
    monitor = monitor_of(tmp_path, text)
    assert monitor.features.columns[0].categories == ("no", "yes")
    assert monitor.drift_detectors[0].parameters.p_value == 1e-4


def test_the_digest_tells_monitors_apart(tmp_path: Path, baseline: Path) -> None:
    """Another parameter, name or baseline is another digest; another file or place of the same is not."""
    original = monitor_of(tmp_path, with_baseline(drift=[KS])).digest
    same = with_baseline(drift=[{**KS, "pValue": 0.05}], windows={"size": "15000ms", "slide": "15s"})
    assert monitor_of(tmp_path, with_baseline(drift=[{**KS, "pValue": 0.05}])).digest == original
    assert (
        monitor_of(tmp_path, same).digest != monitor_of(tmp_path, with_baseline(drift=[{**KS, "pValue": 0.04}])).digest
    )
    renamed = {**with_baseline(drift=[KS]), "metadata": {"name": "other", "namespace": "demo"}}
    assert monitor_of(tmp_path, renamed).digest != original
    baseline.rename(tmp_path / "moved")
    moved = declaration(schema=None, baseline={"path": "moved"}, drift=[KS])
    assert monitor_of(tmp_path, moved).digest == original
    baseline_of(normal(200, seed=9)).save(tmp_path / "moved")
    assert monitor_of(tmp_path, moved).digest != original


def test_another_way_to_cut_the_stream_is_another_monitor(tmp_path: Path) -> None:
    """Whatever is said of windows is part of the digest, because findings depend on it."""
    every = [
        {"size": "15s"},
        {"size": "15s", "offset": "1s"},
        {"size": "15s", "minRows": 1},
        {"size": "15s", "late": True},
        {"count": 15},
    ]
    assert len({monitor_of(tmp_path, declaration(windows=windows)).digest for windows in every}) == len(every)


def test_a_directory_of_monitors(tmp_path: Path) -> None:
    """Every YAML file of a directory is a monitor; hidden files, folders and others are passed over."""
    for number, name in enumerate(("b.yml", "a.yaml", ".hidden.yaml", "notes.txt")):
        document = declaration()
        document["metadata"]["name"] = f"m{number}"
        write(tmp_path / name, document)
    (tmp_path / "folder.yaml").mkdir()
    assert [monitor.name for monitor in load_monitors(tmp_path)] == ["demo/m1", "demo/m0"]


def test_a_mounted_config_map(tmp_path: Path) -> None:
    """The way Kubernetes mounts a ConfigMap, by links into a hidden folder, each monitor is read once."""
    version = tmp_path / "..2026_11_23"
    version.mkdir()
    write(version / "iris.yaml", declaration())
    (tmp_path / "..data").symlink_to(version.name)
    (tmp_path / "iris.yaml").symlink_to("..data/iris.yaml")
    assert [monitor.name for monitor in load_monitors(tmp_path)] == ["demo/iris"]


def test_all_monitors_are_told_at_once(tmp_path: Path) -> None:
    """One run shows what is wrong with any file of a directory, and which two have one name."""
    write(tmp_path / "a.yaml", declaration())
    write(tmp_path / "b.yaml", declaration(windows={}))
    write(tmp_path / "c.yaml", declaration())
    write(tmp_path / "d.yaml", "{")
    with pytest.raises(SettingError) as error:
        load_monitors(tmp_path)
    for part in ("b.yaml: spec.windows gives neither", "c.yaml: metadata names demo/iris, as", "d.yaml: line 1"):
        assert part in str(error.value)


def test_a_directory_without_monitors_is_refused(tmp_path: Path) -> None:
    """An empty or missing directory is said, because a worker without monitors would do nothing."""
    with pytest.raises(SettingError, match="holds no monitor"):
        load_monitors(tmp_path)
    with pytest.raises(SettingError, match="cannot be read"):
        load_monitors(tmp_path / "none")


def test_the_json_schema_knows_every_field_and_detector(tmp_path: Path) -> None:
    """The schema that is generated from the code names the same fields, and the parameters of every detector."""
    schema = json_schema()
    said = problems(tmp_path, declaration(nonsense=1))
    spec = schema["$defs"]["MonitorSpec"]
    assert f"(known: {', '.join(spec['properties'])})" in said
    drift = [name for name in available() if find(name).kind == "drift"]
    assert spec["properties"]["drift"]["items"]["oneOf"] == [{"$ref": f"#/$defs/{name}"} for name in drift]
    ks = schema["$defs"]["ks"]
    assert {"name", "detector", "pValue", "correction", "alternative", "minRows", "sampleSize"} <= set(ks["properties"])
    assert ks["properties"]["detector"] == {"const": "ks"}
    assert ks["required"] == ["name", "detector"]
    assert not ks["additionalProperties"]
    windows = schema["$defs"]["WindowsSpec"]
    assert list(windows["properties"]) == ["size", "slide", "offset", "watermarkDelay", "count", "minRows", "late"]
    assert windows["oneOf"] == [{"required": ["size"]}, {"required": ["count"]}]
    assert not windows["additionalProperties"]
    assert windows["properties"]["offset"]["default"] == "0s"


def test_loading_imports_nothing_heavy() -> None:
    """Reading monitors, listing detectors and writing the schema import neither alibi-detect nor Faust nor Kafka."""
    code = """
import sys
import nilometer_detectors.monitors.monitor
from nilometer_detectors.registry import available
assert "alibi.KSDrift" in available()
light = sys.modules.keys() & {"alibi_detect", "scipy", "sklearn", "asyncio", "faust", "aiokafka", "aiohttp"}
assert not light, light
from nilometer_detectors.registry import available, find
from nilometer_detectors.monitors.files.json_schema import json_schema
json_schema()
assert "alibi_detect" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bins_make_a_histogram_without_a_baseline(tmp_path: Path) -> None:
    """Edges that are declared count values without a baseline, and other edges make another monitor."""
    features = [{"name": "a", "bins": [0, 1, 2]}]
    monitor = monitor_of(tmp_path, declaration(schema={"features": features}))
    state = monitor.open()
    state.update(rows_of([[0.5], [1.5], [1.7], [9.0]]))
    histogram = state.window.features.result()["a"]["histogram"]
    assert histogram == {"edges": [0.0, 1.0, 2.0], "counts": [1, 2], "below": 0, "above": 1}
    features[0]["bins"] = [0, 1, 3]
    assert monitor_of(tmp_path, declaration(schema={"features": features})).digest != monitor.digest


def test_bins_are_the_baselines(tmp_path: Path) -> None:
    """What is compared with a baseline is counted in its bins: others are refused, with what helps."""
    baseline_of([[0.0], [1.0], [2.0]]).save(tmp_path / "base")
    document = declaration(schema={"features": [{"name": "a", "bins": [0, 1]}]}, baseline={"path": "base"})
    assert "build the baseline with --bins" in problems(tmp_path, document)
