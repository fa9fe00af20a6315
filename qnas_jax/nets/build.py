"""From the words of a search space to Flax modules."""

from collections.abc import Mapping

import jax
from flax import nnx

from qnas_jax.nets.ops import OPS
from qnas_jax.spaces import Layer


def build_op(layer: Layer, index: int, rngs: nnx.Rngs) -> nnx.Module:
    """Builds one candidate of a layer.

    Args:
      layer: its shape and candidates.
      index: which candidate.
      rngs: keys for its weights.

    Returns:
      The module.

    Raises:
      ValueError: the kind is not registered, or the options do not fit its module.
    """
    spec = layer.ops[index]
    if spec.kind not in OPS:
        raise ValueError(
            f"op {spec.name!r}: got kind {spec.kind!r}, expected one of "
            f"{', '.join(OPS)} (see register_op)"
        )
    options: Mapping[str, bool | int | float | str] = dict(spec.options)
    make = OPS[spec.kind]
    try:
        return make(  # type: ignore[call-arg]
            layer.in_features, layer.out_features, layer.stride, rngs=rngs, **options
        )
    except TypeError as error:
        raise ValueError(
            f"op {spec.name!r}: options {dict(options)} do not fit "
            f"{make.__name__}: {error}"
        ) from None


def abstract_op(layer: Layer, index: int) -> nnx.Module:
    """Builds one candidate with shapes instead of arrays."""
    return nnx.eval_shape(lambda: build_op(layer, index, nnx.Rngs(jax.random.key(0))))
