"""Models as StableHLO: one file for CPU, CUDA and TPU, for any number of examples.

JAX reads what it wrote for half a year, so source and weights lie beside it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp

PLATFORMS = ("cpu", "cuda", "tpu")
Logits = Callable[[jax.Array], jax.Array]
"""Examples [N, ...] as the data have them -> logits float32 [N, classes]."""


def to_stablehlo(
    logits: Logits, input_shape: Sequence[int], dtype: Any = jnp.uint8
) -> bytes:
    """Lowers a model; nothing is compiled.

    Args:
      logits: the model, with its weights.
      input_shape: of one example.
      dtype: of the examples.

    Returns:
      The content of a file for `from_stablehlo`, or `jax.export.deserialize`; it is the
      same whoever calls, from wherever.
    """
    (count,) = jax.export.symbolic_shape("images")
    examples = jax.ShapeDtypeStruct((count, *input_shape), dtype)
    with _without_places():
        exported = jax.export.export(jax.jit(logits), platforms=PLATFORMS)(examples)
    return bytes(exported.serialize())


@contextlib.contextmanager
def _without_places() -> Iterator[None]:
    """Leaves out files and lines of the calls that led to an operation."""
    name = "jax_traceback_in_locations_limit"
    before = jax.config.values[name]
    jax.config.update(name, 0)
    try:
        yield
    finally:
        jax.config.update(name, before)


def from_stablehlo(content: bytes) -> Logits:
    """The model of `to_stablehlo`.

    Raises:
      ValueError: the content is damaged, or of a JAX too old or too new.
    """
    return jax.export.deserialize(bytearray(content)).call
