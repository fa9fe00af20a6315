"""Flax blocks, weight-sharing supernets behind one protocol, stand-alone networks."""

from qnas_jax.nets.build import build_op
from qnas_jax.nets.cell import CellSubnet, CellSupernet
from qnas_jax.nets.chain import ChainSubnet, ChainSupernet
from qnas_jax.nets.chain.finiteness import non_finite_ops
from qnas_jax.nets.costs import Part, count_macs
from qnas_jax.nets.flat import MODES, Mode, set_mode
from qnas_jax.nets.forms import FASTEST, FORMS, Form, resolve_form
from qnas_jax.nets.kinds import build_supernet
from qnas_jax.nets.ops import OPS, register_op
from qnas_jax.nets.probing import Probe, Watch, probe_network, relu, relu6
from qnas_jax.nets.protocol import Passed, Supernet
from qnas_jax.nets.slots import (
    RowArray,
    RowArrays,
    RowKind,
    Slots,
    put_path,
    take_path,
)
from qnas_jax.nets.visiting import VisitingOrder, Visitor, visiting_order

__all__ = [
    "FASTEST",
    "FORMS",
    "MODES",
    "OPS",
    "CellSubnet",
    "CellSupernet",
    "ChainSubnet",
    "ChainSupernet",
    "Form",
    "Mode",
    "Part",
    "Passed",
    "Probe",
    "RowArray",
    "RowArrays",
    "RowKind",
    "Slots",
    "Supernet",
    "VisitingOrder",
    "Visitor",
    "Watch",
    "build_op",
    "build_supernet",
    "count_macs",
    "non_finite_ops",
    "probe_network",
    "put_path",
    "register_op",
    "relu",
    "relu6",
    "resolve_form",
    "set_mode",
    "take_path",
    "visiting_order",
]
