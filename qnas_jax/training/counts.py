"""Numbers that a compiled program is given."""

import jax
import numpy as np


def count_on_device(value: int | jax.Array) -> jax.Array:
    """An int32 [] on the device, copied there explicitly; arrays stay as they are."""
    if isinstance(value, jax.Array):
        return value
    return jax.device_put(np.int32(value))
