"""Flax blocks, the weight-sharing supernet, and the stand-alone subnet."""

from qnas_jax.nets.build import build_op
from qnas_jax.nets.cell_network import CellNetwork, CellWeights
from qnas_jax.nets.cell_pass import Passed
from qnas_jax.nets.costs import cost_table, count_macs, describe_arch
from qnas_jax.nets.flat import MODES, Mode, set_mode
from qnas_jax.nets.ops import OPS, register_op
from qnas_jax.nets.slots import Slots, gather, scatter
from qnas_jax.nets.subnet import Subnet
from qnas_jax.nets.supernet import Supernet

__all__ = [
    "MODES",
    "OPS",
    "CellNetwork",
    "CellWeights",
    "Mode",
    "Passed",
    "Slots",
    "Subnet",
    "Supernet",
    "build_op",
    "cost_table",
    "count_macs",
    "describe_arch",
    "gather",
    "register_op",
    "scatter",
    "set_mode",
]
