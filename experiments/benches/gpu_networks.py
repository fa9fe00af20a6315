"""Parts of a session on an accelerator that run networks, each a program of its own."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.benches.gpu_kernels import Note, seconds_of
from experiments.measuring import turns
from experiments.measuring.built_in_spaces import built_in_space
from experiments.measuring.workload import Workload, random_archs
from qnas_jax.errors import UserError
from qnas_jax.nets import ChainSupernet, Mode, put_path, take_path
from qnas_jax.nets.build import op_templates
from qnas_jax.spaces import NetworkSpace

_STEPS = 4  # in one call


def drawn_workload(space: str, images: int) -> Workload:
    """As `workload.make_workload`, padded, with weights that NumPy draws.

    Nothing compiles.

    Raises:
      UserError: the space is no chain.
    """
    built = built_in_space(space)
    if not isinstance(built, NetworkSpace):
        raise UserError(f"space: got {space!r}, expected a chain of layers")
    supernet = ChainSupernet(built, "padded")
    rng = np.random.default_rng(0)

    def draw(low: float, high: float, kind: str) -> Any:
        slots: dict[str, list[jax.Array]] = {"fixed": [], "layers": []}
        for block in supernet.space.blocks:
            templates = op_templates(block)
            widths = [getattr(template, kind)[-1] for template in templates]
            drawn = rng.uniform(low, high, (len(templates), max(1, *widths, 1)))
            searched = block in supernet.space.layers
            rows = jnp.asarray(drawn if searched else drawn[0], jnp.float32)
            slots["layers" if searched else "fixed"].append(rows)
        return slots

    params, stats = draw(-0.1, 0.1, "param_starts"), draw(0.3, 1.0, "stat_starts")
    pixels = rng.integers(0, 256, (images, *built.input_shape), np.uint8)
    labels = rng.integers(0, 10, images)
    return Workload(
        supernet, (params, stats), jnp.asarray(pixels), jnp.asarray(labels, jnp.int32)
    )


def compile_program(
    note: Note,
    function: Callable[..., Any],
    *arguments: Any,
    donate: Sequence[int] = (),
) -> Any:
    """Compiles, and notes seconds for tracing and compiling; then takes its turn."""
    started = time.perf_counter()
    lowered = jax.jit(function, donate_argnums=tuple(donate)).lower(*arguments)
    traced = time.perf_counter()
    note("trace s", traced - started)
    compiled = lowered.compile()
    note("compile s", time.perf_counter() - traced)
    memory: Any = compiled.memory_analysis()
    note("temporary GiB", memory.temp_size_in_bytes / 2**30)
    turns.take()
    return compiled


def note_peak(note: Note) -> None:
    """Notes the most memory that the device held."""
    stats = jax.devices()[0].memory_stats() or {}
    note("device peak GiB", stats.get("peak_bytes_in_use", 0) / 2**30)


def run_steps(
    note: Note, program: Any, state: Any, rest: Sequence[Any], images: float
) -> Any:
    """Times calls of a program of `_STEPS` steps that hands its state on."""
    started = time.perf_counter()
    state = jax.block_until_ready(program(state, *rest))
    note("first call s", time.perf_counter() - started)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        state = jax.block_until_ready(program(state, *rest))
        times.append((time.perf_counter() - started) / _STEPS)
    seconds = float(np.median(times))
    note("ms a step", 1e3 * seconds)
    note("path-images/s", images / seconds)
    note_peak(note)
    leaves = jax.tree.leaves(state)
    finite = [bool(jnp.all(jnp.isfinite(each))) for each in leaves]
    note("all finite", all(finite))
    return state


def loss_of(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean cross-entropy of a batch."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def train_one_path(
    note: Note,
    *,
    space: str,
    batch: int,
    precision: str = "bfloat16",
    recompute: bool = False,
) -> None:
    """Steps on one path: rows read, trained and written back; several in one call."""
    work = drawn_workload(space, batch)
    network = ChainSupernet(work.space, "padded", recompute=recompute)
    archs = jnp.asarray(random_archs(work.space, _STEPS))

    def loss_fn(params: Any, stats: Any, arch: Any, images: Any, labels: Any) -> Any:
        params = network.in_precision(params, precision)
        logits, stats = network.apply(params, stats, arch, images, mode="train")
        return loss_of(logits, labels), stats

    def steps(state: Any, archs: jax.Array, pixels: jax.Array, labels: Any) -> Any:
        def step(state: Any, arch: jax.Array) -> tuple[Any, None]:
            params, stats, moments = (take_path(slots, arch) for slots in state)
            images = work.prepared(pixels)
            gradient, stats = jax.grad(loss_fn, has_aux=True)(
                params, stats, arch, images, labels
            )
            moments = jax.tree.map(lambda m, g: 0.9 * m + g, moments, gradient)
            params = jax.tree.map(lambda p, m: p - 1e-3 * m, params, moments)
            new = params, stats, moments
            pairs = zip(state, new, strict=True)
            return tuple(put_path(old, arch, path) for old, path in pairs), None

        return jax.lax.scan(step, state, archs)[0]

    state = _training_state(work)
    rest = archs, work.inputs, work.labels
    program = compile_program(note, steps, state, *rest, donate=[0])
    run_steps(note, program, state, rest, batch)


def _training_state(work: Workload) -> tuple[Any, Any, Any]:
    """Rows, statistics, momenta of zero."""
    params, stats = jax.tree.map(jnp.copy, work.weights)  # they are donated
    return params, stats, jax.tree.map(jnp.zeros_like, params)


def all_paths_step(work: Workload, form: str, precision: str) -> Callable[..., Any]:
    """A strictly fair step: (params, stats, archs, images, labels) -> gradient, stats.

    Args:
      work: the network.
      form: "each op once", or "padded": the paths as a `vmap` of the padded network.
      precision: of values and products.

    Returns:
      The function; archs are int32 [K, L].
    """
    network = work.supernet

    def loss_fn(params: Any, stats: Any, archs: Any, images: Any, labels: Any) -> Any:
        params = network.in_precision(params, precision)
        logits, stats = network.apply_paths(
            params, stats, archs, images, mode="train", once=form == "each op once"
        )
        return sum(loss_of(each, labels) for each in logits), stats

    return jax.grad(loss_fn, has_aux=True)


def permutations(space: Any, steps: int, seed: int = 0) -> np.ndarray:
    """Strictly fair paths int32 [steps, K, L]: each column a permutation."""
    rng = np.random.default_rng(seed)
    num_ops = space.num_ops[0]
    columns = [
        [rng.permutation(num_ops) for _ in range(space.num_layers)]
        for _ in range(steps)
    ]
    return np.asarray(columns, np.int32).transpose(0, 2, 1)


def train_all_paths(
    note: Note,
    *,
    space: str,
    batch: int,
    form: str,
    precision: str = "bfloat16",
) -> None:
    """Strictly fair steps, several in one call."""
    work = drawn_workload(space, batch)
    gradient_fn = all_paths_step(work, form, precision)
    archs = jnp.asarray(permutations(work.space, _STEPS))

    def steps(state: Any, archs: jax.Array, pixels: jax.Array, labels: Any) -> Any:
        def step(state: Any, paths: jax.Array) -> tuple[Any, None]:
            params, stats, moments = state
            images = work.prepared(pixels)
            gradient, stats = gradient_fn(params, stats, paths, images, labels)
            moments = jax.tree.map(lambda m, g: 0.9 * m + g, moments, gradient)
            params = jax.tree.map(lambda p, m: p - 1e-3 * m, params, moments)
            return (params, stats, moments), None

        return jax.lax.scan(step, state, archs)[0]

    state = _training_state(work)
    rest = archs, work.inputs, work.labels
    program = compile_program(note, steps, state, *rest, donate=[0])
    run_steps(note, program, state, rest, batch * archs.shape[1])


def score(
    note: Note,
    *,
    space: str,
    population: int,
    images: int,
    block: int,
    mode: Mode = "running",
    precision: str = "bfloat16",
) -> None:
    """Accuracies of random architectures, `block` of them at once by `vmap`."""
    work = drawn_workload(space, images)
    network = work.supernet
    archs = jnp.asarray(random_archs(work.space, population))

    def score_all(weights: Any, archs: jax.Array, pixels: Any, labels: Any) -> Any:
        params, stats = weights
        params = network.in_precision(params, precision)
        inputs = work.prepared(pixels)

        def one(arch: jax.Array) -> jax.Array:
            path = take_path(params, arch), take_path(stats, arch)
            logits, _ = network.apply(*path, arch, inputs, mode=mode)
            return (logits.argmax(axis=-1) == labels).mean()

        return jax.lax.map(one, archs, batch_size=block)

    arguments = work.weights, archs, work.inputs, work.labels
    program = compile_program(note, score_all, *arguments)
    seconds = seconds_of(lambda: program(*arguments), calls=1)
    note("seconds", seconds)
    note("subnet-images/s", population * images / seconds)
    macs = float(work.macs(np.asarray(archs)).mean())
    note("useful TFLOP/s", 2e-12 * macs * population * images / seconds)
    note_peak(note)


def pytorch(note: Note, *, folder: str, device: str, tiny: bool, what: str) -> None:
    """The public code in PyTorch on the same work; no search of algorithms.

    Args:
      note: takes results.
      folder: of that code.
      device: of PyTorch.
      tiny: small shapes.
      what: "scoring", or "training" of one path.
    """
    import torch

    from experiments.peers.torch_supernet import TorchPeer

    torch.backends.cudnn.benchmark = False
    images, batch, population, steps = (8, 4, 2, 1) if tiny else (512, 256, 32, 4)
    work = drawn_workload("proxylessnas", images)
    archs = random_archs(work.space, population)
    pixels = np.asarray(work.prepared(work.inputs), np.float32)
    peer = TorchPeer(folder, "proxylessnas", pixels, np.asarray(work.labels), device)
    note("torch", torch.__version__)
    if what == "scoring":
        name, count = "subnet-images/s", population * images
        run = peer.score(archs, images)
    else:
        name, count = "one-path training images/s", steps * batch
        run = peer.train(archs[:steps], batch)
    run()
    _wait(torch, device)
    turns.take()
    times = []
    for _ in range(3):
        started = time.perf_counter()
        run()
        _wait(torch, device)
        times.append(time.perf_counter() - started)
    note(name, count / float(np.median(times)))


def _wait(torch: Any, device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()
