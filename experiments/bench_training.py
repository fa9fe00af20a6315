"""A single-path training step of the supernet against the matrix rate and PyTorch.

python -m experiments.bench_training [--space=proxylessnas] [--peer=FOLDER] [--out=FILE]
    [--nohuge_pages]
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import app, flags

from experiments.machine import measure_machine, peak_memory_mib
from experiments.rows import table, write_rows
from experiments.timing import compile_seconds, median_seconds
from experiments.torch_peer import TorchPeer
from experiments.workload import Workload, make_workload, random_archs
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.kernels import jit_network
from qnas_jax.nets import gather, scatter
from qnas_jax.training import map_slots


def run(
    space: str,
    *,
    batch: int = 64,
    num_archs: int = 20,
    passes: int = 3,
    peer: str | None = None,
) -> list[dict[str, Any]]:
    """Measures steps over random architectures, in interleaved passes.

    Args:
      space: a registered space.
      batch: images of a step.
      num_archs: steps of a pass, each with another random architecture.
      passes: the median counts.
      peer: folder of the public code, or None.

    Returns:
      A row a form: images a second, ratio to "ours", compile time, share of the
      matrix rate (three times the products of the forward pass).
    """
    work = make_workload(space, batch)
    archs = random_archs(work.space, num_archs)
    machine = measure_machine()
    forms: dict[str, Callable[[], Any]] = {"ours": _ours(work, archs)}
    compiled = {"ours": compile_seconds(forms["ours"])}
    if peer:
        images = np.asarray(work.images(work.pixels))
        network = TorchPeer(peer, space, images, np.asarray(work.labels))
        forms["PyTorch channels_last"] = network.train(archs, batch)
        forms["PyTorch channels_last"]()
    seconds = median_seconds(forms, passes)
    # The first call compiles and runs one pass.
    compiled["ours"] -= seconds["ours"]
    rate = {name: num_archs * batch / seconds[name] for name in forms}
    flops = 6e-9 * float(work.macs(archs).mean())
    return [
        {
            "space": space,
            "form": name,
            "images/s": rate[name],
            "ratio to ours": rate[name] / rate["ours"],
            "compile s": compiled.get(name, 0.0),
            "share of the matrix rate": flops * rate[name] / machine.gflops,
            "peak memory MiB": peak_memory_mib(),
        }
        for name in forms
    ]


def _ours(work: Workload, archs: np.ndarray) -> Callable[[], Any]:
    """Steps with momentum, as in `training.supernet` but for the augmentation."""
    optimizer = optax.chain(
        optax.add_decayed_weights(4e-5), optax.sgd(1e-4, momentum=0.9)
    )
    supernet = work.supernet
    asked = [jnp.asarray(arch) for arch in archs]

    def loss_fn(
        params: Any, stats: Any, arch: jax.Array, images: jax.Array, labels: jax.Array
    ) -> tuple[jax.Array, Any]:
        logits, stats = supernet.apply(params, stats, arch, images, mode="train")
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return losses.mean(), stats

    def step(state: Any, arch: jax.Array, pixels: jax.Array, labels: jax.Array) -> Any:
        all_params, all_stats, all_moments = state
        params, stats = gather(all_params, arch), gather(all_stats, arch)
        moments = map_slots(lambda rows: gather(rows, arch), all_params, all_moments)
        gradient, stats = jax.grad(loss_fn, has_aux=True)(
            params, stats, arch, work.images(pixels), labels
        )
        updates, moments = optimizer.update(gradient, moments, params)
        params = optax.apply_updates(params, updates)
        return (
            scatter(all_params, arch, params),
            scatter(all_stats, arch, stats),
            map_slots(
                lambda rows, path: scatter(rows, arch, path),
                all_params,
                all_moments,
                moments,
            ),
        )

    compiled = jit_network(step, donate_argnums=0)
    state = [(*work.weights, optimizer.init(work.weights[0]))]

    def run_pass() -> Any:
        for arch in asked:
            state[0] = compiled(state[0], arch, work.pixels, work.labels)
        return state[0]

    return run_pass


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    rows = run(_SPACE.value, passes=_PASSES.value, peer=_PEER.value)
    write_rows(_OUT.value, rows)
    print(table(rows, list(rows[0])))


if __name__ == "__main__":
    if "--nohuge_pages" not in sys.argv:
        use_huge_pages()
    _SPACE = flags.DEFINE_string("space", "proxylessnas", "a registered space")
    _PASSES = flags.DEFINE_integer("passes", 3, "interleaved passes")
    _PEER = flags.DEFINE_string("peer", None, "folder of the public BQNAS code")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    flags.DEFINE_bool("huge_pages", True, "ask for large memory pages")
    app.run(main)
