"""Rows of a CSV file in UTF-8."""

import csv
import io
import pathlib

from qnas_jax.errors import UserError
from qnas_jax.reading import read_bytes


def read_csv(path: str | pathlib.Path) -> list[list[str]]:
    """Reads the rows that are not empty, cells without the spaces around them.

    Raises:
      MissingFileError: the file is not there.
      UserError: it is no CSV file.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8 ({error})") from None
    return [[cell.strip() for cell in row] for row in rows]
