"""Flax blocks, weight-sharing supernets behind one protocol, stand-alone networks."""

from qnas_jax.nets.build import build_op
from qnas_jax.nets.cell_network import CellNetwork, CellWeights
from qnas_jax.nets.cell_pass import Passed
from qnas_jax.nets.chain import ChainSubnet, ChainSupernet
from qnas_jax.nets.costs import count_macs
from qnas_jax.nets.flat import MODES, Mode, set_mode
from qnas_jax.nets.kinds import build_supernet
from qnas_jax.nets.ops import OPS, register_op
from qnas_jax.nets.protocol import Supernet, Visitor
from qnas_jax.nets.slots import Slots, put_path, take_path
from qnas_jax.nets.visiting import VisitingOrder, visiting_order

__all__ = [
    "MODES",
    "OPS",
    "CellNetwork",
    "CellWeights",
    "ChainSubnet",
    "ChainSupernet",
    "Mode",
    "Passed",
    "Slots",
    "Supernet",
    "VisitingOrder",
    "Visitor",
    "build_op",
    "build_supernet",
    "count_macs",
    "put_path",
    "register_op",
    "set_mode",
    "take_path",
    "visiting_order",
]
