"""Population scoring against the machine's limits, simple forms, and PyTorch.

python -m experiments.benches.scoring [--space=proxylessnas] [--small] [--peer=FOLDER]

FOLDER holds the public BQNAS code (see experiments/peers/torch_supernet.py).

Two floors are given for ours: its multiply-accumulates at the measured matrix rate, and
its bytes at the measured copy bandwidth. The bytes are counted, not measured
(`experiments/measuring/traffic.py`): input and output of every piece of every op once
an image, weights once a chunk, as if nothing stayed in a cache.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags
from flax import nnx
from jax import lax
from scipy import stats as statistics

from experiments.measuring.machine import Machine, measure_machine, peak_memory_mib
from experiments.measuring.programs import compile_network, temporary_mib
from experiments.measuring.rows import table, write_rows
from experiments.measuring.timing import compile_seconds, median_seconds
from experiments.measuring.traffic import bytes_moved
from experiments.measuring.workload import (
    Workload,
    make_workload,
    random_archs,
    search_populations,
)
from experiments.peers.torch_supernet import TorchPeer
from qnas_jax.evaluation import ScoringOptions, make_population_scorer
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.kernels import jit_network
from qnas_jax.nets import ChainSupernet, set_mode, take_path

Form = Callable[[], Any]


def run(
    space: str,
    *,
    population: int = 20,
    images: int = 256,
    chunk: int = 128,
    passes: int = 5,
    simple: int = 2,
    small: bool = False,
    peer: str | None = None,
) -> list[dict[str, Any]]:
    """Measures all forms in interleaved passes.

    Args:
      space: a registered space.
      population: random architectures of the main row.
      images: that each is scored on.
      chunk: images computed at once.
      passes: the median counts.
      simple: how many of the architectures the slow simple forms score; 0 leaves
        them out.
      small: also `vmap` over architectures and bfloat16, which take minutes on
        a large space on CPU.
      peer: folder of the public code, or None.

    Returns:
      Rows: form, subnet-images a second, ratio to "ours", time of the first call,
      mean multiply-accumulates of an architecture in millions; "ours" has its share
      of the matrix rate, that of the copy bandwidth, and its memory.
    """
    work = make_workload(space, images)
    archs = random_archs(work.space, population)
    machine = measure_machine()
    asked = search_populations(work.space, [1, 10, 50], population)
    forms = {
        **_own_forms(work, archs, asked, chunk, small),
        **_simple_forms(work, archs[:simple], small),
    }
    compiled = {name: compile_seconds(form) for name, (form, _) in forms.items()}
    if peer:
        shown = np.asarray(work.prepared(work.inputs))
        network = TorchPeer(peer, space, shown, np.asarray(work.labels))
        forms["PyTorch channels_last"] = (network.score(archs, chunk), population)
        forms["PyTorch channels_last"][0]()
    _check(forms, simple)
    seconds = median_seconds({n: form for n, (form, _) in forms.items()}, passes)
    rate = {n: count * images / seconds[n] for n, (_, count) in forms.items()}
    macs = {_generation(number): work.macs(each) for number, each in asked.items()}
    of_ours = work.macs(archs)
    rows: list[dict[str, Any]] = [
        {
            "space": space,
            "form": name,
            "subnet-images/s": rate[name],
            "ratio to ours": rate[name] / rate["ours"],
            "first call s": compiled.get(name, 0.0),
            "MMACs": 1e-6 * float(macs.get(name, of_ours).mean()),
        }
        for name in forms
    ]
    rows[0] |= _use_of_machine(
        work, archs, of_ours, chunk=chunk, seconds=seconds["ours"], machine=machine
    )
    if small:
        losses = (forms[name][0]()["loss"] for name in ("ours", "bfloat16"))
        tau = statistics.kendalltau(*losses).statistic
        rows[1]["Kendall tau with float32"] = float(tau)
    return rows


def _use_of_machine(
    work: Workload,
    archs: np.ndarray,
    macs: np.ndarray,
    *,
    chunk: int,
    seconds: float,
    machine: Machine,
) -> dict[str, float]:
    """What our scorer takes of the machine's arithmetic, bandwidth and memory."""
    images = len(work.inputs)
    rate = len(archs) * images / seconds
    flops = 2e-9 * float(macs.mean()) * rate
    moved = 1e-9 * bytes_moved(work.space, archs, images, chunk) / seconds
    return {
        "GFLOP/s": flops,
        "share of the matrix rate": flops / machine.gflops,
        "matrix GFLOP/s": machine.gflops,
        "GB/s moved": moved,
        "share of the copy bandwidth": moved / machine.copy_gb,
        "copy GB/s": machine.copy_gb,
        "peak memory MiB": peak_memory_mib(),
        "temporary MiB at P = 256, 5,000 images": _temporary_mib(work, chunk),
    }


def _generation(number: int) -> str:
    return f"generation {number}"


def _own_forms(
    work: Workload,
    archs: np.ndarray,
    asked: Mapping[int, np.ndarray],
    chunk: int,
    small: bool,
) -> dict[str, tuple[Form, int]]:
    """The scorer on random architectures and on populations of a search."""
    ours = _ours(work, archs, chunk)
    forms: dict[str, tuple[Form, int]] = {"ours": (ours, len(archs))}
    if small:
        rounded = _ours(work, archs, chunk, precision="bfloat16")
        forms["bfloat16"] = (rounded, len(archs))
    for number, each in asked.items():
        again = functools.partial(ours, jnp.asarray(each))
        forms[_generation(number)] = (again, len(archs))
    return forms


def _simple_forms(
    work: Workload, archs: np.ndarray, small: bool
) -> dict[str, tuple[Form, int]]:
    """What one would write first, on few architectures; none on none."""
    count = len(archs)
    if not count:
        return {}
    forms: dict[str, tuple[Form, int]] = {
        "each subnet jitted": (_subnets_jitted(work, archs), count),
        "switch over whole ops": (_whole_switch(work, archs, False), count),
    }
    if small:
        forms["vmap over archs"] = (_whole_switch(work, archs, True), count)
    return forms


def _ours(work: Workload, archs: np.ndarray, chunk: int, **options: Any) -> Any:
    scoring = ScoringOptions(statistics="running", score_chunk=chunk, **options)
    pixels, labels = work.inputs, work.labels
    score = make_population_scorer(work.supernet, work.task, scoring, pixels)
    default = jnp.asarray(archs)
    return lambda asked=default: score(work.weights, asked, pixels, labels)


def _temporary_mib(work: Workload, chunk: int) -> float:
    """What the compiled scorer of a large population allocates, weights apart."""
    shape = (5_000, *work.inputs.shape[1:])
    arguments = (
        jax.ShapeDtypeStruct((256, work.space.num_layers), jnp.int32),
        jax.ShapeDtypeStruct(shape, jnp.uint8),
        jax.ShapeDtypeStruct(shape[:1], jnp.int32),
    )
    scoring = ScoringOptions(statistics="running", score_chunk=chunk)
    score = make_population_scorer(work.supernet, work.task, scoring, work.inputs)
    compiled, _ = compile_network(score, work.weights, *arguments)
    return temporary_mib(compiled)


def _check(forms: dict[str, tuple[Form, int]], simple: int) -> None:
    """The forms must agree with ours on what they score."""
    wanted = np.asarray(forms["ours"][0]()["accuracy"])
    for name in ("each subnet jitted", "switch over whole ops", "vmap over archs"):
        if name in forms:
            np.testing.assert_allclose(forms[name][0](), wanted[:simple], atol=0.02)


def _subnets_jitted(work: Workload, archs: np.ndarray) -> Form:
    """A stand-alone network for each architecture, compiled for itself."""
    runs = []
    for arch in archs:
        subnet = work.supernet.cut(*work.weights, arch)
        set_mode(subnet, "running")
        graphdef, state = nnx.split(subnet)
        runs.append(_accuracy_of(work, graphdef, state))
    return lambda: jnp.stack([each() for each in runs])


def _accuracy_of(work: Workload, graphdef: Any, state: Any) -> Form:
    @jit_network
    def accuracy(state: Any, pixels: jax.Array, labels: jax.Array) -> jax.Array:
        logits = nnx.merge(graphdef, state)(work.prepared(pixels))
        return (logits.argmax(axis=-1) == labels).mean()

    return lambda: accuracy(state, work.inputs, work.labels)


def _whole_switch(work: Workload, archs: np.ndarray, vmapped: bool) -> Form:
    """One `lax.switch` a layer over whole ops, in `lax.map` or `vmap` over archs."""
    visit = jax.vmap if vmapped else (lambda run: functools.partial(lax.map, run))

    @jax.jit
    def accuracies(
        weights: Any, archs: jax.Array, pixels: jax.Array, labels: jax.Array
    ) -> jax.Array:
        def accuracy(arch: jax.Array) -> jax.Array:
            params, stats = (take_path(slots, arch) for slots in weights)
            images = work.prepared(pixels)
            logits = _plain_logits(work.supernet, params, stats, arch, images)
            return (logits.argmax(axis=-1) == labels).mean()

        return visit(accuracy)(archs)

    asked = jnp.asarray(archs)
    return lambda: accuracies(work.weights, asked, work.inputs, work.labels)


def _plain_logits(
    supernet: ChainSupernet,
    params: Any,
    stats: Any,
    arch: jax.Array,
    images: jax.Array,
) -> jax.Array:
    values, _ = supernet.stem(params, stats, images, mode="running")
    for layer, templates in enumerate(supernet.layer_templates):
        rows = params["layers"][layer], stats["layers"][layer]
        branches = [functools.partial(op.apply, "running") for op in templates]
        values, _ = lax.switch(arch[layer], branches, *rows, values)
    return supernet.head(params, stats, values, mode="running")[0]


def main(argv: Sequence[str]) -> None:
    """Prints the tables."""
    del argv
    rows = run(
        _SPACE.value,
        chunk=_CHUNK.value,
        passes=_PASSES.value,
        simple=_SIMPLE.value,
        small=_SMALL.value,
        peer=_PEER.value,
    )
    write_rows(_OUT.value, rows)
    columns = list(rows[-1])
    print(table(rows, columns))
    print(
        "\n".join(f"{key}: {rows[0][key]:.4g}" for key in list(rows[0])[len(columns) :])
    )
    if _SMALL.value:
        print(f"bfloat16, Kendall tau: {rows[1]['Kendall tau with float32']:.4f}")


if __name__ == "__main__":
    use_huge_pages()
    _SPACE = flags.DEFINE_string("space", "proxylessnas", "a registered space")
    _CHUNK = flags.DEFINE_integer("chunk", 128, "images computed at once")
    _PASSES = flags.DEFINE_integer("passes", 5, "interleaved passes")
    _SIMPLE = flags.DEFINE_integer("simple", 2, "archs that the simple forms score")
    _SMALL = flags.DEFINE_bool("small", False, "also vmap over archs, and bfloat16")
    _PEER = flags.DEFINE_string("peer", None, "folder of the public BQNAS code")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
