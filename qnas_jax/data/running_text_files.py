"""The sources of running text: a user's own files, and a play that comes with us.

Files are plain text in UTF-8, packed or not. Splits may be files of their own, see
`files_by_split`; else validation and test are cut off the end of the one file.
"""

import pathlib

from qnas_jax.data.dataset import SourceSplits
from qnas_jax.data.files_by_split import ending_of, files_by_split
from qnas_jax.data.places import PlaceOptions
from qnas_jax.data.running_text import source_of_runs
from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.reading import printable, read_text

ENDINGS = (".txt", ".tokens", ".raw", ".txt.gz", ".tokens.gz", ".raw.gz")
"""Of text files; WikiText has `.tokens`, or `.raw`."""

_PLAY = pathlib.Path(__file__).parent / "texts" / "coriolanus.txt"


def load_plain_text(options: PlaceOptions) -> SourceSplits:
    """Reads the file or folder `path`.

    Raises:
      MissingFileError: it is not there.
      UserError: it is no such file, no text in UTF-8, or too short.
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
    texts = {split: read_text(file) for split, file in files.items()}
    return source_of_runs(
        printable(name),
        texts,
        options.tokens,
        options.max_tokens,
        place=printable(path),
    )


def load_coriolanus(options: PlaceOptions) -> SourceSplits:
    """Reads the embedded text: Acts 1 and 2 of Shakespeare's Coriolanus.

    Source: William Shakespeare, The Tragedy of Coriolanus, printed in 1623, in the
    spelling of a public-domain edition of the 19th century; 61 kB of ASCII.
    """
    texts = {"train": read_text(_PLAY)}
    return source_of_runs("coriolanus", texts, options.tokens, options.max_tokens)
