"""A schema gives the columns of a payload their meaning, by name or by position."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer_logger.errors import PayloadError
from nilometer_logger.rows import UNSEEN, Column, Schema, bind

LENGTH, WIDTH = Column("length"), Column("width")
COLOUR = Column("colour", "categorical", ("red", "green"))
NOTE = Column("note", "text")
BOTH = Schema((LENGTH, WIDTH))


def table(*rows: list[object]) -> np.ndarray:
    """Returns a table as payloads have it: of numbers, or of anything."""
    numbers = all(isinstance(value, int | float) for row in rows for value in row)
    return np.array(rows, dtype=np.float64 if numbers else object)


def test_columns_without_names_are_bound_by_position() -> None:
    """A v1 request of lists gives the columns in the order of the schema."""
    values, unseen = bind(BOTH, None, table([1.0, 2.0]))

    assert values.tolist() == [[1.0, 2.0]]
    assert unseen == {}


def test_columns_with_names_are_bound_by_name() -> None:
    """Whatever order a client sends, a column is where the schema has it."""
    values, _ = bind(BOTH, ("width", "length"), table([1.0, 2.0]))

    assert values.tolist() == [[2.0, 1.0]]


def test_one_name_in_common_is_enough() -> None:
    """A column that the payload lacks is missing, and one that the schema lacks is passed over."""
    values, _ = bind(BOTH, ("note", "width"), table([1.0, 2.0]))

    assert np.array_equal(values, [[np.nan, 2.0]], equal_nan=True)


def test_names_that_are_all_strange_are_bound_by_position() -> None:
    """A tensor `x` of as many columns as the schema has is the schema's columns in their order."""
    values, _ = bind(BOTH, ("x.0", "x.1"), table([1.0, 2.0]))

    assert values.tolist() == [[1.0, 2.0]]


def test_columns_that_match_in_no_way_are_refused() -> None:
    """The reason names both sides and the remedy."""
    with pytest.raises(PayloadError) as refused:
        bind(BOTH, ("a", "b", "c"), table([1.0, 2.0, 3.0]))

    assert str(refused.value) == (
        "3 columns (a, b, c) do not match the schema's 2 (length, width): "
        "name them alike, or send as many in the same order"
    )


@pytest.mark.parametrize("value", ["text", None, [1], {}])
def test_what_is_no_number_is_missing_in_a_numeric_column(value: object) -> None:
    """A wrong type is NaN: missing, and not zero or an end of everything."""
    values, _ = bind(Schema((LENGTH,)), None, np.array([[value], [1.5]], dtype=object)[:2])

    assert np.array_equal(values, [[np.nan], [1.5]], equal_nan=True)


def test_the_text_of_a_wrong_type_is_kept() -> None:
    """What is no number in a column of numbers is told apart from what is missing, with its place and its text."""
    rows = np.array([["1.5", "x"], [None, None], [2.0, math.nan], ["NaN", True], [[1], "y"]], dtype=object)
    values, unrecognized = bind(Schema((LENGTH, Column("fresh", "boolean"))), None, rows)

    missing = [[np.nan, np.nan], [np.nan, np.nan], [2.0, np.nan], [np.nan, 1.0], [np.nan, np.nan]]
    assert np.array_equal(values, missing, equal_nan=True)
    assert unrecognized == {(0, 0): "1.5", (4, 0): "[1]", (0, 1): "x", (4, 1): "y"}


@pytest.mark.parametrize("rows", [table([True], [False]), table([1], [0]), np.array([[True], [False]], dtype=object)])
def test_a_boolean_column_holds_ones_and_zeros(rows: np.ndarray) -> None:
    """True is 1 and false is 0, whichever way JSON wrote them."""
    values, _ = bind(Schema((Column("fresh", "boolean"),)), None, rows)

    assert values.tolist() == [[1.0], [0.0]]


def test_a_category_is_its_place_in_the_schema() -> None:
    """A categorical column holds the codes of its categories, and NaN where there is none."""
    values, unseen = bind(Schema((COLOUR,)), None, table(["green"], ["red"], [None]))

    assert np.array_equal(values, [[1.0], [0.0], [np.nan]], equal_nan=True)
    assert unseen == {}


def test_a_category_that_is_not_there_is_missing() -> None:
    """NaN among numbers, or no column of that name: missing, and not a category of its own."""
    classes = Schema((LENGTH, Column("class", "categorical", ("0",))))

    for names, rows in ((None, table([1.0, np.nan])), (("length",), table([1.0]))):
        values, unseen = bind(classes, names, rows)
        assert np.array_equal(values, [[1.0, np.nan]], equal_nan=True)
        assert unseen == {}


def test_a_category_that_the_schema_lacks_is_unseen() -> None:
    """It is told apart from a missing one, and its text is kept with its place."""
    values, unseen = bind(Schema((LENGTH, COLOUR)), None, table([1, "red"], [2, "blue"]))

    assert values[:, 1].tolist() == [0.0, UNSEEN]
    assert unseen == {(1, 1): "blue"}


def test_numbers_may_be_categories() -> None:
    """``0``, ``0.0`` and ``"0"`` are one category; ``2.5`` is another."""
    column = Schema((Column("class", "categorical", ("0", "2.5")),))

    assert bind(column, None, table([0], [0.0], [2.5]))[0].tolist() == [[0.0], [0.0], [1.0]]
    assert bind(column, None, table(["0"], [2.5], ["2.5"]))[0].tolist() == [[0.0], [1.0], [1.0]]


@pytest.mark.parametrize("categories", [("false", "true"), ("0", "1")])
def test_booleans_may_be_categories(categories: tuple[str, ...]) -> None:
    """True and 1 are one category, because a table of numbers holds booleans as numbers."""
    column = Schema((Column("fresh", "categorical", categories),))

    for rows in (table([True], [False]), np.array([[True], [False]], dtype=object), table([1], [0])):
        assert bind(column, None, rows) == (pytest.approx(np.array([[1.0], [0.0]])), {})


def test_a_table_that_fits_is_not_converted() -> None:
    """Numbers in the order of the schema are the values, without a copy a column."""
    numbers = table([1.0, 2.0], [3.0, 4.0])

    assert bind(BOTH, ("length", "width"), numbers)[0] is numbers


@given(
    st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.5, 7.0, 1e300, np.nan, np.inf]), max_size=80),
    st.sampled_from([np.float64, np.float32, np.int64, np.uint8, bool]),
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_many_rows_are_bound_as_each_alone(numbers: list[float], dtype: type) -> None:
    """What a category is called, and what is unseen or no text, does not depend on how many rows are bound at once."""
    schema = Schema((LENGTH, Column("class", "categorical", ("0", "true", "2.5")), NOTE, Column("other", "boolean")))
    names = ("class", "length", "note")
    rows = np.column_stack([numbers] * 3).reshape(-1, 3).astype(dtype)

    values, unseen = bind(schema, names, rows)

    assert len(values) == len(rows)
    for row in range(len(rows)):
        alone, unrecognized = bind(schema, names, rows[row : row + 1])
        assert np.array_equal(values[row : row + 1], alone, equal_nan=True)
        assert {column: text for (at, column), text in unseen.items() if at == row} == {
            column: text for (_, column), text in unrecognized.items()
        }


def test_a_schema_forgets_what_clients_make_up() -> None:
    """However many names clients send, what is remembered of them is bounded, and a model's own columns still bind."""
    for number in range(300):
        bind(BOTH, ("width", f"strange {number}"), table([1.0, 2.0]))

    assert len(BOTH._found) <= 64
    assert bind(BOTH, ("width", "length"), table([1.0, 2.0]))[0].tolist() == [[2.0, 1.0]]


def test_a_text_is_as_long_as_its_characters() -> None:
    """A text column holds the length of its text; what is no text is missing, and kept as strange."""
    values, unrecognized = bind(Schema((LENGTH, NOTE)), None, table([1.0, "żółw"], [2.0, ""], [3.0, None], [4.0, 5.0]))

    assert np.array_equal(values, [[1, 4], [2, 0], [3, np.nan], [4, np.nan]], equal_nan=True)
    assert unrecognized == {(3, 1): "5"}


@pytest.mark.parametrize("rows", [1, 100])
def test_numbers_are_no_texts(rows: int) -> None:
    """In a table without any text, a text column is missing in every row."""
    values, _ = bind(Schema((NOTE,)), None, table(*[[1.0]] * rows))

    assert np.isnan(values).all()
