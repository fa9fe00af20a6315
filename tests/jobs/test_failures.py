"""Every way in which the machine says no is one line that says what to do."""

import errno
import pathlib

import jax
import pytest

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.jobs.failures import FAULT, USER_ERROR, describe_failure
from qnas_jax.options import OptionError
from qnas_jax.user_code.files import load_file

FOLDER = pathlib.Path("runs/a")
TENSORSTORE = (
    'RESOURCE_EXHAUSTED: Error writing "x/0" in OCDBT database at local file '
    '"/runs/a/0/": Failed writing: "/runs/a/0/d/03a0": Failed to write 9 bytes to '
    "file 7: No space left on device [os_error_code='28']"
)
GO_ON = "; free space, then the same command goes on where it was"


def caused_by(cause: Exception) -> Exception:
    error = RuntimeError("the checkpoint")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OptionError("seed", -1, "int >= 0"), "seed: got -1, allowed: int >= 0"),
        (MissingFileError("got a, expected a file"), "got a, expected a file"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            f"runs/a: No space left on device{GO_ON}",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "/mnt/x"),
            "/mnt/x: Read-only file system; use a --workdir that can be written",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "t.csv"),
            "t.csv: Permission denied",
        ),
        (
            OSError(errno.ENAMETOOLONG, "File name too long", b"aa"),
            "aa: File name too long; use a shorter path",
        ),
        (OSError(errno.EAGAIN, "Try again"), "Try again"),
        (ConnectionError("no route"), "ConnectionError: no route"),
        (ValueError(TENSORSTORE), f"/runs/a/0/d/03a0: No space left on device{GO_ON}"),
        (
            caused_by(OSError(errno.EDQUOT, "Disk quota exceeded", "b")),
            f"b: Disk quota exceeded{GO_ON}",
        ),
    ],
)
def test_what_the_user_or_the_machine_must_mend(error, line):
    failure = describe_failure(error, FOLDER)
    assert (failure.line, failure.status) == (f"error: {line}", USER_ERROR)
    assert not failure.keeps_traceback


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9"),
    ],
)
def test_too_little_memory_names_the_options_that_need_it(error):
    failure = describe_failure(error, FOLDER)
    assert failure.line.startswith("error: out of memory (")
    assert "supernet.batch_size" in failure.line and failure.status == USER_ERROR


def test_anything_else_is_a_fault_of_ours():
    failure = describe_failure(KeyError("two\nlines"), FOLDER)
    assert failure.line == "fault: KeyError: 'two\\nlines'" and failure.keeps_traceback
    assert failure.status == FAULT
    assert describe_failure(jax.errors.JaxRuntimeError("INTERNAL"), FOLDER).status == 1


def test_what_fails_in_a_users_file_is_named_with_its_place(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def half(x):\n    return 1 / x\n")
    half = load_file(str(path)).half
    with pytest.raises(ZeroDivisionError) as caught:
        half(0)
    failure = describe_failure(caught.value, FOLDER)
    assert failure.line == f"error: {path}, line 2: ZeroDivisionError: division by zero"
    assert failure.status == USER_ERROR and failure.keeps_traceback
    try:
        raise UserError("layer 3, op 'x': ZeroDivisionError") from caught.value
    except UserError as error:
        line = describe_failure(error, FOLDER).line
    assert line == f"error: {path}, line 2: layer 3, op 'x': ZeroDivisionError"
