"""Where in a network the first values that are not finite come from."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

_ORDER = ("stem", "layers", "stages", "reductions", "head")
_WORDS = {"stem": "stem block", "layers": "layer", "stages": "stage"}


def non_finite_place(
    network: Any, inputs: jax.Array, loss: Callable[[jax.Array], jax.Array]
) -> str:
    """Runs a network forward and in reverse, as a training step does.

    Args:
      network: a stand-alone network (`walk`) that is in training.
      inputs: prepared ones [N, ...].
      loss: outputs [N, ...] -> scalar.

    Returns:
      In words: the first block whose values are not finite, else the loss, else the
      last block whose gradient is not; "" if all are finite.
    """
    parts: Any = nnx.split(network, nnx.Param, ...)
    graph, params, rest = parts
    names: list[str] = []

    def forward(params: Any, inputs: jax.Array) -> tuple[jax.Array, jax.Array]:
        names.clear()
        values, sound = inputs, []
        for name, values in nnx.merge(graph, params, rest, copy=True).walk(inputs):
            names.append(name)
            sound.append(jnp.isfinite(values).all())
        found = loss(values)
        return found, jnp.stack([*sound, jnp.isfinite(found)])

    gradient, sound = jax.jit(jax.grad(forward, has_aux=True))(params, inputs)
    bad = np.flatnonzero(~np.asarray(sound))
    if bad.size:
        where = [*(f"what comes out of {name}" for name in names), "the loss"]
        return f"{where[bad[0]]} is not finite"
    return _last_gradient(gradient)


def _last_gradient(gradient: Any) -> str:
    """The block nearest to the outputs whose gradient is not finite, in words."""
    places = [
        (_ORDER.index(path[0]), path[1])
        for path, leaf in nnx.to_flat_state(gradient)
        if not np.isfinite(np.asarray(leaf[...])).all()
    ]
    if not places:
        return ""
    part, number = max(places)
    word = _WORDS.get(_ORDER[part], f"{_ORDER[part]} block")
    return f"the gradient of {word} {number} is not finite"
