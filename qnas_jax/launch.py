"""What stands between the command line and the stages: set-up, errors, Ctrl-C."""

import os
import pathlib
import shlex
import sys

import jax
import ml_collections
from absl import logging

from qnas_jax.errors import UserError
from qnas_jax.pipeline import run_stages
from qnas_jax.runs import StopRequest, WorkFolder
from qnas_jax.stages import (
    Setting,
    describe_archs,
    read_benchmark_config,
    read_config,
    read_solve_config,
    run_benchmark,
    solve_problem,
)
from qnas_jax.training import Stopped

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
      stage: a stage, `all`, `rank`, `describe`, `solve` or `benchmark`.
      workdir: folder of the run.
      archs: file of architectures, for `describe`.
      command: the command line, to be recorded and shown.

    Returns:
      The exit status: 0, 2 after a user's error, 130 after Ctrl-C.
    """
    logging.set_verbosity(logging.WARNING)  # the libraries' progress is not ours
    use_compilation_cache()
    try:
        _check_kind(config, stage)
        if stage == "solve":
            checked = read_solve_config(config)
            lines = solve_problem(checked, WorkFolder(workdir), command)
        elif stage == "benchmark":
            benchmark = read_benchmark_config(config)
            lines = run_benchmark(benchmark, WorkFolder(workdir), command)
        elif stage == "describe":
            if archs is None:
                raise UserError("--archs: got nothing, expected a JSON file")
            lines = describe_archs(read_config(config), archs)
        else:
            with StopRequest() as stop:
                setting = Setting(read_config(config), WorkFolder(workdir), stop)
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
    sys.stdout.write("".join(line + "\n" for line in lines))
    return 0


_KINDS = {
    "solve": ("solver", "configs/solver_maxcut.py"),
    "benchmark": ("benchmark", "configs/benchmark_nas_bench_201.py"),
}
"""Stages with configurations of their own: the group they have, and an example."""


def _check_kind(config: ml_collections.ConfigDict, stage: str) -> None:
    """Raises UserError if the configuration is of another kind."""
    group, example = _KINDS.get(stage, (None, "configs/digits.py"))
    found = [name for name, _ in _KINDS.values() if name in config]
    if found != ([group] if group else []):
        kind = f"a {found[0]}" if found else "no " + (group or "group of its own")
        raise UserError(
            f"--stage={stage}: got a configuration with {kind}, expected one such as "
            f"{example}"
        )


def use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache folder, unless one is set."""
    if jax.config.values.get("jax_compilation_cache_dir"):
        return
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = pathlib.Path(base).expanduser() / "qnas_jax" / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
