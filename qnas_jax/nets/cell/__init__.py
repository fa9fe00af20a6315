"""Networks of cell spaces: one small graph, repeated through the whole network."""

from qnas_jax.nets.cell.subnet import CellSubnet
from qnas_jax.nets.cell.supernet import CellSupernet

__all__ = ["CellSubnet", "CellSupernet"]
