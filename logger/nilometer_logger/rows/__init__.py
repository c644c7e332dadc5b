"""The block of rows that every later stage speaks, and the schema that gives its columns their meaning.

A block is one float64 matrix, whatever its columns mean, because then every statistic is one numpy expression over all
columns at once. A numeric or boolean column holds its values; a categorical column holds the index of the category in
its schema, and a text column the length of its text in characters. Two values are set apart:

* NaN means *missing*: null, absent, not a number, or of the wrong type;
* `UNSEEN` in a categorical column means a category that the schema does not name.

The text of an unseen category, and of a value of the wrong type, is kept in `Rows.unrecognized`.
"""

from nilometer_logger.rows._binding import bind, encode, label
from nilometer_logger.rows._rows import Rows, hashes_of, row_hashes
from nilometer_logger.rows._schema import UNSEEN, Column, ColumnType, Floats, Schema

__all__ = [
    "UNSEEN",
    "Column",
    "ColumnType",
    "Floats",
    "Rows",
    "Schema",
    "bind",
    "encode",
    "hashes_of",
    "label",
    "row_hashes",
]
