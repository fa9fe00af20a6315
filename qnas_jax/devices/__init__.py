"""Several devices: what is divided among them, and how."""

from qnas_jax.devices.devices import MEMBERS, Devices
from qnas_jax.devices.processes import Start, is_first, own_folder, several_processes
from qnas_jax.devices.shares import EXAMPLES, draw_share, num_shares, over_shares

__all__ = [
    "EXAMPLES",
    "MEMBERS",
    "Devices",
    "Start",
    "draw_share",
    "is_first",
    "num_shares",
    "over_shares",
    "own_folder",
    "several_processes",
]
