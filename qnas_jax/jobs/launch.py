"""What stands between the command line and the jobs: set-up, errors, signals."""

import logging as standard_logging
import multiprocessing
import os
import pathlib
import sys
import tempfile
import traceback
from collections.abc import Mapping
from typing import Any

import ml_collections
from absl import logging

from qnas_jax.devices import Devices, Start, is_first, own_folder, several_processes
from qnas_jax.errors import UserError, did_you_mean
from qnas_jax.jobs.compiled_programs import (
    healed_compilation_cache,
    use_compilation_cache,
)
from qnas_jax.jobs.failures import describe_failure
from qnas_jax.jobs.registry import JOBS, STAGES, job_of, open_setting
from qnas_jax.jobs.runner import run_stages
from qnas_jax.jobs.speaking import SILENT, speaking
from qnas_jax.printing import say
from qnas_jax.runs import WorkFolder
from qnas_jax.stopping import (
    Stopped,
    StopRequest,
    end_at_once,
    exit_status,
    stop_line,
)


def launch(
    config: ml_collections.ConfigDict,
    *,
    stage: str,
    workdir: pathlib.Path,
    archs: str | None = None,
    images: str | None = None,
    export: Mapping[str, Any] | None = None,
    command: list[str],
    devices: int = 0,
    start: Start | None = None,
) -> int:
    """Runs a command and turns what goes wrong into one line.

    Args:
      config: as parsed from flags.
      stage: one of `STAGES`.
      workdir: folder of the run.
      archs: file of architectures, for `describe`.
      images: folder or file of images, for `predict`.
      export: fields of the group `export` that have a flag of their own; None: as the
        configuration has it.
      command: the command line, to be recorded and shown.
      devices: among how many work is divided; 0: all.
      start: how other processes are found that compute the run too; None: there are
        none.

    Returns:
      The exit status: 0; 2 after a user's error or one of the machine; 128 plus its
      number after a signal (130 after Ctrl-C); 1 after anything else, whose traceback
      is in the file that the line names.
    """
    logging.set_verbosity(logging.WARNING)  # the libraries' progress is not ours
    # What they raise is told once, by us.
    logging.get_absl_logger().addFilter(_without_traceback)
    use_compilation_cache()

    def at_once(number: int) -> None:
        for worker in multiprocessing.active_children():
            worker.kill()
        end_at_once(number, stop_line(command, "stopped at once"))

    stop = StopRequest(at_once)
    try:
        _check_stage(config, stage)
        _put_export(config, stage, export or {})
        if start is not None:
            start.join(os.environ)
        # Processes that compute together cannot end at the same step by themselves.
        stop.patient = not several_processes()
        with stop, healed_compilation_cache(), own_folder(workdir) as folder:
            work = WorkFolder(folder)
            setting = open_setting(
                config,
                work,
                should_stop=stop,
                archs=archs,
                input=images,
                devices=Devices.of(devices),
                **(speaking(work) if is_first() else SILENT),
            )
            lines = run_stages(setting, stage, command)
        if is_first():
            say(lines)
    except Stopped:
        sys.stderr.write(stop_line(command))
        return exit_status(stop.number)
    except KeyboardInterrupt:
        sys.stderr.write(stop_line(command, "stopped at once"))
        return exit_status(stop.number)
    except Exception as error:
        failure = describe_failure(error, workdir)
        line = failure.line
        if failure.keeps_traceback:
            line += f"; the traceback is in {_write_traceback(workdir)}"
        sys.stderr.write(line + "\n")
        return failure.status
    return 0


def _without_traceback(record: standard_logging.LogRecord) -> bool:
    return not record.exc_info


def _check_stage(config: ml_collections.ConfigDict, stage: str) -> None:
    """Raises UserError if the configuration is of a job without this stage."""
    job = job_of(config)
    if stage in job.stage_names:
        return
    if stage not in STAGES:
        raise UserError(
            f"--stage: got {stage!r}, allowed: one of {', '.join(STAGES)}"
            f"{did_you_mean(stage, STAGES)}"
        )
    (other, *_) = (other for other in JOBS.values() if stage in other.stage_names)
    raise UserError(
        f"--stage={stage}: got a configuration with job={job.name!r}, expected one "
        f"such as {other.example}"
    )


def _put_export(
    config: ml_collections.ConfigDict, stage: str, given: Mapping[str, Any]
) -> None:
    """Puts what flags say of the exported network into the configuration."""
    for name, value in given.items():
        if value is None:
            continue
        if stage != "export":
            raise UserError(
                f"--{name}: got it with --stage={stage}, expected --stage=export"
            )
        config.export[name] = value


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
