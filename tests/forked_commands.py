"""Commands run in forks of one process that has imported all, once for all of them."""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Reads a list of commands, runs each in a fork, one after the other, and answers with
# exit statuses and what was written. Nothing may use a device before.
_FORKS = """
import json, os, runpy, sys, tempfile
root = sys.argv[1]
sys.path.insert(0, root)
import ml_collections.config_flags
import qnas_jax.command.running, qnas_jax.command.parsing


def run(words):
    if words[:2] == ["python", "-c"]:
        exec(words[2], {"__name__": "__main__"})
    elif words[0] == "qnas":
        sys.argv = ["main.py", *words[1:]]
        runpy.run_path(os.path.join(root, "main.py"), run_name="__main__")
    else:
        raise ValueError(words)


answers = []
for words in json.load(sys.stdin):
    out, err = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
    child = os.fork()
    if child == 0:
        status = 70
        try:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            run(words)
            status = 0
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = []
    for file in (out, err):
        file.seek(0)
        found.append(file.read())
    answers.append([status, *found])
json.dump(answers, sys.stdout)
"""


class Answer(NamedTuple):
    """How a command ended.

    Attributes:
      status: the exit status.
      out: its standard output.
      err: its standard error.
    """

    status: int
    out: str
    err: str


def run_commands(
    commands: Sequence[Sequence[str]], folder: pathlib.Path, **environment: str
) -> list[Answer]:
    """Runs commands one after the other.

    Args:
      commands: words, of which the first is `qnas`, or `python -c`.
      folder: where they are run.
      environment: what differs from the present one.

    Returns:
      Their answers.
    """
    huge_pages = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # else it starts anew
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKS, str(ROOT)],
        input=json.dumps([list(words) for words in commands]),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, **huge_pages, **environment},
    )
    assert done.returncode == 0, done.stderr
    return [Answer(*each) for each in json.loads(done.stdout)]
