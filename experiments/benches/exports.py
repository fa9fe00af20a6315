"""Exported models against ours: the worst difference of logits over random subnets.

    python -m experiments.benches.exports [--spaces=digits,spos] [--subnets=100]

Each random subnet of each built-in space gets random weights, and the batch statistics
of 100 random images. It is written as source and weights and as ONNX, and read back;
logits of the images are compared with those of our own network, for ONNX also at
batches of 1 and 3. Nothing is compiled as a whole, so that many subnets are quick: that
StableHLO gives the same is what each export itself looks at. Prints a row a space.
"""

import argparse
import json
import pathlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from qnas_jax.export import Images, blank_network
from qnas_jax.export.loading import load_logits
from qnas_jax.export.onnx_files import missing_packages, run_onnx, to_onnx
from qnas_jax.export.writing import prepared, write_source
from qnas_jax.nets import set_mode
from qnas_jax.spaces import SPACES, BuildableSpace
from qnas_jax.spaces.registry import BUILT_IN

NUM_IMAGES = 100
BATCHES = (1, 3, NUM_IMAGES)


def input_shape(space: str) -> tuple[int, int, int]:
    """Of the images that a built-in space is meant for."""
    return (8, 8, 1) if space.startswith("digits") else (32, 32, 3)


def random_network(
    space: BuildableSpace, arch: Any, images: Images, pixels: Any, rng: Any
) -> Any:
    """A network with random weights, and batch statistics of its own.

    Args:
      space: of the network.
      arch: integers [L].
      images: what it gets.
      pixels: uint8 [N, H, W, C], which the statistics are of.
      rng: a NumPy generator.

    Returns:
      The module, its running statistics in use.
    """
    network = random_weights(blank_network(space, arch), rng)
    set_mode(network, "batch")
    prepared(network, images)(jnp.asarray(pixels))
    set_mode(network, "running")
    return network


def random_weights(blank: Any, rng: Any) -> Any:
    """A module with random parameters and statistics in the place of shapes."""
    graph, shapes = nnx.split(blank)
    drawn = []
    for path, variable in nnx.to_flat_state(shapes):
        values = _draw(str(path[-1]), variable.shape, rng)
        drawn.append((path, variable.replace(jnp.asarray(values, jnp.float32))))
    return nnx.merge(graph, nnx.from_flat_state(drawn))


def _draw(name: str, shape: tuple[int, ...], rng: Any) -> np.ndarray:
    if name == "kernel":
        fan_in = shape[0] * shape[1] if len(shape) == 3 else np.prod(shape[:-1])
        return rng.normal(size=shape) * np.sqrt(2 / fan_in)
    if name in ("scale", "var"):
        return rng.uniform(0.5, 1.5, shape)
    return 0.1 * rng.normal(size=shape)


def differences(
    space: BuildableSpace, count: int, seed: int, *, onnx: bool = True
) -> Iterator[dict[str, float]]:
    """Compares exported random subnets of a space with ours.

    Args:
      space: a built-in one.
      count: of subnets.
      seed: of subnets, weights and images.
      onnx: whether ONNX is compared too.

    Yields:
      For each subnet the largest difference of a logit, by form; and the largest logit.
    """
    rng = np.random.default_rng(seed)
    shape = space.input_shape
    names = tuple(f"class {number}" for number in range(space.num_classes))
    height, width, channels = shape
    images = Images(
        (height, width, channels),
        (0.45,) * channels,
        (0.25,) * channels,
        names,
        data="random images",
    )
    for _ in range(count):
        arch = np.asarray([rng.integers(options) for options in space.num_ops])
        pixels = rng.integers(0, 256, (NUM_IMAGES, *shape)).astype(np.uint8)
        network = random_network(space, arch, images, pixels, rng)
        expected = np.asarray(prepared(network, images)(jnp.asarray(pixels)))
        with tempfile.TemporaryDirectory() as folder:
            write_source(pathlib.Path(folder), space, arch, network, images)
            logits = load_logits(pathlib.Path(folder))
        found = {"source": np.asarray(logits(jnp.asarray(pixels)))}
        if onnx:
            run = run_onnx(to_onnx(logits, shape))
            found |= {f"onnx, batch {each}": run(pixels[:each]) for each in BATCHES}
        yield {
            "largest logit": float(np.abs(expected).max()),
            **{
                name: float(np.abs(values - expected[: len(values)]).max())
                for name, values in found.items()
            },
        }


def run(names: Sequence[str], count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yields a row a space: the worst of its subnets."""
    for name in names:
        space = SPACES[name](input_shape(name), 10)
        assert isinstance(space, BuildableSpace)
        started = time.perf_counter()
        onnx = not missing_packages()
        found = list(differences(space, count, seed, onnx=onnx))
        worst = {key: max(each[key] for each in found) for key in found[0]}
        seconds = round(time.perf_counter() - started, 1)
        yield {
            "space": name,
            "subnets": count,
            "seed": seed,
            "images": NUM_IMAGES,
            **{key: float(f"{value:.3g}") for key, value in worst.items()},
            "seconds": seconds,
        }


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spaces", default=",".join(sorted(BUILT_IN)))
    parser.add_argument("--subnets", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for row in run(options.spaces.split(","), options.subnets, options.seed):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
