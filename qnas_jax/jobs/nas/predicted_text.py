"""The sentences that a model is asked about.

They come from a text file with a sentence a line, or from a column of a file of
separated values: the one that a header calls so, else the first of one or two, as in
files that networks are trained on. Empty lines are left out.
"""

import io
import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from qnas_jax.data.files_by_split import ending_of
from qnas_jax.data.text import words_of
from qnas_jax.data.text_files import ENDINGS, class_column, text_rows
from qnas_jax.errors import UserError
from qnas_jax.export import Model
from qnas_jax.options import shown
from qnas_jax.reading import read_text

_TEXT_NAMES = frozenset(("text", "sentence", "review", "comment", "message"))
_LINES = (".txt", ".txt.gz")


def text_of(
    path: pathlib.Path, model: Model, say: Callable[[str], object]
) -> tuple[list[str | int], np.ndarray]:
    """Reads the sentences of a file.

    Args:
      path: of a file of lines, or of separated values.
      model: of text.
      say: what is told of them, a line each.

    Returns:
      Their numbers [N] from 0, and those of their words, int32 [N, T].

    Raises:
      UserError: there are none, or the file is no such file.
    """
    known = (*_LINES, *ENDINGS)
    if path.is_dir() or not ending_of(path, known):
        raise UserError(f"--input: got {path}, expected a file of {', '.join(known)}")
    try:
        sentences = list(_sentences(path))
    except UserError as error:
        if str(error).startswith(str(path)):
            raise
        raise UserError(f"{path}, {error}") from error
    if not sentences:
        raise UserError(f"{path}: got no sentence, expected one a line")
    (length,) = model.input_shape
    cut = sum(len(words_of(each)) > length for each in sentences)
    if cut:
        say(f"{cut} of {len(sentences)} sentences are cut to {length} words")
    assert model.vocabulary is not None  # It is one of text.
    numbers = model.vocabulary.numbered(sentences, length)
    return list(range(len(sentences))), numbers


def _sentences(path: pathlib.Path) -> Iterator[str]:
    text = read_text(path)
    if ending_of(path, _LINES):
        yield from (line for line in io.StringIO(text, newline=None) if words_of(line))
        return
    rows = text_rows(text, ending_of(path, ENDINGS).startswith(".tsv"))
    column = -1
    for line, row in rows:
        if column < 0:
            column, header = _column(row, line)
            width = len(row)
            if header:
                continue
        if len(row) != width:
            raise UserError(f"line {line}: got {len(row)} cells, expected {width}")
        if not words_of(row[column]):
            raise UserError(
                f"line {line}: got {shown(row[column])} as the sentence, expected a "
                "word"
            )
        yield row[column]


def _column(row: Sequence[str], line: int) -> tuple[int, bool]:
    """The column of the sentences, and whether the first row is a header.

    Raises:
      UserError: nothing says which one it is.
    """
    named = [cell.strip().lower() in _TEXT_NAMES for cell in row]
    if any(named):
        return named.index(True), True
    classes = class_column(row) if len(row) == 2 else None
    if classes is not None:
        return 1 - classes, True
    if len(row) > 2:
        raise UserError(
            f"line {line}: got {len(row)} cells, expected one, or a header that calls "
            f"a column one of {', '.join(sorted(_TEXT_NAMES))}"
        )
    return 0, False
