"""Each hot operation: our form against the plain one.

python -m experiments.benches.kernels [--passes=7] [--out=rows.jsonl]

`depthwise`, `conv` and `pointwise`: our forms against the library's convolution or
product, `pointwise` and one `conv` with the channels that narrow supernets have.
`normalise`: a few channels beside each other against each pixel alone. `materialise`: a
block with channel attention whose depth-wise convolution is computed once, against the
compiler's default of once for each reader. `images at once`: a wide block on few
images at a time, against all at once.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from absl import app, flags
from flax import nnx
from jax import lax

from experiments.measuring.machine import measure_machine
from experiments.measuring.rows import table, write_rows
from experiments.measuring.timing import compile_seconds, median_seconds
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.kernels import (
    compiler_options,
    conv,
    depthwise_conv,
    force_implementation,
    images_at_once,
    jit_network,
    normalise,
    pointwise_conv,
)
from qnas_jax.nets import build_op, count_macs, set_mode
from qnas_jax.spaces import Layer, op

DEPTHWISE = (
    # images, side, channels, kernel, stride
    (64, 16, 96, 3, 1),
    (64, 16, 240, 5, 1),
    (64, 8, 240, 5, 1),
    (64, 8, 240, 3, 2),
)
CONV = (
    # images, side, channels in, channels out, stride
    (64, 16, 40, 80, 2),
    (64, 8, 80, 96, 1),
    (64, 16, 5, 5, 1),
    (64, 8, 10, 10, 1),
)
NARROW = (
    # images, side, channels
    (64, 16, 5),
    (64, 8, 10),
)
BLOCKS = (
    # images, side, channels
    (128, 32, 24),
    (128, 16, 40),
)

Case = dict[str, Callable[[], Any]]


def run(
    depthwise: Sequence[tuple[int, int, int, int, int]] = DEPTHWISE,
    convolutions: Sequence[tuple[int, int, int, int, int]] = CONV,
    narrow: Sequence[tuple[int, int, int]] = NARROW,
    blocks: Sequence[tuple[int, int, int]] = BLOCKS,
    passes: int = 7,
) -> list[dict[str, Any]]:
    """Times plain and own form in interleaved passes.

    Args:
      depthwise: (images, side, channels, kernel, stride) of each case.
      convolutions: (images, side, channels in, channels out, stride), 3 x 3 kernels.
      narrow: (images, side, channels) of pointwise products and normalisations.
      blocks: (images, side, channels) of blocks with expansion 6, kernel 5, attention.
      passes: the median counts.

    Returns:
      A row a case: milliseconds of both forms, ratio, and the share of the matrix rate
      that ours reaches.
    """
    machine = measure_machine(passes=3)
    rows = []
    for name, operations, plain, own in (
        *_depthwise_cases(depthwise),
        *_conv_cases(convolutions),
        *_narrow_cases(narrow),
        *_block_cases(blocks),
    ):
        forms: Case = {"plain": plain, "own": own}
        compiled = {form: compile_seconds(call) for form, call in forms.items()}
        seconds = median_seconds(forms, passes)
        rows.append(
            {
                "case": name,
                "plain ms": 1e3 * seconds["plain"],
                "own ms": 1e3 * seconds["own"],
                "ratio": seconds["plain"] / seconds["own"],
                "share of the matrix rate": 1e-9
                * operations
                / seconds["own"]
                / machine.gflops,
                "compile s": compiled["own"],
            }
        )
    return rows


def _depthwise_cases(cases: Sequence[tuple[int, ...]]) -> Any:
    for images, side, channels, size, stride in cases:
        x = _normal(0, images, side, side, channels)
        k = _normal(1, size, size, channels)
        name = f"{images}x{side}x{side}x{channels} k{size} s{stride}"
        forms = [
            functools.partial(depthwise_conv, stride=stride, implementation=form)
            for form in ("reference", "shifted")
        ]
        macs = size**2 * channels * images * (-(-side // stride)) ** 2
        yield from _both_directions("depthwise " + name, macs, forms, x, k)


def _conv_cases(cases: Sequence[tuple[int, ...]]) -> Any:
    for images, side, in_features, out_features, stride in cases:
        x = _normal(0, images, side, side, in_features)
        k = _normal(1, 3, 3, in_features, out_features)
        name = f"{images}x{side}x{side}x{in_features} to {out_features} s{stride}"
        forms = [
            functools.partial(conv, stride=stride, implementation=form)
            for form in ("reference", "products" if in_features > 10 else "banded")
        ]
        macs = 9 * in_features * out_features * images * (-(-side // stride)) ** 2
        yield from _both_directions("conv " + name, macs, forms, x, k)


def _narrow_cases(cases: Sequence[tuple[int, int, int]]) -> Any:
    for images, side, channels in cases:
        x = _normal(0, images, side, side, channels)
        k = _normal(1, channels, channels)
        name = f"{images}x{side}x{side}x{channels}"
        forms: list[Any] = [
            functools.partial(pointwise_conv, implementation=form)
            for form in ("reference", "side_by_side")
        ]
        macs = images * side**2 * channels**2
        yield from _both_directions("pointwise " + name, macs, forms, x, k)
        forms = [_normalised_plainly, _normalised]
        yield from _both_directions("normalise " + name, 4 * x.size, forms, x, k[0])


def _normalised(x: jax.Array, scale: jax.Array) -> jax.Array:
    return normalise(x, scale, scale).values


def _normalised_plainly(x: jax.Array, scale: jax.Array) -> jax.Array:
    with force_implementation("reference"):
        return _normalised(x, scale)


def _both_directions(
    name: str, macs: int, forms: Sequence[Any], x: jax.Array, k: jax.Array
) -> Any:
    calls = [functools.partial(jit_network(form), x, k) for form in forms]
    yield name + " forward", 2 * macs, *calls
    calls = [functools.partial(jit_network(_gradients(form)), x, k) for form in forms]
    yield name + " gradients", 6 * macs, *calls


def _gradients(form: Any) -> Any:
    return jax.grad(lambda x, k: (form(x, k) ** 2).sum(), argnums=(0, 1))


def _block_cases(cases: Sequence[tuple[int, int, int]]) -> Any:
    for images, side, channels in cases:
        block = op("mb", "mbconv", kernel=5, expansion=6, attention="se")
        layer = Layer(channels, channels, 1, (block,))
        module = build_op(layer, 0, nnx.Rngs(0))
        set_mode(module, "running")
        graphdef, state = nnx.split(module)
        x = _normal(0, images, side, side, channels)
        name = f"block {images}x{side}x{side}x{channels}"

        def run(state: Any, x: jax.Array, graphdef: Any = graphdef) -> jax.Array:
            return nnx.merge(graphdef, state)(x)

        count = images_at_once(6 * channels * side**2, images)

        def in_parts(state: Any, x: jax.Array, count: int = count) -> jax.Array:
            parts = x.reshape(-1, count, *x.shape[1:])
            part_run = functools.partial(run, state)
            return lax.map(part_run, parts).reshape(x.shape)

        operations = 2 * count_macs(
            lambda s, v, g=graphdef: nnx.merge(g, s)(v), state, x
        )
        whole = jit_network(run)
        yield (
            name + ", materialise",
            operations,
            functools.partial(jax.jit(run), state, x),
            functools.partial(whole, state, x),
        )
        yield (
            f"{name}, {count} images at once",
            operations,
            functools.partial(whole, state, x),
            functools.partial(jit_network(in_parts), state, x),
        )


def _normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape, jnp.float32)


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    rows = run(passes=_PASSES.value)
    write_rows(_OUT.value, rows)
    print(f"compiler options: {compiler_options()}")
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    use_huge_pages()
    _PASSES = flags.DEFINE_integer("passes", 7, "interleaved passes")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
