"""Paths by strata of a cost: a stratum with equal probability, then one of its archs.

Uniform paths crowd where most architectures are: in the middle of the costs. Cheap and
dear ones are then seldom trained, and ranked by weights that seldom were theirs. Strata
are ranges of a cost that are drawn equally often, whatever their number of archs.

If they held equally many archs, this would be uniform sampling with less chance in it.
So they are equally wide, between the costs up to which 1 % and 99 % of uniform
architectures lie; the first and the last are open. (The extremes themselves would not
do, they are too far out: the first third between those of `proxylessnas` holds one
arch in 200.) Of a bell of costs in three strata, archs of the ends are drawn 1.5 times
as often as by uniform sampling, those of the middle 0.6 times; of S strata, those of
an end at most 100 / S times as often.

Costs are `macs` and `params`, or numbers of ops with parameters: `ops` all of them,
`depth` those on the way from input to output that has the most (in chains the same).
Three strata by `depth` are the published rule for NAS-Bench-201: up to 1 convolution,
2, or 3, which are 0.57, 0.36 and 0.07 of the cells.

Architectures that do not let their input through are left out: they learn nothing.

Source: the "balanced" sampler in the code to Oh, Lee & Ham, Efficient few-shot neural
architecture search by counting the number of nonlinear functions, AAAI 2025. Differs
from it: any space, any cost, any number of strata.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.spaces import BuildableSpace, CostTable
from qnas_jax.training.paths import PathSampler, SamplerState

STRATA_COSTS = ("macs", "params", "ops", "depth")
"""What strata may be ranges of."""

_ENDS = (0.01, 0.99)  # shares of the archs up to the lowest and the highest limit
_ENUMERATED = 2**16  # architectures of a space that is written out
_DRAWN = 2**16  # architectures of a round of draws from a larger one
_KEPT = 2**12  # of a stratum, then
_ROUNDS = 32  # the most, where a stratum is rare


@dataclasses.dataclass(frozen=True, eq=False)
class Strata:
    """Architectures by stratum, from low to high costs.

    Attributes:
      archs: unsigned integers [S, M, L]; a stratum of fewer than M ends with zeros.
      counts: int32 [S], architectures of each.
    """

    archs: np.ndarray
    counts: np.ndarray


def cost_of(
    space: BuildableSpace, costs: CostTable, by: str, archs: np.ndarray
) -> np.ndarray:
    """What strata are ranges of.

    Args:
      space: the search space.
      costs: of all ops.
      by: one of `STRATA_COSTS`.
      archs: integers [P, L].

    Returns:
      [P]: multiply-accumulates, parameters, the number of ops with parameters, or (for
      "depth") the most of them on one way, -inf where nothing passes.
    """
    if by not in ("ops", "depth"):
        return costs.cost(archs)[by]
    trained = (costs.by_op["params"] > 0)[np.arange(space.num_layers), archs]
    if by == "ops":
        return trained.sum(axis=-1)
    passing = ~space.zeros_at(archs)
    return space.longest(np.where(passing, trained, -np.inf))


def make_strata(
    space: BuildableSpace, costs: CostTable, by: str, number: int
) -> Strata:
    """Divides a space; the same for the same arguments.

    Args:
      space: the search space. Of up to 65,536 architectures all are placed, of more
        uniform ones until each stratum has 4,096.
      costs: of all ops.
      by: one of `STRATA_COSTS`.
      number: S, of strata.

    Returns:
      The strata; those that no architecture of a first sample is in are left out.

    Raises:
      UserError: all architectures are in one.
    """
    rng = np.random.default_rng(0)
    few = space.size <= _ENUMERATED
    archs = _all_archs(space) if few else _uniform_archs(space, rng)
    found = cost_of(space, costs, by, archs)
    limits: np.ndarray = np.zeros(0)
    if len(archs):
        low, high = np.quantile(found, _ENDS)
        limits = np.linspace(low, high, number + 1)[1:-1]
    # A cost that is a limit belongs to the stratum below it.
    places = np.searchsorted(limits, found)
    there = np.unique(places)
    if len(there) < 2:
        raise UserError(
            f"strata_by: got {by!r} in space {space.name!r}, whose architectures are "
            f"all in one range of it, expected another of {', '.join(STRATA_COSTS)}"
        )
    members = [archs[places == place] for place in there]
    rounds = 0
    while not few and min(map(len, members)) < _KEPT and rounds < _ROUNDS:
        archs = _uniform_archs(space, rng)
        places = np.searchsorted(limits, cost_of(space, costs, by, archs))
        members = [
            np.concatenate([own, archs[places == place]])
            for own, place in zip(members, there, strict=True)
        ]
        rounds += 1
    return _as_arrays(members if few else [own[:_KEPT] for own in members])


def _all_archs(space: BuildableSpace) -> np.ndarray:
    """Those that let their input through, in order."""
    places = np.unravel_index(np.arange(space.size), space.num_ops)
    archs = np.stack(places, axis=1).astype(_integers(space))
    return archs[space.lets_through(archs)]


def _uniform_archs(space: BuildableSpace, rng: np.random.Generator) -> np.ndarray:
    """Those of a round of draws that let their input through."""
    size = (_DRAWN, space.num_layers)
    archs = rng.integers(0, space.num_ops, size, dtype=_integers(space))
    return archs[space.lets_through(archs)]


def _integers(space: BuildableSpace) -> np.dtype[Any]:
    """The smallest ones that ops fit in."""
    return np.min_scalar_type(space.max_ops)


def _as_arrays(members: list[np.ndarray]) -> Strata:
    """Strata of any numbers of architectures, each filled up with zeros."""
    counts = np.array([len(own) for own in members], np.int32)
    num_layers = members[0].shape[1]
    archs = np.zeros((len(members), counts.max(), num_layers), members[0].dtype)
    for row, own in zip(archs, members, strict=True):
        row[: len(own)] = own
    return Strata(archs, counts)


def stratified(strata: Strata) -> PathSampler:
    """Builds the sampler: a path a step.

    Args:
      strata: what is drawn from.

    Returns:
      The sampler.
    """

    def sample(
        order_key: jax.Array, key: jax.Array, state: SamplerState, share: jax.Array
    ) -> tuple[jax.Array, SamplerState]:
        del order_key, share
        stratum_key, member_key = jax.random.split(key)
        stratum = jax.random.randint(stratum_key, (), 0, len(strata.counts))
        count = jnp.asarray(strata.counts)[stratum]
        member = jax.random.randint(member_key, (), 0, count)
        arch = jnp.asarray(strata.archs)[stratum, member]
        return arch[None].astype(jnp.int32), state

    return PathSampler(1, sample)
