"""The stages of a run, and the setting they share."""

from collections.abc import Sequence

from qnas_jax.stages import benchmark_config, config, option_groups, solve_config
from qnas_jax.stages.benchmark import run_benchmark
from qnas_jax.stages.benchmark_config import (
    BenchmarkConfig,
    default_benchmark_config,
    read_benchmark_config,
)
from qnas_jax.stages.config import RunConfig, default_config, read_config
from qnas_jax.stages.describe import describe_archs
from qnas_jax.stages.setting import Setting
from qnas_jax.stages.solve import solve_problem
from qnas_jax.stages.solve_config import (
    SolveConfig,
    default_solve_config,
    read_solve_config,
)

__all__ = [
    "BenchmarkConfig",
    "RunConfig",
    "Setting",
    "SolveConfig",
    "check_overrides",
    "default_benchmark_config",
    "default_config",
    "default_solve_config",
    "describe_archs",
    "read_benchmark_config",
    "read_config",
    "read_solve_config",
    "run_benchmark",
    "solve_problem",
]


def check_overrides(arguments: Sequence[str]) -> None:
    """Checks `--config.group.field=value` arguments before the flags are parsed.

    Args:
      arguments: the command line.

    Raises:
      OptionError: no configuration has the field, or its value is not of its type.
    """
    groups = option_groups.merged_groups(
        solve_config.GROUPS,
        benchmark_config.GROUPS,
        config.GROUPS,
        config.STRATEGY.records,
    )
    option_groups.check_overrides(arguments, groups)
