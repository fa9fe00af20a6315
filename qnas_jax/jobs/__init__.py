"""Jobs: what a command runs. One registry, one runner; the only reader of configs."""

from qnas_jax.jobs.config import Config
from qnas_jax.jobs.registry import (
    JOBS,
    STAGES,
    default_config,
    job_of,
    named_config,
    open_setting,
)
from qnas_jax.jobs.runner import run_stages
from qnas_jax.jobs.setting import Setting
from qnas_jax.jobs.spec import Family, Job, Stage

__all__ = [
    "JOBS",
    "STAGES",
    "Config",
    "Family",
    "Job",
    "Setting",
    "Stage",
    "default_config",
    "job_of",
    "named_config",
    "open_setting",
    "run_stages",
]
