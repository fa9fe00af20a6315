"""Users' files, read whole or refused in one line that names the file.

Readers raise errors of many kinds on files that are damaged, too deep, encrypted or too
large. Here, and nowhere else, all of them become a `UserError`.
"""

import contextlib
import gzip
import io
import json
import os
import pathlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from qnas_jax.errors import MissingFileError, UserError

_LONGEST = 200  # characters of a reason

# What is compressed says how large it is, and is believed before it is unpacked: up to
# a gigabyte, or to so many times its own size, as data do not compress better.
_MOST_UNPACKED = 2**30
_MOST_TIMES = 200


@contextlib.contextmanager
def naming(path: str | pathlib.Path) -> Iterator[None]:
    """Turns what the system says against a file or folder into a `UserError`.

    Args:
      path: named where the system does not say which one it was.

    Raises:
      MissingFileError: instead of a FileNotFoundError; `<path>: <reason>`.
      UserError: instead of any other OSError.
    """
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        raise _refusal(error.filename or path, error) from error


def read_bytes(path: str | pathlib.Path) -> bytes:
    """Reads a file.

    Raises:
      MissingFileError: it is not there.
      UserError: it cannot be read.
    """
    try:
        return pathlib.Path(path).read_bytes()
    except (OSError, MemoryError) as error:
        raise _refusal(path, error) from error


def read_text(path: str | pathlib.Path) -> str:
    """Reads a text in UTF-8, unpacked if its name ends with `.gz`.

    Raises:
      MissingFileError: it is not there.
      UserError: it cannot be read, is damaged, no such text, or unpacks to far more
        than its own size.
    """
    content = read_bytes(path)
    if str(path).endswith(".gz"):
        content = _unpacked(path, content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text in UTF-8: {reason(error)}") from None


def _unpacked(path: str | pathlib.Path, content: bytes) -> bytes:
    most = max(_MOST_UNPACKED, _MOST_TIMES * len(content))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(most + 1)
    except (EOFError, zlib.error, OSError) as error:
        raise UserError(f"{path}: damaged gzip file ({reason(error)})") from None
    check_unpacked(path, len(unpacked), len(content))
    return unpacked


def size_on_disk(path: pathlib.Path) -> int:
    """Bytes of a file, or of the files below a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def parse_json(content: bytes | str, where: str) -> Any:
    """Reads a JSON text.

    Args:
      content: text, or bytes in UTF-8, UTF-16 or UTF-32.
      where: names the text, for the error.

    Raises:
      UserError: it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(content)
    # Also RecursionError, MemoryError, and numbers of more digits than Python reads.
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{where}: not valid JSON ({reason(error)})") from None


def read_npz(
    path: str | pathlib.Path,
    names: Iterable[str] | None = None,
    *,
    what: str = "a readable npz file",
) -> dict[str, np.ndarray]:
    """Reads arrays of an npz file.

    Args:
      path: the file.
      names: the arrays wanted; None: all.
      what: what the file should be, for the error.

    Returns:
      The arrays [...] by name, as the file has them: shapes and types are not checked.

    Raises:
      MissingFileError: it is not there.
      UserError: it cannot be read, lacks an array, holds Python objects, or says that
        it unpacks to far more than its own size.
    """
    try:
        # Opened here, since NumPy leaves the file of a damaged archive open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as content:
            check_archive(path, content)
            wanted = content.files if names is None else names
            return {name: content[name] for name in wanted}
    except UserError:
        raise
    except FileNotFoundError as error:
        raise _refusal(path, error) from error
    # NumPy, zipfile and the tokenizer of headers raise errors of all kinds, and a
    # single .npy array is no context manager.
    except Exception as error:
        raise UserError(f"{path}: not {what} ({reason(error)})") from None


def check_archive(path: str | pathlib.Path, content: Any) -> None:
    """Refuses an npz file by the size that it says it has, before it is unpacked.

    Args:
      path: the file.
      content: opened by `np.load`; a single array is none of its business.

    Raises:
      UserError: it says that it unpacks to far more than its own size.
    """
    members = getattr(content, "zip", None)
    if members is not None:
        unpacked = sum(member.file_size for member in members.infolist())
        check_unpacked(path, unpacked, pathlib.Path(path).stat().st_size)


def check_unpacked(path: str | pathlib.Path, unpacked: int, packed: int) -> None:
    """Refuses what is compressed and says that it is far larger.

    Args:
      path: the file.
      unpacked: bytes that it says it has.
      packed: bytes that it has.

    Raises:
      UserError: too many.
    """
    if unpacked > max(_MOST_UNPACKED, _MOST_TIMES * packed):
        raise UserError(
            f"{path}: says that its {packed:,} bytes unpack to {unpacked:,}, expected "
            f"at most {_MOST_TIMES} times as many; store it without compression"
        )


def _refusal(path: str | pathlib.Path, error: Exception) -> UserError:
    kind = MissingFileError if isinstance(error, FileNotFoundError) else UserError
    return kind(f"{path}: {reason(error)}")


def printable(name: str | pathlib.Path) -> str:
    """The name of a file on one line, with bytes that are no UTF-8 in hex."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text
    )


def reason(error: BaseException) -> str:
    """What an exception says, on one line."""
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    said = error.strerror if isinstance(error, OSError) else None
    words = " ".join((said or str(error)).split()) or type(error).__name__
    return words if len(words) <= _LONGEST else words[: _LONGEST - 3] + "..."
