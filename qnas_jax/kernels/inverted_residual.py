"""An inverted residual in use: three products whose sizes are data.

With running statistics, batch normalisation is a factor and an offset a channel, and
joins the product before it. What is left of a block is

    h = clip(x E + e),  d = clip(depthwise(h) + f),  y = (gate(mean(d)) d) P + p

The block of a layer is as wide as the widest of its ops (`nets/families`); an op says
by data how many of the channels and taps are its own. The plain form computes them all,
the others being zero. For GPUs, `kernels/inverted_residual_pallas.py` computes what is
there, and writes and reads each hidden value once, the least three products can do.
"""

import jax
import jax.numpy as jnp

from qnas_jax.kernels import dispatch
from qnas_jax.kernels.depthwise import depthwise_conv
from qnas_jax.kernels.folded_block import FoldedBlock, Gate


def run_folded(
    inputs: jax.Array,
    block: FoldedBlock,
    *,
    stride: int,
    sizes: tuple[int, ...],
    gate: Gate | None = None,
    added: jax.Array | None = None,
    implementation: str | None = None,
) -> jax.Array:
    """Runs a block in use; may be `vmap`ped over blocks.

    Args:
      inputs: [N, H, W, C_in]; its precision is that of values and products.
      block: the op; sums are float32 at least.
      stride: of the depth-wise convolution.
      sizes: the values that `block.taps` may have, odd.
      gate: channel attention, or None.
      added: [N, ceil(H / stride), ceil(W / stride), C_out], added at the end, or None.
      implementation: "reference", "pallas" (for GPUs, interpreted elsewhere), or None:
        the faster one on the present backend.

    Returns:
      [N, ceil(H / stride), ceil(W / stride), C_out].

    Raises:
      UserError: the implementation is unknown.
    """
    form = dispatch.choose(implementation, FORMS, BEST)
    return form(inputs, block, stride, sizes, gate, added)


def _reference(
    inputs: jax.Array,
    block: FoldedBlock,
    stride: int,
    sizes: tuple[int, ...],
    gate: Gate | None,
    added: jax.Array | None,
) -> jax.Array:
    del sizes
    exact = jnp.promote_types(inputs.dtype, jnp.float32)
    hidden = inputs
    if block.expand is not None and block.expand_offset is not None:
        product = _product(inputs, block.expand) + _row(block.expand_offset, exact)
        hidden = block.expand_clip(product).astype(inputs.dtype)
    values = depthwise_conv(
        hidden, block.depthwise.astype(hidden.dtype), stride=stride
    ).astype(exact)
    values = block.depthwise_clip(values + _row(block.depthwise_offset, exact))
    if gate is not None:
        mean = values.mean(axis=(1, 2))
        values = values.astype(inputs.dtype).astype(exact)
        values = values * gate(mean).astype(inputs.dtype).astype(exact)[:, None, None]
    values = values.astype(inputs.dtype)
    product = _product(values, block.project) + _row(block.project_offset, exact)
    if added is not None:
        product = product + added.astype(exact)
    return product.astype(inputs.dtype)


def _row(offset: jax.Array, dtype: jnp.dtype) -> jax.Array:
    return offset.astype(dtype)[None, None, None]


def _product(images: jax.Array, kernel: jax.Array) -> jax.Array:
    exact = jnp.promote_types(images.dtype, jnp.float32)
    rows = images.reshape(-1, images.shape[-1])
    product = jnp.matmul(
        rows, kernel.astype(images.dtype), preferred_element_type=exact
    )
    return product.reshape(*images.shape[:-1], -1)


def _pallas(
    inputs: jax.Array,
    block: FoldedBlock,
    stride: int,
    sizes: tuple[int, ...],
    gate: Gate | None,
    added: jax.Array | None,
) -> jax.Array:
    # Imported when it is taken: it takes a tenth of a second, and CPUs do without.
    from qnas_jax.kernels.inverted_residual_pallas import by_kernels

    return by_kernels(inputs, block, stride, sizes, gate, added)


def kernels_for_blocks() -> bool:
    """Whether `run_folded` has kernels of its own that are taken at present."""
    return dispatch.choose(None, FORMS, BEST) is not _reference


FORMS = {dispatch.REFERENCE: _reference, "pallas": _pallas}
BEST = {"gpu": "pallas"}
