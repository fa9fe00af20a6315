"""Convolutions and recurrences over time: each form, alone, in a branch, under vmap.

python -m experiments.benches.series [--passes=7] [--out=rows.jsonl]

Forward and both gradients together. "branch": within a `cond`, as switching networks
run their ops; "vmap": four members with a kernel each, as padded ones do.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from absl import app, flags

from experiments.measuring.rows import table, write_rows
from experiments.measuring.timing import compile_seconds, median_seconds
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.kernels import jit_network, recurrence, series_conv, series_depthwise
from qnas_jax.kernels.recurrence import FORMS as RECURRENCES
from qnas_jax.kernels.series import DEPTHWISE_FORMS, FORMS

CASES = (
    # series, steps, channels, taps, dilation, stride
    (32, 24, 16, 9, 1, 1),
    (32, 96, 12, 5, 1, 2),
    (32, 150, 64, 3, 4, 1),
    (32, 600, 8, 39, 1, 1),
)
_MEMBERS = 4

Function = Callable[[jax.Array, jax.Array], jax.Array]


def run(
    cases: Sequence[tuple[int, int, int, int, int, int]] = CASES, passes: int = 7
) -> list[dict[str, Any]]:
    """Times every form of each operation in interleaved passes.

    Args:
      cases: (series, steps, channels, taps, dilation, stride).
      passes: the median counts.

    Returns:
      A row for each operation, case, surrounding and form: milliseconds of a value and
      both its gradients, how many times the reference's time that is, and seconds to
      compile.
    """
    rows = []
    for name, forms, first, second in _operations(cases):
        for where, within in (("branch", _in_branch), ("vmap", _mapped)):
            calls = {
                form: functools.partial(within(function), first, second)
                for form, function in forms.items()
            }
            compiled = {form: compile_seconds(call) for form, call in calls.items()}
            seconds = median_seconds(calls, passes)
            rows += [
                {
                    "case": name,
                    "where": where,
                    "form": form,
                    "ms": 1e3 * seconds[form],
                    "of the reference": seconds[form] / seconds["reference"],
                    "compile s": compiled[form],
                }
                for form in forms
            ]
    return rows


def _operations(
    cases: Sequence[tuple[int, ...]],
) -> Iterator[tuple[str, dict[str, Function], jax.Array, jax.Array]]:
    """Operations by their forms, each with arrays that have a leading [members]."""
    for series, steps, channels, taps, dilation, stride in cases:
        x = _normal(0, _MEMBERS, series, steps, channels)
        size = f"{series}x{steps}x{channels}"
        how: dict[str, Any] = {"dilation": dilation, "stride": stride}
        words = f"{size} k{taps} d{dilation} s{stride}"
        for name, function, forms, shape in (
            ("conv", series_conv, FORMS, (taps, channels, channels)),
            ("depth-wise", series_depthwise, DEPTHWISE_FORMS, (taps, channels)),
        ):
            own: dict[str, Function] = {
                form: functools.partial(function, **how, implementation=form)
                for form in forms
            }
            yield f"{name} {words}", own, x, _normal(1, _MEMBERS, *shape)
        own = {
            form: functools.partial(recurrence, implementation=form)
            for form in RECURRENCES
        }
        yield f"recurrence {size}", own, jax.nn.sigmoid(x), _normal(2, *x.shape)


def _with_gradients(function: Function) -> Any:
    return jax.value_and_grad(lambda x, k: (function(x, k) ** 2).sum(), argnums=(0, 1))


def _in_branch(function: Function) -> Any:
    """The first member, if a number says so."""

    def run(x: jax.Array, k: jax.Array) -> Any:
        call = _with_gradients(function)
        nothing = jnp.zeros(()), (jnp.zeros_like(x[0]), jnp.zeros_like(k[0]))
        chosen = x[0, 0, 0, 0] < jnp.inf
        return jax.lax.cond(chosen, lambda: call(x[0], k[0]), lambda: nothing)

    return jit_network(run)


def _mapped(function: Function) -> Any:
    return jit_network(jax.vmap(_with_gradients(function)))


def _normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape)


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    rows = run(passes=_PASSES.value)
    write_rows(_OUT.value, rows)
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    use_huge_pages()
    _PASSES = flags.DEFINE_integer("passes", 7, "interleaved passes")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
