"""Whole networks of every built-in space in both forms: how far apart are they?

python -m experiments.reliability.forms_agree [--spaces=digits,...]
    [--precisions=float64,float32] [--out=runs/forms_agree.jsonl]

Two random paths that name the last op of every layer go through the supernet that
switches and through the padded one, with the same random weights and statistics: in
training with gradients to weights and inputs, with running statistics, and with those
of the batch. In float64 the forms are the same function or they are not; in float32
they differ by what rounding and kinks of activations make of it, which grows with the
depth. Rows that are there are not done again.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.measuring.built_in_spaces import (
    WORDS,
    built_in_space,
    random_sentences,
)
from experiments.measuring.rows import append_rows, read_rows, table
from qnas_jax.kernels import force_implementation
from qnas_jax.nets import FORMS, build_supernet
from qnas_jax.spaces import BuildableSpace
from qnas_jax.spaces.registry import BUILT_IN, FOR_LANGUAGE, FOR_TEXT
from qnas_jax.tasks.word_numbers import in_digits

PARTS = ("outputs", "statistics", "gradients", "running", "batch")
_EXAMPLES = 4
# Little is optimised: compiling takes nearly all of the time.
_PLAIN = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}


def compared(name: str, precision: str) -> dict[str, float]:
    """Compares the forms of a space.

    Args:
      name: a built-in space.
      precision: "float64" or "float32", of weights and values.

    Returns:
      By `PARTS` the largest difference, as a share of the largest value of its array.
    """
    with jax.enable_x64(precision == "float64"), force_implementation("reference"):
        case = _Case(name, np.dtype(precision))
        switched, padded = (case.run(form) for form in FORMS)
    return {part: _apart(switched[part], padded[part]) for part in PARTS}


class _Case:
    """Weights, inputs and paths of a space; equal numbers in each precision."""

    def __init__(self, name: str, dtype: np.dtype):
        rng = np.random.default_rng(0)
        space = built_in_space(name)
        assert isinstance(space, BuildableSpace)
        self._space = space
        shapes = jax.eval_shape(build_supernet(space).init, jax.random.key(0))
        draws = (
            lambda row: 0.3 * rng.standard_normal(row.shape),
            lambda row: rng.uniform(0.5, 1.0, row.shape),
        )
        self._params, self._stats = (
            jax.tree.map(lambda row, draw=draw: draw(row).astype(dtype), shape)
            for draw, shape in zip(draws, shapes, strict=True)
        )
        self._inputs = _inputs(name, space, rng).astype(dtype)
        last = np.asarray(space.num_ops) - 1
        self._archs = np.stack([last, rng.integers(last + 1)]).astype(np.int32)

    def run(self, form: Any) -> dict[str, Any]:
        """Arrays by `PARTS`."""
        supernet = build_supernet(self._space, form)
        archs = jnp.asarray(self._archs)
        apply = functools.partial(supernet.apply_paths, archs=archs)

        def loss(params: Any, inputs: jax.Array, stats: Any) -> tuple[jax.Array, Any]:
            outputs, new = apply(params, stats, inputs=inputs, mode="train")
            weights = jnp.cos(jnp.arange(outputs.size)).reshape(outputs.shape)
            return jnp.sum(outputs * weights), (outputs, new)

        @functools.partial(jax.jit, compiler_options=_PLAIN)
        def run(params: Any, stats: Any, inputs: jax.Array) -> dict[str, Any]:
            gradients, (outputs, new) = jax.grad(loss, (0, 1), has_aux=True)(
                params, inputs, stats
            )
            others = {
                mode: apply(params, stats, inputs=inputs, mode=mode)
                for mode in ("running", "batch")
            }
            trained = {"outputs": outputs, "statistics": new, "gradients": gradients}
            return {**trained, **others}

        return jax.device_get(run(self._params, self._stats, self._inputs))


def _inputs(name: str, space: BuildableSpace, rng: Any) -> np.ndarray:
    shape = space.input_shape
    if name in FOR_TEXT | FOR_LANGUAGE:
        words = random_sentences(_EXAMPLES, shape[0], WORDS, rng)
        return np.asarray(in_digits(jnp.asarray(words)))
    return rng.standard_normal((_EXAMPLES, *shape))


def _apart(one: Any, other: Any) -> float:
    """The largest difference of all leaves, as a share of each leaf's largest value."""
    worst = 0.0
    for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True):
        largest = max(float(np.abs(a).max(initial=0.0)), 1e-30)
        worst = max(worst, float(np.abs(a - b).max(initial=0.0)) / largest)
    return worst


def run(
    spaces: Sequence[str],
    precisions: Sequence[str],
    done: Sequence[dict[str, Any]] = (),
) -> Iterator[dict[str, Any]]:
    """Yields a row for each space and precision that is not among those done."""
    there = {(row["space"], row["precision"]) for row in done}
    for name in spaces:
        for precision in precisions:
            if (name, precision) not in there:
                found = compared(name, precision)
                yield {"space": name, "precision": precision, **found}


def main(_: Sequence[str]) -> None:
    """Adds rows, prints the table."""
    done = read_rows(_OUT.value)
    for row in run(_SPACES.value, _PRECISIONS.value, done):
        append_rows(_OUT.value, [row])
        done.append(row)
        print(row["space"], row["precision"], flush=True)
    print(table(done, ["space", "precision", *PARTS]))


if __name__ == "__main__":
    _SPACES = flags.DEFINE_list("spaces", sorted(BUILT_IN), "built-in spaces")
    _PRECISIONS = flags.DEFINE_list("precisions", ["float64", "float32"], "of values")
    _OUT = flags.DEFINE_string("out", "runs/forms_agree.jsonl", "JSONL file of rows")
    app.run(main)
