"""Networks of chain spaces: a stem, layers with candidate ops, a head."""

from qnas_jax.nets.chain.subnet import ChainSubnet
from qnas_jax.nets.chain.supernet import ChainSupernet

__all__ = ["ChainSubnet", "ChainSupernet"]
