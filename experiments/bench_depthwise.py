"""Depth-wise convolution: shifted multiply-adds against the library's convolution.

python -m experiments.bench_depthwise [--passes=5] [--out=rows.jsonl]
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
from absl import app, flags

from experiments.rows import table, write_rows
from experiments.timing import compile_seconds, median_seconds
from qnas_jax.kernels import depthwise_conv

CASES = (
    # images, side, channels, kernel, stride
    (64, 16, 96, 3, 1),
    (64, 16, 96, 5, 1),
    (64, 8, 240, 5, 1),
    (64, 8, 240, 3, 2),
)


def run(
    cases: Sequence[tuple[int, int, int, int, int]], passes: int
) -> list[dict[str, Any]]:
    """Times forward pass and both gradients of each form.

    Args:
      cases: (images, side, channels, kernel, stride) of each.
      passes: interleaved passes; the median counts.

    Returns:
      A row a case and direction, with milliseconds and the ratio of the forms.
    """
    rows = []
    for images, side, channels, kernel, stride in cases:
        x_key, k_key = jax.random.split(jax.random.key(0))
        x = jax.random.normal(x_key, (images, side, side, channels))
        k = jax.random.normal(k_key, (kernel, kernel, channels))
        for direction, transform in (("forward", _forward), ("gradients", _gradients)):
            functions = {}
            for form in ("reference", "shifted"):
                jitted = jax.jit(transform(form, stride))
                compile_seconds(jitted, x, k)
                functions[form] = functools.partial(jitted, x, k)
            seconds = median_seconds(functions, passes)
            rows.append(
                {
                    "case": f"{images}x{side}x{side}x{channels} k{kernel} s{stride}",
                    "direction": direction,
                    **{f"{form} ms": 1e3 * s for form, s in seconds.items()},
                    "ratio": seconds["reference"] / seconds["shifted"],
                }
            )
    return rows


def _forward(form: str, stride: int) -> Any:
    return functools.partial(depthwise_conv, stride=stride, implementation=form)


def _gradients(form: str, stride: int) -> Any:
    forward = _forward(form, stride)
    return jax.grad(lambda x, k: (forward(x, k) ** 2).sum(), argnums=(0, 1))


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    rows = run(CASES, _PASSES.value)
    write_rows(_OUT.value, rows)
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    _PASSES = flags.DEFINE_integer("passes", 5, "interleaved passes")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
