"""Rows of separated values, or what is wrong with them in one line."""

import csv
import io
from collections.abc import Iterator

from qnas_jax.errors import UserError
from qnas_jax.reading import reason


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
