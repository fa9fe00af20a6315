"""The jobs by name: the source of stages, option groups and configurations."""

from typing import Any

import ml_collections

from qnas_jax.errors import UserError
from qnas_jax.jobs.benchmark.job import BENCHMARK
from qnas_jax.jobs.config import default_config_of, read_config_of
from qnas_jax.jobs.nas.job import NAS
from qnas_jax.jobs.solve.job import SOLVE
from qnas_jax.jobs.spec import Job
from qnas_jax.options import shown
from qnas_jax.runs import WorkFolder
from qnas_jax.shipped import config_file
from qnas_jax.user_code.files import load_file

JOBS: dict[str, Job] = {job.name: job for job in (NAS, BENCHMARK, SOLVE)}
"""Every job by its name."""

STAGES = tuple(dict.fromkeys(name for job in JOBS.values() for name in job.stage_names))
"""All that `--stage` may ask for."""


def default_config(job: str = NAS.name) -> ml_collections.ConfigDict:
    """All fields of a job with their defaults, for configurations to start from.

    Args:
      job: a key of `JOBS`.

    Returns:
      The ConfigDict.
    """
    return default_config_of(JOBS[job])


def named_config(name: str) -> ml_collections.ConfigDict:
    """A configuration of ours, or of a file, for others to start from.

    Args:
      name: as `--config` takes it: `digits`, or the path of a Python file, which is
        run.

    Returns:
      What its `get_config` returns.

    Raises:
      MissingFileError: there is no such configuration.
      UserError: the file does not run to its end, or has no `get_config`.
    """
    module: Any = load_file(str(config_file(name)))
    if not callable(getattr(module, "get_config", None)):
        raise UserError(f"{name}: got no get_config, expected a function")
    config: ml_collections.ConfigDict = module.get_config()
    return config


def job_of(config: ml_collections.ConfigDict) -> Job:
    """The job of a configuration.

    Args:
      config: as `default_config` made it.

    Returns:
      The job.

    Raises:
      UserError: it is no configuration, or names no job that there is.
    """
    if not isinstance(config, ml_collections.ConfigDict):
        raise UserError(
            f"--config: got {type(config).__name__} {shown(config)} from get_config(), "
            "expected a ConfigDict; start from qnas_jax.jobs.default_config(job)"
        )
    name = config.get("job")
    if not isinstance(name, str) or name not in JOBS:
        raise UserError(
            f"job: got {shown(name)}, allowed: one of {', '.join(JOBS)}; start from "
            "qnas_jax.jobs.default_config(job)"
        )
    return JOBS[name]


def open_setting(
    config: ml_collections.ConfigDict, folder: WorkFolder, **rest: Any
) -> Any:
    """Checks a configuration and opens a run of it.

    Args:
      config: the configuration.
      folder: the work folder.
      **rest: further fields of `Setting`.

    Returns:
      The setting of its job, a `Setting`.

    Raises:
      UserError: the configuration is not valid.
    """
    job = job_of(config)
    return job.setting(job, read_config_of(job, config), folder, **rest)
