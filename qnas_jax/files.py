"""Files that outlive a kill and a power failure, and digests of what they hold.

A rename is atomic for whoever reads. After a power failure the new name may still
stand for an empty file, unless the content was on the disk before the rename; and the
old name may stand there again, unless the folder was synced after it.
"""

import contextlib
import hashlib
import os
import pathlib
import shutil

from qnas_jax.errors import UserError


def replace_file(path: pathlib.Path, content: bytes) -> None:
    """Writes a file whole or not at all; it is on the disk when this returns.

    Args:
      path: the file; its folder is made if absent.
      content: all of it.

    Raises:
      UserError: the path is a folder.
    """
    if path.is_dir():
        raise UserError(f"{path}: got a folder, expected a file; move it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def user_cache(name: str) -> pathlib.Path:
    """A folder of the user's cache for what can be made anew; it need not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(base).expanduser() / "qnas_jax" / name


def remove(path: pathlib.Path) -> None:
    """Removes what is there, a file or a folder; it is gone from the disk then."""
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    else:
        return
    sync_folder(path.parent)


def sync_file(path: pathlib.Path) -> None:
    """Has the disk hold a file's content."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: pathlib.Path) -> None:
    """Has the disk know what the folder's names stand for, where that can be asked."""
    with contextlib.suppress(OSError):  # Some systems do not open folders.
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def digest(*parts: bytes | memoryview) -> str:
    """BLAKE2b, 16 bytes as hexadecimal digits, of some bytes in order."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        state.update(part)
    return state.hexdigest()


def digest_file(path: pathlib.Path) -> str:
    """The digest of a file's content."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
    return found.hexdigest()
