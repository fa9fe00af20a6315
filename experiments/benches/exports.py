"""Exported models against ours: the worst difference of logits over random subnets.

    python -m experiments.benches.exports [--spaces=digits,spos] [--subnets=100]
        [--rows=runs/exports.jsonl]

Each random subnet of each built-in space gets random weights, and the batch statistics
of 100 random examples. It is written as source and weights and as ONNX, and read back;
logits of the examples are compared with those of our own network, for ONNX also at
batches of 1 and 3. That StableHLO gives the same is what each export itself looks at.
Where they differ by more than 1e-4, all are compared with our network in float64: what
float32 rounds off is no fault of an export.

Our own network is compiled block by block, so that subnets of a space share programs;
whole networks would be compiled anew each. Every subnet is a row that follows from its
number, so a stopped run goes on where it was; `--subnets=0` prints the table of the
rows that are there.
"""

import contextlib
import pathlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from experiments.measuring.built_in_spaces import built_in_space, random_sentences
from experiments.measuring.subnet_rows import Rows, missing_subnets, run_command
from qnas_jax.export import Images, Inputs, RunningText, Series, Text, blank_network
from qnas_jax.export.inputs import KINDS
from qnas_jax.export.loading import load_logits
from qnas_jax.export.onnx_files import missing_packages, run_onnx, to_onnx
from qnas_jax.export.writing import prepared, write_source
from qnas_jax.nets import set_mode
from qnas_jax.nets.cell.subnet import Cell
from qnas_jax.spaces import BuildableSpace, NetworkSpace, SearchSpace

NUM_EXAMPLES = 100
BATCHES = (1, 3, NUM_EXAMPLES)
TOLERANCE = 1e-4
LARGEST, SOURCE = "largest logit", "source"
OURS_ROUNDS, EXPORT_ROUNDS = "ours from float64", "exported from float64"
ONNX = tuple(f"onnx, batch {each}" for each in BATCHES)


def random_inputs(space: BuildableSpace) -> Inputs:
    """What a network of the space gets, with some mean and deviation, or words."""
    shape: Any = space.input_shape
    names = tuple(f"class {number}" for number in range(space.num_classes))
    words = _words_of(space)
    if words and _is_of_each_word(space):
        return RunningText(shape[:1], words, "space", data="random words")
    if words:
        return Text(shape[:1], names, words, data="random words")
    channels = shape[-1]
    make, data = (Images, "images") if len(shape) == 3 else (Series, "series")
    mean, std = (0.45,) * channels, (0.25,) * channels
    return make(shape, mean, std, names, data=f"random {data}")


def _words_of(space: BuildableSpace) -> tuple[str, ...]:
    """Words that networks of the space look up; none of other spaces."""
    if not isinstance(space, NetworkSpace):
        return ()
    count = dict(space.stem[0].ops[0].options).get("words", 0)
    return tuple(f"word {number}" for number in range(int(count)))


def _is_of_each_word(space: BuildableSpace) -> bool:
    """Whether logits are of each word, as in spaces of running text."""
    assert isinstance(space, NetworkSpace)
    return space.head[-1].ops[0].kind == "text_logits"


def random_examples(inputs: Inputs, rng: Any) -> np.ndarray:
    """Pixels of all values, series with mean and deviation as told, or sentences."""
    shape = (NUM_EXAMPLES, *inputs.input_shape)
    if isinstance(inputs, Series):
        values = rng.normal(inputs.mean, inputs.std, shape)
        return np.asarray(values, np.float32)
    if isinstance(inputs, Text | RunningText):
        return random_sentences(NUM_EXAMPLES, shape[1], len(inputs.words), rng)
    return np.asarray(rng.integers(0, 256, shape), np.uint8)


class _Compiled(nnx.Module):
    """A block that runs as a program of its own."""

    def __init__(self, block: Any):
        self.block = block

    def __call__(self, values: jax.Array) -> jax.Array:
        found: jax.Array = _run_block(self.block, values)
        return found


@nnx.jit
def _run_block(block: Any, values: jax.Array) -> Any:
    return block(values)


@contextlib.contextmanager
def compiled_blocks(network: Any) -> Iterator[None]:
    """Within, each block of a chain or cell network is a program of its own.

    Args:
      network: the module, changed in place and back.

    Yields:
      Nothing.
    """
    lists = [
        (module, name, blocks)
        for _, module in nnx.iter_modules(network)
        if module is network or isinstance(module, Cell)
        for name, blocks in vars(module).items()
        if isinstance(blocks, nnx.List) and name != "stages"
    ]
    for module, name, blocks in lists:
        setattr(module, name, nnx.List(_Compiled(block) for block in blocks))
    yield
    for module, name, blocks in lists:
        setattr(module, name, blocks)


def random_network(
    space: BuildableSpace, arch: Any, inputs: Inputs, examples: Any, rng: Any
) -> tuple[Any, np.ndarray]:
    """A network with random weights, and batch statistics of its own.

    Args:
      space: of the network.
      arch: integers [L].
      inputs: what it gets.
      examples: [N, ...], which the statistics are of.
      rng: a NumPy generator.

    Returns:
      The module, its running statistics in use, and the logits of the examples.
    """
    network = random_weights(blank_network(space, arch), rng)
    with compiled_blocks(network):
        set_mode(network, "batch")
        prepared(network, inputs)(jnp.asarray(examples))
        set_mode(network, "running")
        logits = np.asarray(prepared(network, inputs)(jnp.asarray(examples)))
    return network, logits


def exact_logits(network: Any, inputs: Inputs, examples: np.ndarray) -> np.ndarray:
    """The logits of our own network, computed in float64.

    Args:
      network: with running statistics in use; not changed.
      inputs: what it gets.
      examples: [N, ...].

    Returns:
      float64 [N, classes].
    """
    with jax.enable_x64(True):
        graph, state = nnx.split(network)
        wide = nnx.merge(
            graph,
            jax.tree.map(lambda v: jnp.asarray(np.asarray(v), jnp.float64), state),
        )
        values = inputs.prepare(jnp.asarray(examples))
        if jnp.issubdtype(values.dtype, jnp.floating):
            values = values.astype(jnp.float64)
        with compiled_blocks(wide):
            return np.asarray(wide(values))


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
    space: BuildableSpace, number: int, seed: int, *, onnx: bool = True
) -> dict[str, float]:
    """Compares an exported random subnet of a space with ours.

    Args:
      space: a built-in one.
      number: of the subnet.
      seed: of subnets, weights and examples.
      onnx: whether ONNX is compared too.

    Returns:
      The largest difference of a logit, by form; and the largest logit. Beyond the
      tolerance also how far our own and exported logits are from those in float64.
    """
    rng = np.random.default_rng([seed, number])
    inputs = random_inputs(space)
    arch = np.asarray([rng.integers(options) for options in space.num_ops])
    examples = random_examples(inputs, rng)
    network, expected = random_network(space, arch, inputs, examples, rng)
    with tempfile.TemporaryDirectory() as folder:
        write_source(pathlib.Path(folder), space, arch, network, inputs)
        logits = load_logits(pathlib.Path(folder))
    found = {SOURCE: np.asarray(logits(jnp.asarray(examples)))}
    if onnx:
        dtype = KINDS[inputs.kind].dtype
        run = run_onnx(to_onnx(logits, inputs.input_shape, dtype, inputs.kind))
        each_batch = zip(ONNX, BATCHES, strict=True)
        found |= {name: run(examples[:count]) for name, count in each_batch}
    off = {name: _distance(values, expected) for name, values in found.items()}
    row = {LARGEST: float(np.abs(expected).max()), **off}
    if max(off.values()) > TOLERANCE:
        exact = exact_logits(network, inputs, examples)
        row[OURS_ROUNDS] = _distance(expected, exact)
        row[EXPORT_ROUNDS] = max(_distance(each, exact) for each in found.values())
    return row


def _distance(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of a logit, of the first examples."""
    return float(np.abs(found - expected[: len(found)]).max())


def run(
    names: Sequence[str],
    count: int,
    seed: int,
    known: Rows = (),
) -> Iterator[dict[str, Any]]:
    """Yields a row for each subnet of each space that is not known yet."""
    onnx = not missing_packages()

    def build(name: str) -> SearchSpace:
        jax.clear_caches()  # the programs of the space before
        return built_in_space(name)

    for name, space, number in missing_subnets(names, build, count, seed, known):
        started = time.perf_counter()
        found = differences(space, number, seed, onnx=onnx)
        yield {
            "space": name,
            "seed": seed,
            "subnet": number,
            "examples": NUM_EXAMPLES,
            **{key: float(f"{value:.3g}") for key, value in found.items()},
            "seconds": round(time.perf_counter() - started, 2),
        }


def result_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a space: how many subnets, and the worst of them."""
    lines = []
    for name in dict.fromkeys(row["space"] for row in rows):
        own = [row for row in rows if row["space"] == name]
        onnx = [row[form] for row in own for form in ONNX if form in row]
        beyond = [row for row in own if OURS_ROUNDS in row]
        lines.append(
            {
                "space": name,
                "subnets": len(own),
                "stand-alone source": f"{max(row[SOURCE] for row in own):.1e}",
                "ONNX": f"{max(onnx):.1e}" if onnx else "-",
                LARGEST: f"{max(row[LARGEST] for row in own):.2g}",
                f"beyond {TOLERANCE:.0e}": len(beyond),
                OURS_ROUNDS: _worst(beyond, OURS_ROUNDS),
                EXPORT_ROUNDS: _worst(beyond, EXPORT_ROUNDS),
            }
        )
    return lines


def _worst(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    return f"{max(row[name] for row in rows):.1e}" if rows else "-"


def main() -> None:
    """Adds rows, prints the table."""
    run_command(
        __doc__.splitlines()[0],
        run,
        result_rows,
        subnets=100,
        rows="runs/exports.jsonl",
    )


if __name__ == "__main__":
    main()
