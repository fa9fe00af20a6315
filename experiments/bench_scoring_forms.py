"""Why a population is scored as it is: our form against `vmap` over architectures.

python -m experiments.bench_scoring_forms [--space=digits] [--side=8] [--passes=5]
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

from experiments.rows import table, write_rows
from experiments.timing import compile_seconds, median_seconds
from qnas_jax.data import normalise
from qnas_jax.evaluation import ScoringOptions, make_population_scorer
from qnas_jax.nets import Supernet, gather
from qnas_jax.spaces import SpaceOptions, build_space


def run(
    space: str, side: int, population: int, images: int, passes: int
) -> list[dict[str, Any]]:
    """Times both forms on random architectures, weights and pixels.

    Args:
      space: a registered space.
      side: height and width of the images.
      population: architectures scored in a call, drawn uniformly.
      images: images that each is scored on.
      passes: interleaved passes; the median counts.

    Returns:
      A row a form: compile time, subnet-images a second, and the ratio to `vmap`.
    """
    supernet = Supernet(build_space(SpaceOptions(name=space), (side, side, 3), 10))
    weights = supernet.init(jax.random.key(0))
    generator = np.random.default_rng(0)
    shape = (population, supernet.space.num_layers)
    archs = jnp.asarray(generator.integers(supernet.space.num_ops, size=shape))
    pixels = jnp.asarray(generator.integers(0, 256, (images, side, side, 3)), jnp.uint8)
    labels = jnp.asarray(generator.integers(0, 10, images))
    mean, std = jnp.full(3, 0.5), jnp.full(3, 0.25)

    options = ScoringOptions(statistics="running")
    score = make_population_scorer(supernet, options, mean, std, pixels)
    vmapped = _vmapped_scorer(supernet, normalise(pixels, mean, std), labels)
    forms: dict[str, Callable[[], Any]] = {
        "ours": lambda: score(weights, archs, pixels, labels).accuracy,
        "vmap": lambda: vmapped(weights, archs),
    }
    compiled = {name: compile_seconds(form) for name, form in forms.items()}
    np.testing.assert_allclose(forms["ours"](), forms["vmap"](), atol=2 / images)
    seconds = median_seconds(forms, passes)
    return [
        {
            "form": name,
            "space": space,
            "compile s": compiled[name],
            "subnet-images/s": population * images / seconds[name],
            "ratio to vmap": seconds["vmap"] / seconds[name],
        }
        for name in forms
    ]


def _vmapped_scorer(
    supernet: Supernet, images: jax.Array, labels: jax.Array
) -> Callable[[Any, jax.Array], jax.Array]:
    @jax.jit
    def score(weights: Any, archs: jax.Array) -> jax.Array:
        def accuracy(arch: jax.Array) -> jax.Array:
            params, stats = (gather(slots, arch) for slots in weights)
            logits, _ = supernet.apply(params, stats, arch, images, mode="running")
            return (logits.argmax(axis=-1) == labels).mean()

        return jax.vmap(accuracy)(archs)

    return score


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    rows = run(_SPACE.value, _SIDE.value, 16, 128, _PASSES.value)
    write_rows(_OUT.value, rows)
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    _SPACE = flags.DEFINE_string("space", "digits", "a registered space")
    _SIDE = flags.DEFINE_integer("side", 8, "height and width of the images")
    _PASSES = flags.DEFINE_integer("passes", 5, "interleaved passes")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
