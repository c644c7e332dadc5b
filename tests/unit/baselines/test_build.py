"""From a file to a baseline: what columns are, what they say, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer_detectors.baselines.build import BINS
from nilometer_detectors.statistics.uniqueness import UniquenessSketch, hashes_of_numbers
from nilometer_logger.errors import SettingError
from tests.judging import baseline_of, normal, schema_of
from tests.unit.references import column, csv_file, looked_at, made


def test_types_are_inferred(tmp_path: Path) -> None:
    """Numbers are numeric, truth values boolean, all else categorical, in the order of the file."""
    baseline = made(csv_file(tmp_path), predictions=["class"])
    types = [(column.name, column.type) for column in baseline.features]
    assert types == [("length", "numeric"), ("colour", "categorical"), ("ripe", "boolean"), ("weight", "numeric")]
    assert [(column.name, column.type) for column in baseline.predictions] == [("class", "numeric")]
    assert column(baseline, "colour").categories == ("green", "red")


def test_missing_cells_are_counted(tmp_path: Path) -> None:
    """Empty cells, and words for nothing in a numeric column, are missing; the others are described."""
    baseline = made(csv_file(tmp_path), predictions=["class"])
    length, weight = column(baseline, "length"), column(baseline, "weight")
    assert (length.count, length.missing, length.mean, length.stddev, length.min, length.max) == (3, 1, 2.5, 1.5, 1, 4)
    assert (weight.count, weight.missing, weight.mean) == (2, 2, 20)
    assert (column(baseline, "colour").count, column(baseline, "colour").missing) == (3, 1)


def test_numbers_can_be_categories(tmp_path: Path) -> None:
    """Named as categorical, a column of numbers has categories written as a payload's numbers are, in their order."""
    baseline = made(
        csv_file(tmp_path, "x,class\n1,10\n2,9.0\n3,10\n4,1.5\n"), predictions=["class"], categorical=["class"]
    )
    assert column(baseline, "class").categories == ("1.5", "9", "10")
    assert column(baseline, "class").counts == (1, 1, 2)


def test_words_for_nothing_may_be_categories(tmp_path: Path) -> None:
    """In a categorical column only an empty cell is missing: NA may be a country, none an answer."""
    baseline = made(csv_file(tmp_path, 'country\nNA\nDE\nnone\n""\n'))
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


def test_the_sample_is_bounded_and_always_the_same(tmp_path: Path) -> None:
    """At most so many rows are kept as were asked for, and the same ones of the same file; statistics are of all."""
    lines = "\n".join(str(number / 4) for number in range(500))
    first, second = (made(csv_file(tmp_path, f"x\n{lines}\n"), sample=100) for _ in range(2))
    assert first.feature_sample.shape == (100, 1)
    assert first.feature_sample.tolist() == second.feature_sample.tolist()
    assert first.features[0].count == 500
    assert first.digest == second.digest


def test_features_and_predictions_are_sampled_by_row() -> None:
    """A sampled row has its features and its predictions side by side, for the detectors that need both."""
    features = normal(300, 1)
    baseline = baseline_of(features, predictions=features.ravel() * 2)
    assert (baseline.prediction_sample == baseline.feature_sample * 2).all()


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
        ("name\n" + "\n".join(f"id-{row}" for row in range(1001)), "predictions or ids, so there is no feature"),
    ],
)
def test_a_file_that_makes_no_baseline_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """What is wrong with a table is said by line or column, without a traceback."""
    with pytest.raises(SettingError, match=message) as error:
        made(csv_file(tmp_path, text))
    assert "data.csv" in str(error.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file, a directory and another encoding are told in a sentence."""
    (tmp_path / "latin.csv").write_bytes("a\nm\xfcde\n".encode("latin-1"))
    for name, message in (("none.csv", "No such file"), (".", "directory"), ("latin.csv", "not UTF-8")):
        with pytest.raises(SettingError, match=message):
            made(tmp_path / name)


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
        made(csv_file(tmp_path), **arguments)


def test_it_reads_what_spreadsheets_write(tmp_path: Path) -> None:
    """A byte order mark, CRLF, quoted cells, spaces and empty lines are no obstacle."""
    path = tmp_path / "excel.csv"
    path.write_bytes('\ufeff"a", b\r\n"1", x \r\n\r\n"2","y"\r\n'.encode())
    baseline = made(path)
    assert [(column.name, column.count) for column in baseline.features] == [("a", 2), ("b", 2)]
    assert baseline.features[1].categories == ("x", "y")


def column_of(cells: list[str], name: str = "x") -> str:
    """Returns a CSV table of one column."""
    return "\n".join([name, *cells]) + "\n"


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "-3e4", "", "NaN", "null"], "numeric"),
        (["true", "FALSE", "", "n/a"], "boolean"),
        (["1", "0", "1"], "numeric"),
        (["1", "true"], "categorical"),
        (["1", "2", "none of these"], "categorical"),
        (["1_000", "2"], "categorical"),
        (["a"] * 2000 + ["b"], "categorical"),
        (["red"] * 60 + [f"a sentence of its own and number {number}" for number in range(70)], "text"),
        ([f"word {number} of many" for number in range(1001)] * 2, "text"),
        (["red"] * 70 + [f"a sentence of its own and number {number}" for number in range(60)], "categorical"),
        (["1"] * 1500 + ["one"], "categorical"),
    ],
)
def test_a_type_is_told_from_all_cells(tmp_path: Path, cells: list[str], kind: str) -> None:
    """The last cell of many may decide what a column is."""
    [found] = looked_at(csv_file(tmp_path, column_of(cells))).features
    assert found.column.type == kind


def test_a_text_is_described_by_its_length(tmp_path: Path) -> None:
    """Free text has the moments and the histogram of its length in characters; an empty cell is missing."""
    found = column(made(csv_file(tmp_path, column_of(["żółw", '""', "a b"])), types={"x": "text"}), "x")
    assert (found.type, found.count, found.missing, found.mean, found.min, found.max) == ("text", 2, 1, 3.5, 3, 4)
    assert sum(found.counts) == 2


@pytest.mark.parametrize(
    "values",
    [
        [str(number) for number in range(100)],
        [f"id-{number}" for number in range(100)],
        [str(7 * number) for number in range(5000)],
        [f"{number:032x}" for number in range(5000)],
    ],
)
def test_ids_are_left_out(tmp_path: Path, values: list[str]) -> None:
    """A column of integers or words that are all different is pointed out and left out, and taken where it is kept."""
    rows = [f"{value},{place % 7}" for place, value in enumerate(values)]
    path = csv_file(tmp_path, "\n".join(["id,x", *rows]))
    inferred = looked_at(path)
    assert [found.column.name for found in inferred.features] == ["x"]
    assert "--keep id" in inferred.remarks[0]
    assert [found.column.name for found in looked_at(path, kept=["id"]).features] == ["id", "x"]
    assert [found.column.name for found in looked_at(path, types={"id": "text"}).features] == ["id", "x"]


@pytest.mark.parametrize(
    "values",
    [
        [str(number) for number in range(99)],  # too few to tell
        [str(number) for number in (*range(2999), *range(100))],  # some come again
        [str(number + 0.5) for number in range(200)],
        [f"two words {number}" for number in range(200)],
    ],
)
def test_what_is_no_id_is_taken(tmp_path: Path, values: list[str]) -> None:
    """Few values, values that come again, fractions and sentences are no ids."""
    assert len(looked_at(csv_file(tmp_path, column_of(values))).features) == 1


def test_constants_are_pointed_out(tmp_path: Path) -> None:
    """A column of one value is taken, and the user is told."""
    remarks = looked_at(csv_file(tmp_path, "a,b,c,d\n1,red,true,1\n1.0,red,TRUE,2\n1,,true,3\n")).remarks
    assert [remark.split("'")[1] for remark in remarks] == ["a", "b", "c"]
    assert all("is constant" in remark for remark in remarks)


def test_the_user_knows_better(tmp_path: Path) -> None:
    """A column is what the user says; cells that are nothing of that type are missing."""
    path = csv_file(tmp_path, "a,b,c,d\n1,0,x,1\n2,1,4,2\n?,7,5,3\n")
    types = {"a": "numeric", "b": "boolean", "c": "text"}
    baseline = made(path, types=types, ignored=["d"])
    assert [(found.type, found.count, found.missing) for found in baseline.features] == [
        ("numeric", 2, 1),
        ("boolean", 2, 1),
        ("text", 3, 0),
    ]
    assert baseline.features[1].counts == (1, 1)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"a": "numeric"}, "holds no value that is numeric: leave it out with --ignore a"),
        ({"a": "boolean"}, "holds no value that is boolean"),
        ({"b": "categorical"}, "has more than 1000 different values, such as '0.5'.*take --text b, or --ignore b"),
    ],
)
def test_a_column_that_is_not_what_it_should_be_is_refused(tmp_path: Path, types: dict[str, Any], message: str) -> None:
    """A type that no cell has, or too many categories, is told with the flag that helps."""
    rows = [f"word,{number}.5" for number in range(1001)]
    with pytest.raises(SettingError, match=message):
        looked_at(csv_file(tmp_path, "\n".join(["a,b", *rows])), types=types)


def test_predictions_stand_in_the_order_of_the_answer(tmp_path: Path) -> None:
    """The order of the flags is the order of the model's answer; the features keep that of the file."""
    baseline = made(csv_file(tmp_path), predictions=["class", "length"])
    assert [found.name for found in baseline.predictions] == ["class", "length"]
    assert [found.name for found in baseline.features] == ["colour", "ripe", "weight"]


def test_chunks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are read at once, the baseline is the same to the bit."""
    lines = [f"{value!r},{place % 3}" for place, value in enumerate(normal(250, 1).ravel().tolist())]
    path = csv_file(tmp_path, "\n".join(["x,k", *lines]))
    whole = made(path, categorical=["k"])
    monkeypatch.setattr("nilometer_detectors.baselines.sources._csv.CHUNK", 7)
    assert made(path, categorical=["k"]).digest == whole.digest


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=3000), st.integers(1, 900))
def test_repetition_is_found_exactly_among_a_thousand(values: list[int], at_once: int) -> None:
    """Where there are no more different values than are looked at, a repetition is found whatever its order."""
    different = UniquenessSketch()
    values = values[:1000]
    for start in range(0, len(values), at_once):
        different.take(hashes_of_numbers(np.array(values[start : start + at_once], dtype=np.float64)))
    assert different.repeated == (len(set(values)) < len(values))
