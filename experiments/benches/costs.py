"""What we count against what XLA plans: multiply-adds, weights, memory of activations.

    python -m experiments.benches.costs [--spaces=digits,spos] [--subnets=5]
        [--rows=runs/costs.jsonl]

Random subnets of each built-in space, with running statistics, for one image, compiled
from the plain forms of the kernels for the present backend. Printed are ratios, XLA's
over ours, the smallest to the largest of the subnets:

    FLOPs        `cost_analysis`, over two times our multiply-adds. XLA counts sums,
                 normalisation and activations too, and leaves out products with borders
                 and what leads nowhere, as edges of a cell may
    weights      bytes of the arguments without the image, over our bytes at 32 bits: 1
                 if both mean the same arrays
    activations  temporary bytes of `memory_analysis`, over our peak. XLA's plan has
                 copies in other orders of axes, and padded images, that ours has not

A stopped run goes on where it was.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from experiments.measuring.built_in_spaces import built_in_space
from experiments.measuring.subnet_rows import Rows, missing_subnets, run_command
from qnas_jax.export import blank_network
from qnas_jax.kernels import force_implementation
from qnas_jax.nets import build_supernet, set_mode
from qnas_jax.spaces import BuildableSpace, SearchSpace

RATIOS = ("FLOPs", "weights", "activations")


def compared(space: BuildableSpace, arch: np.ndarray) -> dict[str, float]:
    """Ratios of one subnet.

    Args:
      space: a built-in one.
      arch: integers [L].

    Returns:
      XLA's number over ours, by the names of `RATIOS`; NaN where ours is 0.
    """
    network = blank_network(space, arch)
    set_mode(network, "running")
    graph, state = nnx.split(network)
    image = jax.ShapeDtypeStruct((1, *space.input_shape), jnp.float32)

    def run(state: Any, image: jax.Array) -> jax.Array:
        logits: jax.Array = nnx.merge(graph, state)(image)
        return logits

    with force_implementation("reference"):
        program = jax.jit(run, keep_unused=True).lower(state, image).compile()
    supernet = build_supernet(space)
    costs = supernet.cost_table().cost(arch[None])
    (peak,) = supernet.peak_bytes(arch[None])
    memory: Any = program.memory_analysis()
    analysis: Any = program.cost_analysis()
    image_bytes = 4 * math.prod(image.shape)
    pairs = {
        "FLOPs": (analysis["flops"], 2 * costs["macs"][0]),
        "weights": (
            memory.argument_size_in_bytes - image_bytes,
            costs["bytes_32"][0],
        ),
        "activations": (memory.temp_size_in_bytes, peak),
    }
    return {
        name: float(theirs / ours) if ours else math.nan
        for name, (theirs, ours) in pairs.items()
    }


def run(
    names: Sequence[str],
    count: int,
    seed: int,
    known: Rows = (),
) -> Iterator[dict[str, Any]]:
    """Yields a row for each subnet of each space that is not known yet."""

    def build(name: str) -> SearchSpace:
        return built_in_space(name)

    for name, space, number in missing_subnets(names, build, count, seed, known):
        rng = np.random.default_rng([seed, number])
        arch = np.asarray([rng.integers(options) for options in space.num_ops])
        ratios = compared(space, arch)
        yield {"space": name, "seed": seed, "subnet": number, **ratios}


def result_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a space: smallest to largest ratios."""
    lines = []
    for name in dict.fromkeys(row["space"] for row in rows):
        own = [row for row in rows if row["space"] == name]
        spans = {
            ratio: f"{min(row[ratio] for row in own):.2f} to "
            f"{max(row[ratio] for row in own):.2f}"
            for ratio in RATIOS
        }
        lines.append({"space": name, "subnets": len(own), **spans})
    return lines


def main() -> None:
    """Adds rows, prints the table."""
    run_command(
        __doc__.splitlines()[0],
        run,
        result_rows,
        subnets=5,
        rows="runs/costs.jsonl",
    )


if __name__ == "__main__":
    main()
