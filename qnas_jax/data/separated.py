"""Rows of separated values, or what is wrong with them in one line."""

import csv
import io
from collections.abc import Iterator

from qnas_jax.errors import UserError
from qnas_jax.reading import reason

DELIMITERS = {".csv": ",;\t", ".tsv": "\t", ".txt": ",;\t "}
"""What may stand between the cells of a file, by the suffix of its name."""


def rows_of(text: str, suffix: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file whose first line has most of the delimiter that it uses.

    Args:
      text: of the whole file.
      suffix: one of `DELIMITERS`.

    Yields:
      As `separated_rows`.

    Raises:
      UserError: quotes that do not fit.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS[suffix], key=first.strip().count)
    if delimiter == " ":
        text = "\n".join(line.strip() for line in text.splitlines())
    yield from separated_rows(text, delimiter)


def separated_rows(
    text: str, delimiter: str, *, quoted: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a text that are not empty.

    Args:
      text: of the whole file.
      delimiter: one sign; of spaces any number stand for one.
      quoted: whether quotes hold a cell together, or are letters as any other.

    Yields:
      The number of a row's last line, from 1, and its cells.

    Raises:
      UserError: quotes that do not fit.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        skipinitialspace=delimiter == " ",
        strict=True,
    )
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise UserError(
            f"line {reader.line_num}: not separated values ({reason(error)})"
        ) from None
