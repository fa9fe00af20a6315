"""What the machine can do at best: matrix rate, copy bandwidth, peak memory."""

import dataclasses
import resource
import sys

import jax
import jax.numpy as jnp

from experiments.measuring.timing import best_seconds


@dataclasses.dataclass(frozen=True)
class Machine:
    """Measured limits.

    Attributes:
      gflops: float32 matrix products, 1e9 operations a second.
      copy_gb: bytes read and written by a copy of 256 MiB, 1e9 a second.
    """

    gflops: float
    copy_gb: float


def measure_machine(
    size: int = 2048, megabytes: int = 256, passes: int = 15
) -> Machine:
    """Measures both limits.

    Args:
      size: of the square matrices.
      megabytes: of the copied array.
      passes: the best of so many counts.

    Returns:
      The limits.
    """
    matrix = jax.random.normal(jax.random.key(0), (size, size))
    product = jax.jit(lambda a, b: jnp.matmul(a, b, precision="highest"))
    vector = jnp.ones(megabytes * 2**18)
    copy = jax.jit(lambda values: values + 1.0)
    seconds = best_seconds(lambda: product(matrix, matrix), passes)
    copying = best_seconds(lambda: copy(vector), passes)
    return Machine(2e-9 * size**3 / seconds, 2e-9 * vector.nbytes / copying)


def peak_memory_mib() -> float:
    """The largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
