"""The baseline: from a CSV file to an artefact that can be trusted, and back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.baseline import Baseline, BaselineColumn
from nilometer_detectors.describing import describe
from nilometer_detectors.reference import BINS, build
from nilometer_logger.errors import SettingError
from tests.judging import INF, NAN, baseline_of, normal, schema_of

VERSION_1 = Path(__file__).parents[1] / "data" / "baseline-version-1"  # of TABLE

TABLE = """\
length,colour,ripe,weight,class
1.0,red,true,,0
2.5,green,FALSE,10,1
4.0,,true,nan,1
,red,True,30,2
"""


def csv_file(directory: Path, text: str = TABLE) -> Path:
    """Writes a CSV file."""
    path = directory / "data.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """An artefact on disk."""
    build(csv_file(tmp_path), predictions=["class"]).save(tmp_path / "baseline")
    return tmp_path / "baseline"


def column(baseline: Baseline, name: str) -> BaselineColumn:
    """Returns what a baseline says of a column."""
    return next(column for column in (*baseline.features, *baseline.predictions) if column.name == name)


def test_types_are_inferred(tmp_path: Path) -> None:
    """Numbers are numeric, truth values boolean, all else categorical, in the order of the file."""
    baseline = build(csv_file(tmp_path), predictions=["class"])
    types = [(column.name, column.type) for column in baseline.features]
    assert types == [("length", "numeric"), ("colour", "categorical"), ("ripe", "boolean"), ("weight", "numeric")]
    assert [(column.name, column.type) for column in baseline.predictions] == [("class", "numeric")]
    assert column(baseline, "colour").categories == ("green", "red")


def test_missing_cells_are_counted(tmp_path: Path) -> None:
    """Empty cells, and words for nothing in a numeric column, are missing; the others are described."""
    baseline = build(csv_file(tmp_path), predictions=["class"])
    length, weight = column(baseline, "length"), column(baseline, "weight")
    assert (length.count, length.missing, length.mean, length.stddev, length.min, length.max) == (3, 1, 2.5, 1.5, 1, 4)
    assert (weight.count, weight.missing, weight.mean) == (2, 2, 20)
    assert (column(baseline, "colour").count, column(baseline, "colour").missing) == (3, 1)


def test_numbers_can_be_categories(tmp_path: Path) -> None:
    """Named as categorical, a column of numbers has categories written as a payload's numbers are, in their order."""
    baseline = build(csv_file(tmp_path, "x,class\n1,10\n2,9.0\n3,10\n4,1.5\n"), ["class"], ["class"])
    assert column(baseline, "class").categories == ("1.5", "9", "10")
    assert column(baseline, "class").counts == (1, 1, 2)


def test_words_for_nothing_may_be_categories(tmp_path: Path) -> None:
    """In a categorical column only an empty cell is missing: NA may be a country, none an answer."""
    baseline = build(csv_file(tmp_path, 'country\nNA\nDE\nnone\n""\n'))
    assert column(baseline, "country").categories == ("DE", "NA", "none")
    assert column(baseline, "country").missing == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60))
def test_a_histogram_holds_every_reference_value(values: list[float]) -> None:
    """The edges go from the smallest to the largest value in bins of equal width, so that nothing lies outside."""
    found = baseline_of([[value] for value in values]).features[0]
    assert (found.edges[0], found.edges[-1]) == (min(values), max(values))
    assert sum(found.counts) == len(values)
    assert 2 <= len(found.edges) <= BINS + 1
    assert list(found.edges) == sorted(found.edges)


def test_a_range_too_wide_for_float64_has_bins() -> None:
    """Even where the width overflows, the edges are numbers in order."""
    found = baseline_of([[-1.7e308], [1.7e308], [0.0]]).features[0]
    assert np.isfinite(found.edges).all()
    assert sum(found.counts) == 3


def test_a_constant_and_a_boolean_have_bins_of_their_own() -> None:
    """A constant column has one bin that holds just its value; a boolean one a bin for false and one for true."""
    baseline = baseline_of([[5.0, 1.0], [5.0, 0.0], [5.0, 1.0]], schema_of("numeric", "boolean"))
    assert (baseline.features[0].edges, baseline.features[0].counts) == ((5.0, 5.0), (3,))
    assert (baseline.features[1].edges, baseline.features[1].counts) == ((0.0, 0.5, 1.0), (1, 2))


def test_the_reference_is_sorted_and_finite() -> None:
    """What tests compare a window with is in order, without missing values."""
    baseline = baseline_of([[3.0], [NAN], [1.0], [INF], [2.0], [-INF]], predictions=[6, 5, 4, 3, 2, NAN])
    assert baseline.reference(0).tolist() == [1.0, 2.0, 3.0]
    assert baseline.reference(0, "response").tolist() == [2.0, 3.0, 4.0, 5.0, 6.0]


def test_the_sorted_reference_stands_in_the_artefact(artefact: Path, tmp_path: Path) -> None:
    """Loading sorts nothing: each column stands sorted beside the sample, and gives the same reference."""
    built, loaded = build(csv_file(tmp_path), predictions=["class"]), Baseline.load(artefact)
    assert loaded.sorted_samples is not None
    for place in range(4):
        assert loaded.reference(place).tolist() == built.reference(place).tolist()
        assert np.shares_memory(loaded.reference(place), loaded.sorted_samples[0])
    assert loaded.reference(0, "response").tolist() == [0.0, 1.0, 1.0, 2.0]


def test_the_sample_is_bounded_and_always_the_same(tmp_path: Path) -> None:
    """At most so many rows are kept as were asked for, and the same ones of the same file; statistics are of all."""
    lines = "\n".join(str(number) for number in range(500))
    first, second = (build(csv_file(tmp_path, f"x\n{lines}\n"), sample=100) for _ in range(2))
    assert first.feature_sample.shape == (100, 1)
    assert first.feature_sample.tolist() == second.feature_sample.tolist()
    assert first.features[0].count == 500
    assert first.digest == second.digest


def test_features_and_predictions_are_sampled_by_row() -> None:
    """A sampled row has its features and its predictions side by side, for the detectors that need both."""
    features = normal(300, 1)
    baseline = baseline_of(features, predictions=features.ravel() * 2)
    assert (baseline.prediction_sample == baseline.feature_sample * 2).all()


def test_an_artefact_comes_back_as_it_was(artefact: Path, tmp_path: Path) -> None:
    """What was written is read to the bit, with the same digest."""
    built, loaded = build(csv_file(tmp_path), predictions=["class"]), Baseline.load(artefact)
    assert loaded.digest == built.digest
    assert (loaded.features, loaded.predictions, loaded.rows) == (built.features, built.predictions, 4)
    assert loaded.feature_sample.tobytes() == built.feature_sample.tobytes()


def test_an_artefact_is_two_files_and_no_pickle(artefact: Path) -> None:
    """An artefact is JSON that a person can read, and arrays that numpy reads without pickle."""
    assert sorted(path.name for path in artefact.iterdir()) == ["arrays.npz", "baseline.json"]
    assert json.loads((artefact / "baseline.json").read_text())["features"][0]["name"] == "length"
    with np.load(artefact / "arrays.npz", allow_pickle=False) as arrays:
        assert arrays["features"].dtype == np.float64


def test_an_artefact_can_be_replaced(artefact: Path) -> None:
    """Saving over a baseline replaces it whole, and leaves nothing beside it."""
    beside = {path.name for path in artefact.parent.iterdir()}
    baseline_of(normal(10)).save(artefact)
    assert Baseline.load(artefact).digest == baseline_of(normal(10)).digest
    assert {path.name for path in artefact.parent.iterdir()} == beside


def test_something_else_is_not_replaced(tmp_path: Path) -> None:
    """A directory that is no baseline is never overwritten."""
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(SettingError, match="is no baseline"):
        baseline_of(normal(10)).save(tmp_path)
    with pytest.raises(SettingError, match="is no baseline"):
        baseline_of(normal(10)).save(tmp_path / "precious.txt")
    assert (tmp_path / "precious.txt").read_text() == "mine"


def damaged(artefact: Path, **changes: Any) -> None:
    """Changes fields of an artefact's document."""
    path = artefact / "baseline.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 3}, "newer nilometer"),
        ({"version": "1"}, "is damaged"),
        ({"version": 0}, "is damaged"),
        ({"format": "other"}, "is no baseline"),
        ({"rows": 5}, "digest does not match"),
        ({"digest": "sha256:0"}, "digest does not match"),
        ({"features": "none"}, "is damaged"),
        ({"extra": 1}, "is damaged"),
    ],
)
def test_a_changed_document_is_refused(artefact: Path, changes: dict[str, Any], message: str) -> None:
    """A newer version, damage and any change are told apart, with the file and the way out."""
    damaged(artefact, **changes)
    with pytest.raises(SettingError, match=message) as error:
        Baseline.load(artefact)
    assert str(artefact) in str(error.value)
    assert "nilometer baseline" in str(error.value)


@pytest.mark.parametrize("name", ["baseline.json", "arrays.npz"])
@pytest.mark.parametrize("content", [None, b"", b"\x00", b"{", b"[1]", b"PK\x03\x04 but not really"])
def test_a_broken_file_is_refused(artefact: Path, name: str, content: bytes | None) -> None:
    """A missing or broken file is refused by its name, without a traceback."""
    if content is None:
        (artefact / name).unlink()
    else:
        (artefact / name).write_bytes(content)
    with pytest.raises(SettingError, match=name):
        Baseline.load(artefact)


def test_changed_arrays_are_refused(artefact: Path) -> None:
    """Arrays that are not those of the document are found out by the digest."""
    with np.load(artefact / "arrays.npz") as archive:
        arrays = dict(archive)
    for name, array in arrays.items():
        np.savez(artefact / "arrays.npz", **{**arrays, name: array + 1})
        with pytest.raises(SettingError, match="digest does not match"):
            Baseline.load(artefact)
    np.savez(artefact / "arrays.npz", **arrays, **{"prepared/ks/extra": np.zeros(1)})
    with pytest.raises(SettingError, match="digest does not match"):
        Baseline.load(artefact)


@pytest.mark.parametrize("name", ["features", "predictions", "sorted_features", "sorted_predictions"])
def test_missing_arrays_are_refused(artefact: Path, name: str) -> None:
    """An array that is not there, or is of another type, is damage and no traceback."""
    with np.load(artefact / "arrays.npz") as archive:
        arrays = dict(archive)
    for damage in ({}, {name: np.zeros(4)}, {name: arrays[name].astype(np.float32)}):
        kept = {other: array for other, array in arrays.items() if other != name}
        np.savez(artefact / "arrays.npz", **kept, **damage)
        with pytest.raises(SettingError, match=f"is damaged .{name} is no matrix"):
            Baseline.load(artefact)


def test_an_artefact_of_version_1_is_read() -> None:
    """What an older nilometer wrote has samples and no more: it is read, and keeps its digest, which monitors carry."""
    baseline = Baseline.load(VERSION_1)
    assert baseline.version == 1
    assert baseline.prepared == {}
    assert baseline.digest == json.loads((VERSION_1 / "baseline.json").read_text())["digest"]
    assert baseline.reference(0).tolist() == [1.0, 2.5, 4.0]


def test_a_baseline_of_version_1_is_written_as_it_was(tmp_path: Path) -> None:
    """Saved again, it is the same baseline of the same version."""
    Baseline.load(VERSION_1).save(tmp_path / "again")
    assert (tmp_path / "again" / "baseline.json").read_bytes() == (VERSION_1 / "baseline.json").read_bytes()
    assert Baseline.load(tmp_path / "again").digest == Baseline.load(VERSION_1).digest


def test_pickled_arrays_are_never_loaded(artefact: Path) -> None:
    """An array of objects would run code when it is loaded, so it is refused."""
    np.savez(artefact / "arrays.npz", features=np.array([{}], dtype=object), predictions=np.zeros((4, 1)))
    with pytest.raises(SettingError, match=r"arrays\.npz"):
        Baseline.load(artefact)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n", "no rows"),
        ("a,b\n1\n", "line 2 has 1 cells"),
        ("a,b\n1,2\n1,2,3\n", "line 3 has 3 cells"),
        ("a,a\n1,2\n", "two columns are named 'a'"),
        ("a,\n1,2\n", "column 2 has no name"),
        ("1.5,2\n3,4\n", "must name the columns"),
        ("a;b\n1;2\n", "separate the cells by commas"),
        ("a,b\n1,\n2,nan\n", "'b' holds no value"),
        ("a\ninf\n", "'a' holds no value"),
        ('a,b\n1,"2\n', "unexpected end of data"),
        ("name\n" + "\n".join(f"id-{row}" for row in range(1001)), "no categories: take it out"),
    ],
)
def test_a_file_that_makes_no_baseline_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """What is wrong with a table is said by line or column, without a traceback."""
    with pytest.raises(SettingError, match=message) as error:
        build(csv_file(tmp_path, text))
    assert "data.csv" in str(error.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file, a directory and another encoding are told in a sentence."""
    (tmp_path / "latin.csv").write_bytes("a\nm\xfcde\n".encode("latin-1"))
    for name, message in (("none.csv", "No such file"), (".", "directory"), ("latin.csv", "not UTF-8")):
        with pytest.raises(SettingError, match=message):
            build(tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"predictions": ["klass"]}, "no column 'klass'"),
        ({"categorical": ["klass"]}, "no column 'klass'"),
        ({"predictions": ["length", "colour", "ripe", "weight", "class"]}, "there is no feature"),
    ],
)
def test_columns_that_are_not_there_are_refused(tmp_path: Path, arguments: Any, message: str) -> None:
    """A prediction or category that names no column is refused, and so is a table without features."""
    with pytest.raises(SettingError, match=message):
        build(csv_file(tmp_path), **arguments)


def test_it_reads_what_spreadsheets_write(tmp_path: Path) -> None:
    """A byte order mark, CRLF, quoted cells, spaces and empty lines are no obstacle."""
    path = tmp_path / "excel.csv"
    path.write_bytes('\ufeff"a", b\r\n"1", x \r\n\r\n"2","y"\r\n'.encode())
    baseline = build(path)
    assert [(column.name, column.count) for column in baseline.features] == [("a", 2), ("b", 2)]
    assert baseline.features[1].categories == ("x", "y")


def test_a_baseline_can_be_read_in_a_terminal(tmp_path: Path) -> None:
    """A line a column: what it is, how much there is of it, and what it looks like."""
    text = describe(build(csv_file(tmp_path), predictions=["class"]))
    assert "4 rows" in text
    assert text.splitlines()[3].split() == ["feature", "length", "numeric", "3", "1", "2.5", "1.5", "1", "4"]
    assert "green, red" in text
