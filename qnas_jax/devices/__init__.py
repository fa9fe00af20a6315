"""Several devices: what is divided among them, and how."""

from qnas_jax.devices.devices import MEMBERS, Devices
from qnas_jax.devices.shares import EXAMPLES, draw_share, num_shares, over_shares

__all__ = [
    "EXAMPLES",
    "MEMBERS",
    "Devices",
    "draw_share",
    "num_shares",
    "over_shares",
]
