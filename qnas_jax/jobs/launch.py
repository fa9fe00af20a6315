"""What stands between the command line and the jobs: set-up, errors, Ctrl-C."""

import os
import pathlib
import shlex
import sys
import tempfile
import traceback

import jax
import ml_collections
from absl import logging

from qnas_jax.errors import UserError
from qnas_jax.jobs.registry import JOBS, STAGES, job_of, open_setting
from qnas_jax.jobs.runner import run_stages
from qnas_jax.runs import StopRequest, WorkFolder
from qnas_jax.stopping import Stopped

FAULT = 1
USER_ERROR = 2
INTERRUPTED = 130


def launch(
    config: ml_collections.ConfigDict,
    *,
    stage: str,
    workdir: pathlib.Path,
    archs: str | None,
    command: list[str],
) -> int:
    """Runs a command and turns what goes wrong into one line.

    Args:
      config: as parsed from flags.
      stage: one of `STAGES`.
      workdir: folder of the run.
      archs: file of architectures, for `describe`.
      command: the command line, to be recorded and shown.

    Returns:
      The exit status: 0; 2 after a user's error; 130 after Ctrl-C; 1 after anything
      else, whose traceback is in the file that the line names.
    """
    logging.set_verbosity(logging.WARNING)  # the libraries' progress is not ours
    use_compilation_cache()
    try:
        _check_stage(config, stage)
        with StopRequest() as stop:
            setting = open_setting(
                config, WorkFolder(workdir), should_stop=stop, archs=archs
            )
            lines = run_stages(setting, stage, command)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return USER_ERROR
    except Stopped:
        sys.stderr.write(f"stopped; to go on: {shlex.join(command)}\n")
        return INTERRUPTED
    except KeyboardInterrupt:
        sys.stderr.write(f"stopped at once; to go on: {shlex.join(command)}\n")
        return INTERRUPTED
    except Exception as error:
        path = _write_traceback(workdir)
        words = " ".join(f"{type(error).__name__}: {error}".split())
        sys.stderr.write(f"fault: {words[:300]}; the traceback is in {path}\n")
        return FAULT
    sys.stdout.write("".join(line + "\n" for line in lines))
    return 0


def _check_stage(config: ml_collections.ConfigDict, stage: str) -> None:
    """Raises UserError if the configuration is of a job without this stage."""
    job = job_of(config)
    if stage in job.stage_names:
        return
    if stage not in STAGES:
        raise UserError(f"--stage: got {stage!r}, allowed: one of {', '.join(STAGES)}")
    (other, *_) = (other for other in JOBS.values() if stage in other.stage_names)
    raise UserError(
        f"--stage={stage}: got a configuration with job={job.name!r}, expected one "
        f"such as {other.example}"
    )


def _write_traceback(workdir: pathlib.Path) -> pathlib.Path:
    """Keeps the present exception's traceback, in the work folder if that can be."""
    text = traceback.format_exc()
    try:
        path = workdir / "traceback.txt"
        path.write_text(text, encoding="utf-8")
    except OSError:
        handle, name = tempfile.mkstemp(prefix="qnas_jax-", suffix=".txt")
        os.close(handle)
        path = pathlib.Path(name)
        path.write_text(text, encoding="utf-8")
    return path


def use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache folder, unless one is set."""
    if jax.config.values.get("jax_compilation_cache_dir"):
        return
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = pathlib.Path(base).expanduser() / "qnas_jax" / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
