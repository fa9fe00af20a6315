"""The stages of a run, and the setting they share."""

from qnas_jax.stages.config import (
    RunConfig,
    check_overrides,
    default_config,
    read_config,
)
from qnas_jax.stages.describe import describe_archs
from qnas_jax.stages.setting import Setting

__all__ = [
    "RunConfig",
    "Setting",
    "check_overrides",
    "default_config",
    "describe_archs",
    "read_config",
]
