"""The registry of path samplers, and what they can be told.

`uniform`, `fair` and `strict_fair` take all ops alike (`paths.py`); `stratified` and
`sandwich` look at costs. In front of any of them the largest path may stand as a
teacher, and the balance pool on top.
"""

import dataclasses
from collections.abc import Callable

from qnas_jax.options import OptionError, option
from qnas_jax.spaces import BuildableSpace, CostTable
from qnas_jax.training.balance_pool import PoolOptions, with_pool
from qnas_jax.training.distillation import with_teacher
from qnas_jax.training.paths import PathSampler, fair, strict_fair, uniform
from qnas_jax.training.sandwich import sandwich
from qnas_jax.training.strata import STRATA_COSTS, make_strata, stratified


@dataclasses.dataclass(frozen=True)
class SamplerOptions(PoolOptions):
    """Which paths a supernet is trained on.

    Raises:
      OptionError: a value is not allowed.
    """

    sampler: str = option(
        "fair", "which paths are trained", choices=lambda: PATH_SAMPLERS
    )
    strata: int = option(3, "ranges of the cost in `stratified`", low=2)
    strata_by: str = option(
        "macs",
        "their cost; `ops` are those with parameters, `depth` those on the longest way",
        choices=STRATA_COSTS,
    )
    sandwich_paths: int = option(
        2, "paths of an update beside smallest and largest in `sandwich`", low=1
    )
    distillation: float = option(
        0.0,
        "share of the largest path's outputs in what the others learn; it then joins "
        "each step. 0: labels alone",
        low=0,
        high=1,
    )

    def __post_init__(self) -> None:
        """Answers those who knew the pool as a sampler, then checks the values."""
        if self.sampler == "balance_pool":
            allowed = (
                f"one of {', '.join(PATH_SAMPLERS)} (the pool goes on top of any of "
                "them: did you mean sampler=fair and pool_share=0.5?)"
            )
            raise OptionError("sampler", self.sampler, allowed)
        super().__post_init__()


MakeSampler = Callable[[SamplerOptions, BuildableSpace, CostTable], PathSampler]

PATH_SAMPLERS: dict[str, MakeSampler] = {
    "uniform": lambda options, space, costs: uniform(space.num_ops),
    "fair": lambda options, space, costs: fair(space.num_ops),
    "strict_fair": lambda options, space, costs: strict_fair(space.num_ops),
    "stratified": lambda options, space, costs: stratified(
        make_strata(space, costs, options.strata_by, options.strata)
    ),
    "sandwich": lambda options, space, costs: sandwich(
        space, costs, options.sandwich_paths
    ),
}
"""(options, space, costs of its ops) -> sampler, by name."""


def make_sampler(
    options: SamplerOptions, space: BuildableSpace, costs: CostTable
) -> PathSampler:
    """Builds the sampler of a training.

    Args:
      options: the sampler, what it can be told, and the share of the pool.
      space: the architectures.
      costs: of all ops of the networks that are looked for; those of smaller networks
        that are trained in their place may be told apart less.

    Returns:
      The sampler, with the pool on top if it has a share, and the largest path in
      front if the others learn from it.

    Raises:
      UserError: architectures do not differ in the cost that strata are made by.
    """
    sampler = PATH_SAMPLERS[options.sampler](options, space, costs)
    if options.distillation > 0:
        sampler = with_teacher(sampler, costs.largest("macs"), options.distillation)
    return with_pool(sampler) if options.pool_share > 0 else sampler
