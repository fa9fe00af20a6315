"""What users' files hold, so that a stage is not kept when it was made of others."""

import pathlib
from typing import NamedTuple

from qnas_jax.files import digest_file


class Content(NamedTuple):
    """What a stage was made of, besides options.

    Attributes:
      digest: of the content.
      other: what it was made of if the digest differs, in words.
    """

    digest: str
    other: str


def file_content(file: str | pathlib.Path, what: str) -> Content:
    """Digests a file byte by byte.

    A Python file is covered, the modules that it imports are not: which of them matter
    cannot be known.

    Args:
      file: path; if nothing is there, whoever reads it will say so.
      what: what it is, one word or two.

    Returns:
      Its content.
    """
    path = pathlib.Path(file).expanduser()
    if not path.is_file():
        return Content("missing", f"another {what} ({path} is missing)")
    return Content(digest_file(path), f"another {what} ({path} has changed)")
