"""What went wrong, in one line: a user's mistake, the machine's limits, or our fault.

Libraries report the operating system's errors in their own ways; here they are all
read as what they are, so that a full disk is called a full disk whoever met it.
"""

import dataclasses
import errno
import os
import pathlib
import re
from collections.abc import Iterator

from qnas_jax.errors import UserError
from qnas_jax.kernels.device_memory import is_out_of_memory
from qnas_jax.user_code.files import place_in_user_code

FAULT = 1
USER_ERROR = 2

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FREE_SPACE = "free space, then the same command goes on where it was"
_REMEDIES = {
    **dict.fromkeys(_FULL, _FREE_SPACE),
    errno.EROFS: "use a --workdir that can be written",
    errno.ENAMETOOLONG: "use a shorter path",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}
_CODE = re.compile(r"os_error_code='(\d+)'|OS error (\d+)")  # of TensorStore
_PATH = re.compile(r'"(/[^"]+)"')


@dataclasses.dataclass(frozen=True)
class Failure:
    """How a command ends that failed.

    Attributes:
      line: what is said, complete; without the place of the traceback.
      status: the exit status.
      keeps_traceback: whether that is worth keeping.
    """

    line: str
    status: int
    keeps_traceback: bool = False


def describe_failure(error: BaseException, folder: pathlib.Path) -> Failure:
    """Says in one line what an exception means to whoever gave the command.

    Args:
      error: whatever ended the command.
      folder: its work folder, which is named where an error of the system names no
        path.

    Returns:
      The line and the exit status.
    """
    place = place_in_user_code(error)
    if isinstance(error, UserError):
        line = _one_line(error)
        if place is None or line.startswith(place):
            return Failure(f"error: {line}", USER_ERROR)
        return Failure(f"error: {place}: {line}", USER_ERROR, keeps_traceback=True)
    system = _system_error(error)
    if system is not None:
        return Failure(f"error: {describe_os_error(system, folder)}", USER_ERROR)
    if is_out_of_memory(error):
        return Failure(
            f"error: out of memory ({_one_line(error)[:200]}); a smaller "
            "supernet.batch_size, retrain.batch_size or scoring.score_chunk needs less",
            USER_ERROR,
        )
    words = f"{type(error).__name__}: {_one_line(error)[:300]}"
    if place is not None:
        return Failure(f"error: {place}: {words}", USER_ERROR, keeps_traceback=True)
    return Failure(f"fault: {words}", FAULT, keeps_traceback=True)


def describe_os_error(error: OSError, folder: pathlib.Path | None = None) -> str:
    """`<path>: <reason>`, and what to do about it where there is something.

    Args:
      error: the error.
      folder: named if the error names no path, as those of writing do.

    Returns:
      One line.
    """
    if error.errno is None:  # Of a library, in its words: a download, say.
        return f"{type(error).__name__}: {_one_line(error)}"
    path = error.filename or (folder if error.errno in (*_FULL, errno.EIO) else None)
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    where = "" if path is None else f"{path}: "
    remedy = _REMEDIES.get(error.errno)
    reason = error.strerror or os.strerror(error.errno)
    return f"{where}{reason}" + (f"; {remedy}" if remedy else "")


def _system_error(error: BaseException) -> OSError | None:
    """The operating system's error behind an exception, if that is what it is."""
    for each in _causes(error):
        if isinstance(each, OSError):
            return each
        found = _CODE.search(str(each))
        if found:
            code = int(found[1] or found[2])
            paths = _PATH.findall(str(each))
            return OSError(code, os.strerror(code), paths[-1] if paths else None)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that it was explicitly raised from."""
    while error is not None:
        yield error
        error = error.__cause__


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
