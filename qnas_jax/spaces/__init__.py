"""What can be searched: specifications, encodings and cost tables; no networks."""

from qnas_jax.spaces.budget import (
    AdditiveBudget,
    Budget,
    ConstraintOptions,
    ListedBudget,
)
from qnas_jax.spaces.cell import CELL_OPS, NAS_BENCH_201_OPS, CellSpace, nas_bench_201
from qnas_jax.spaces.costs import CostTable
from qnas_jax.spaces.encoding import (
    arch_to_string,
    check_archs,
    parse_arch,
    read_archs,
)
from qnas_jax.spaces.equal_cost import TOLERANCE, archs_of_equal_cost
from qnas_jax.spaces.hand_made import hand_made
from qnas_jax.spaces.hand_made_series import SERIES_NETWORKS
from qnas_jax.spaces.hand_made_text import TEXT_NETWORKS
from qnas_jax.spaces.macro import MACRO_OPS
from qnas_jax.spaces.narrowing import narrowed
from qnas_jax.spaces.network import Layer, NetworkSpace, Op, chain, fixed, op
from qnas_jax.spaces.registry import (
    SPACES,
    SpaceOptions,
    build_space,
    register_space,
)
from qnas_jax.spaces.space import BuildableSpace, SearchSpace
from qnas_jax.spaces.text import WORD_BASE

__all__ = [
    "AdditiveBudget",
    "Budget",
    "CELL_OPS",
    "ConstraintOptions",
    "ListedBudget",
    "MACRO_OPS",
    "NAS_BENCH_201_OPS",
    "BuildableSpace",
    "SERIES_NETWORKS",
    "SPACES",
    "CellSpace",
    "CostTable",
    "Layer",
    "NetworkSpace",
    "Op",
    "SearchSpace",
    "SpaceOptions",
    "TEXT_NETWORKS",
    "TOLERANCE",
    "WORD_BASE",
    "arch_to_string",
    "archs_of_equal_cost",
    "build_space",
    "chain",
    "check_archs",
    "fixed",
    "hand_made",
    "narrowed",
    "nas_bench_201",
    "op",
    "parse_arch",
    "read_archs",
    "register_space",
]
