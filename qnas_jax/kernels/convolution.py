"""Full convolution; on CPU the gradient to the kernel is made of matrix products.

For each tap it is the product of the shifted images with the output gradient, summed
over all pixels. Compiled alone it is level with XLA's own gradient
(`experiments/benches/kernels.py`); inside the switches of a training step XLA's own
loses its fast path. With few channels these products are too narrow: `blocked` puts the
columns of the taps beside the channels of the images, their rows beside those of the
gradient, and takes one product of a few images at a time. With a handful of channels
all of it is made of products (`banded_convolution.py`).
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.kernels import dispatch
from qnas_jax.kernels.banded_convolution import banded_conv
from qnas_jax.kernels.cache import images_at_once
from qnas_jax.kernels.few_channels import pixels_at_once
from qnas_jax.kernels.materialise import materialise
from qnas_jax.kernels.taps import check_convolution, pad, taps


def conv(
    images: jax.Array,
    kernel: jax.Array,
    *,
    stride: int = 1,
    narrow: bool = False,
    implementation: str | None = None,
) -> jax.Array:
    """Convolves, zero padding k // 2 on each side.

    Args:
      images: float [N, H, W, C_in].
      kernel: float [k, k, C_in, C_out], k odd.
      stride: step in both directions, >= 1.
      narrow: whether there are few channels, up to some 64: other forms are faster.
      implementation: "reference" (library convolution and gradients), "products"
        (kernel gradient by a matrix product a tap), "blocked" (by one product for all
        taps, for few channels and stride 1; other strides as "products"), "banded"
        (several columns at once, for up to ten channels and stride 1, else as
        "blocked"), "patches"
        (all of it one product of the taps side by side: with a stride the fastest on
        a GPU where several batches have a kernel each, under `vmap`), or None: the
        fastest on the present backend.

    Returns:
      float [N, ceil(H / stride), ceil(W / stride), C_out].

    Raises:
      UserError: shapes do not fit, k is even, the stride is below 1, or the
        implementation is unknown.
    """
    fits = kernel.ndim == 4 and kernel.shape[2] == images.shape[-1]
    expected = "[N, H, W, C_in] and [k, k, C_in, C_out]"
    check_convolution("conv", images, kernel, stride, fits=fits, expected=expected)
    best = {"cpu": "banded" if narrow else "products"}
    if stride > 1:
        best["gpu"] = "patches"
    form = dispatch.choose(implementation, FORMS, best)
    return form(images, kernel, stride)


def _reference(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    border = kernel.shape[0] // 2
    return lax.conv_general_dilated(
        images,
        kernel,
        window_strides=(stride, stride),
        padding=((border, border), (border, border)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _products(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    return _reference(images, kernel, stride)


def _products_forward(
    images: jax.Array, kernel: jax.Array, stride: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _reference(images, kernel, stride), (images, kernel)


def _products_backward(
    stride: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    images, kernel = saved
    _, pull = jax.vjp(lambda values: _reference(values, kernel, stride), images)
    size, _, in_features, out_features = kernel.shape
    flat = gradient.reshape(-1, out_features)
    shifted = taps(pad(images, size // 2), size, stride)
    products = [tap.reshape(-1, in_features).T @ flat for tap in shifted]
    return pull(gradient)[0], jnp.stack(products).reshape(kernel.shape)


_products.defvjp(_products_forward, _products_backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _blocked(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    return _reference(images, kernel, stride)


def _blocked_backward(
    stride: int, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    if stride != 1:
        return _products_backward(stride, saved, gradient)
    images, kernel = saved
    # Written as a convolution of its own: inside of switches and loops XLA's gradient
    # loses its fast path on CPU, and so does this one if the flip is fused into it.
    flipped = materialise(jnp.flip(kernel, (0, 1)).swapaxes(2, 3))
    images_gradient = _reference(gradient, flipped, stride)
    count, height, width, in_features = images.shape
    size, _, _, out_features = kernel.shape
    values = height * width * size * (in_features + out_features)
    at_once = images_at_once(values, count)

    def add(total: jax.Array, part: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
        return total + _all_taps(part[0], part[1], size), None

    parts = [each.reshape(-1, at_once, *each.shape[1:]) for each in (images, gradient)]
    total, _ = lax.scan(add, jnp.zeros_like(kernel), tuple(parts))
    return images_gradient, total


def _all_taps(images: jax.Array, gradient: jax.Array, size: int) -> jax.Array:
    """The kernel's gradient for stride 1, [k, k, C_in, C_out], by one product."""
    _, height, width, in_features = images.shape
    out_features = gradient.shape[-1]
    border = size // 2
    wide = jnp.pad(images, [(0, 0), (0, 0), (border, border), (0, 0)])
    tall = jnp.pad(gradient, [(0, 0), (border, border), (0, 0), (0, 0)])
    columns = [wide[:, :, j : j + width] for j in range(size)]
    rows = [tall[:, size - 1 - i : size - 1 - i + height] for i in range(size)]
    left = jnp.concatenate(columns, axis=-1).reshape(-1, size * in_features)
    right = jnp.concatenate(rows, axis=-1).reshape(-1, size * out_features)
    product = (left.T @ right).reshape(size, in_features, size, out_features)
    return product.transpose(2, 0, 1, 3)


_blocked.defvjp(_products_forward, _blocked_backward)


def _patches(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    size, _, in_features, out_features = kernel.shape
    exact = jnp.promote_types(images.dtype, jnp.float32)
    patches = jnp.concatenate(taps(pad(images, size // 2), size, stride), axis=-1)
    rows = patches.reshape(-1, size * size * in_features)
    matrix = kernel.reshape(-1, out_features).astype(images.dtype)
    product = jnp.matmul(rows, matrix, preferred_element_type=exact)
    return product.astype(images.dtype).reshape(*patches.shape[:-1], out_features)


def _banded(images: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    columns = pixels_at_once(images.shape[2], max(kernel.shape[2:]))
    if stride != 1 or columns == 1:
        return _blocked(images, kernel, stride)
    return banded_conv(images, kernel, columns)


FORMS = {
    dispatch.REFERENCE: _reference,
    "products": _products,
    "blocked": _blocked,
    "patches": _patches,
    "banded": _banded,
}
