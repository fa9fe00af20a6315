"""One process at a time in a work folder."""

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator

from absl import logging

from qnas_jax.runs.errors import RunError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """Holds the folder for this process; the system lets go of it when it dies.

    Where the file system knows no locks, a warning says so.

    Args:
      folder: the folder; `.lock` in it names the process that holds it.

    Raises:
      RunError: another process holds it.
    """
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(folder, handle)
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()} {socket.gethostname()}\n".encode())
        yield
    finally:
        os.close(handle)


def _take(folder: pathlib.Path, handle: int) -> None:
    if fcntl is None:
        _warn(folder, "this system has none")
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunError(
            f"{folder} is in use by {_owner(handle)}; wait for it, or use another "
            "--workdir"
        ) from None
    except OSError as error:
        _warn(folder, str(error))


def _owner(handle: int) -> str:
    number, _, host = os.read(handle, 300).decode(errors="replace").partition(" ")
    host = host.strip()
    if not number.isdecimal():
        return "another process"
    return f"process {number}" + (f" on {host}" if host != socket.gethostname() else "")


def _warn(folder: pathlib.Path, why: str) -> None:
    logging.warning(
        "%s: no locks there (%s); see to it that one process uses it", folder, why
    )
