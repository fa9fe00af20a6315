"""The sources of text: a user's own file or folder, and SST-2.

A file has a sentence and its class in each row, and may begin with a header that names
them. Cells are separated by tabs (`.tsv`, where quotes are letters as any other) or
commas (`.csv`). Splits may be files of their own, see `files_by_split`.
"""

import pathlib
from collections.abc import Iterator, Sequence

from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.files_by_split import ending_of, files_by_split
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.separated import separated_rows
from qnas_jax.data.text import LabelledText, source_of_text, words_of
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.options import shown
from qnas_jax.reading import printable, read_text

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_CLASS_NAMES = frozenset(("label", "class", "target", "category", "sentiment"))


def load_text(options: PlaceOptions) -> SourceSplits:
    """Reads the file or folder `path`.

    Raises:
      MissingFileError: it is not there.
      UserError: it is none of these files, or damaged; the message names file and line.
    """
    path = pathlib.Path(options.path).expanduser()
    if not path.exists():
        raise MissingFileError(f"{path} is missing: set data.path to a file or folder")
    if not path.is_dir() and not ending_of(path, ENDINGS):
        raise UserError(
            f"{path}: got a {path.suffix or 'nameless'} file, expected one of "
            f"{', '.join(ENDINGS)}"
        )
    name, files = files_by_split(path, ENDINGS)
    return _source(printable(name), files, path, options.max_tokens)


def load_sst2(options: PlaceOptions) -> SourceSplits:
    """Reads the sentences of SST-2 (Socher et al. 2013): `sst2` in the data folder.

    Raises:
      MissingFileError: no data folder is named, or a file is not in it.
      UserError: it is damaged; the message names file and line.
    """
    root = options.data_root()
    if root is None:
        raise MissingFileError(
            "data.data_dir is not set: set it or QNAS_DATA_DIR to the folder that has "
            "sst2/train.tsv.gz, dev.tsv.gz and test.tsv.gz (sentence, tab, 0 or 1)"
        )
    folder = root / "sst2"
    names = {"train": "train", "valid": "dev", "test": "test"}
    files = {split: folder / f"{name}.tsv.gz" for split, name in names.items()}
    return _source("sst2", files, folder, options.max_tokens)


def _source(
    name: str, files: dict[str, pathlib.Path], path: pathlib.Path, max_tokens: int
) -> SourceSplits:
    found = {split: read_labelled_text(file) for split, file in files.items()}
    try:
        return source_of_text(name, found, path, max_tokens)
    except UserError as error:
        if str(error).startswith(str(path)):
            raise
        raise UserError(f"{path}: {error}") from error


def read_labelled_text(path: pathlib.Path) -> LabelledText:
    """Reads a file of one of `ENDINGS`.

    Raises:
      MissingFileError: it is not there.
      UserError: it is no such file; one line names file and line.
    """
    tabs = ending_of(path, ENDINGS).startswith(".tsv")
    try:
        return _read_rows(read_text(path), tabs)
    except UserError as error:
        if str(error).startswith(str(path)):
            raise
        raise UserError(f"{path}, {error}") from error


def text_rows(text: str, tabs: bool) -> Iterator[tuple[int, list[str]]]:
    """As `separated_rows`, with tabs, where quotes are letters, or else commas."""
    return separated_rows(text, "\t" if tabs else ",", quoted=not tabs)


def _read_rows(text: str, tabs: bool) -> LabelledText:
    sentences: list[list[str]] = []
    labels: list[str] = []
    notes: tuple[str, ...] = ()
    order = (0, 1)
    for line, row in text_rows(text, tabs):
        if len(row) != 2:
            raise UserError(
                f"line {line}: got {len(row)} cells, expected 2, a sentence and its "
                f"class, with a {'tab' if tabs else 'comma'} between them"
            )
        if not sentences and not notes and class_column(row) is not None:
            order = (1, 0) if class_column(row) == 0 else (0, 1)
            notes = ("the first line is taken as a header",)
            continue
        words, label = _parts(row, order, line)
        sentences.append(words)
        labels.append(label)
    if not sentences:
        raise UserError("line 1: got no sentence, expected one a line, then its class")
    return LabelledText(sentences, labels, notes)


def class_column(row: Sequence[str]) -> int | None:
    """The column that a header calls the class; None: the row is no header."""
    named = [cell.strip().lower() in _CLASS_NAMES for cell in row]
    return named.index(True) if sum(named) == 1 else None


def _parts(
    row: Sequence[str], order: tuple[int, int], line: int
) -> tuple[list[str], str]:
    sentence, label = (row[place].strip() for place in order)
    words = words_of(sentence)
    if not words:
        raise UserError(
            f"line {line}: got {shown(sentence)} as the sentence, expected a word"
        )
    if not label or not label.isprintable():
        raise UserError(
            f"line {line}: got {shown(label)} as the class, expected a word or number "
            "behind the sentence"
        )
    return words, label
