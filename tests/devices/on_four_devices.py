"""Computes each kind of work on one device and on four, in a process that has four.

Prints a JSON object: name -> the largest difference, as a share of the largest value.
"""

import dataclasses
import json
import pathlib
import tempfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.data import image_split
from qnas_jax.devices import Devices, draw_share
from qnas_jax.evaluation import (
    ScoringOptions,
    make_population_scorer,
    measure_on_devices,
)
from qnas_jax.evaluation.proxies import make_proxy_scorer
from qnas_jax.evaluation.trained import measure_on_split
from qnas_jax.jobs import default_config, open_setting, run_stages
from qnas_jax.kernels import normalise
from qnas_jax.nets import build_supernet
from qnas_jax.runs import WorkFolder
from qnas_jax.searching import make_strategy
from qnas_jax.searching.many import search_seeds
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.tasks import ImageClassification
from qnas_jax.training import (
    Candidate,
    PopulationTraining,
    RetrainOptions,
    StandaloneModel,
    SupernetOptions,
    TrainingBatches,
    TrainingOptions,
    initial_retrain_state,
    initial_supernet_state,
    make_optimizer,
    make_retrain_step,
    make_sampler,
    make_supernet_step,
)

ONE, FOUR = Devices(1), Devices(4)
SPACE = NetworkSpace(
    name="small",
    layers=(
        Layer(4, 4, 1, (op("a", "mbconv", kernel=3, expansion=2), op("skip", "skip"))),
        Layer(4, 6, 2, (op("b", "conv", kernel=1), op("c", "mbconv", kernel=3))),
    ),
    stem=(fixed(1, 4, 1, "conv"),),
    head=(fixed(6, 6, 1, "global_average"), fixed(6, 3, 1, "classifier")),
    input_shape=(8, 8, 1),
    num_classes=3,
)
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (32, 8, 8, 1)).astype(np.uint8)
TRAIN = image_split(PIXELS, RANDOM.integers(0, 3, 32).astype(np.int32))
TASK = ImageClassification(
    mean=jnp.array([0.5]), std=jnp.array([0.3]), input_shape=(8, 8, 1), num_outputs=3
)
RANDOM_QUBO = RANDOM.normal(size=(9, 9))
ARCHS = np.array([[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]], np.int32)


def batch_normalisation(devices: Devices) -> Any:
    images = jax.random.normal(jax.random.key(0), (16, 3, 3, 2))
    slope = jax.random.normal(jax.random.key(1), images.shape)

    def compute(whole: Any, examples: Any) -> Any:
        def total(images: jax.Array, scale: jax.Array, offset: jax.Array) -> Any:
            found = normalise(images, scale, offset)
            own = found.values * examples[1] * whole[2]
            return own.sum(), (found.mean, found.var)

        gradients, means = jax.grad(total, (0, 1, 2), has_aux=True)(
            examples[0], *whole[:2]
        )
        return (gradients[1:], means), gradients[0]

    scale, offset = jnp.array([1.0, 2.0]), jnp.array([0.5, -1.0])
    # Shares' means of sums are a share of the sum.
    factor = jnp.float32(devices.count)
    means, outputs = jax.jit(devices.over_examples(compute))(
        (scale, offset, factor), (images, slope)
    )
    return means, outputs / factor


def draws(devices: Devices) -> Any:
    def compute(whole: Any, examples: Any) -> Any:
        own = draw_share(lambda n: jax.random.normal(whole, (n, 2)), len(examples))
        return jnp.float32(0), own

    return devices.over_examples(compute)(jax.random.key(3), jnp.zeros(8))[1]


def supernet_step(devices: Devices, form: str, sampler: str, taught: float = 0) -> Any:
    supernet = build_supernet(SPACE, form)
    options = SupernetOptions(
        batch_size=16, epochs=1, sampler=sampler, distillation=taught
    )
    batches = TrainingBatches.of(TRAIN, TASK, options.batch_size)
    optimizer = make_optimizer(options, batches.steps_per_epoch)
    state = initial_supernet_state(supernet, TASK, optimizer, 0, jax.random.key(1))
    step = make_supernet_step(
        supernet,
        optimizer,
        make_sampler(options, SPACE, supernet.cost_table()),
        batches,
        jax.random.key(2),
        devices=devices,
    )
    state = step(state, jnp.arange(32))
    return state.params, state.stats, state.moments, state.totals


def retraining_step(devices: Devices) -> Any:
    supernet = build_supernet(SPACE)
    weights = supernet.init(jax.random.key(1))
    model = StandaloneModel(supernet.cut(*weights, [0, 1]))
    options = RetrainOptions(batch_size=16, epochs=1, drop_path=0.5)
    batches = TrainingBatches.of(TRAIN, TASK, options.batch_size)
    optimizer = make_optimizer(options, batches.steps_per_epoch)
    state = initial_retrain_state(model, TASK, optimizer)
    key = jax.random.key(2)
    step = make_retrain_step(model, optimizer, options, batches, key, devices)
    state = step(state, jnp.arange(32))
    return state.params, state.stats, state.totals


def scores(devices: Devices, form: str) -> Any:
    supernet = build_supernet(SPACE, form)
    options = ScoringOptions(
        calibration_examples=16, calibration_batch=8, score_chunk=16
    )
    score = make_population_scorer(
        supernet, TASK, options, jnp.asarray(PIXELS), devices=devices
    )
    weights = supernet.init(jax.random.key(1))
    return score(weights, ARCHS, jnp.asarray(PIXELS), jnp.asarray(TRAIN.targets))


def trained_population(devices: Devices, form: str) -> Any:
    training = PopulationTraining(
        build_supernet(SPACE, form),
        TrainingOptions(batch_size=16, epochs=1),
        TrainingBatches.of(TRAIN, TASK, 16),
        measure_on_split,
        (TASK, jnp.asarray(PIXELS), jnp.asarray(TRAIN.targets)),
        devices=devices,
    )
    found: dict[int, Any] = {}
    training.train(
        [
            Candidate(tuple(arch), jax.random.key(place), jax.random.key(9))
            for place, arch in enumerate(ARCHS.tolist())
        ],
        1,
        tell=lambda place, trained: found.update(
            {place: (trained.losses, trained.found, trained.weights)}
        ),
        keep_weights=True,
    )
    return [found[place] for place in sorted(found)]


@dataclasses.dataclass(frozen=True)
class Ones:
    """Scores an architecture by how many ops are the second."""

    def __call__(self, key: jax.Array, archs: jax.Array) -> Any:
        return archs, archs.sum(axis=1).astype(jnp.float32)


def searches(devices: Devices) -> Any:
    strategy = make_strategy("qbit", (2, 2, 2), population=4, generations=3)
    keys = jax.random.split(jax.random.key(5), 6)
    return search_seeds(strategy, Ones(), keys, 3, devices=devices)


def metrics_of_a_network(devices: Devices) -> Any:
    """Of 30 examples in chunks of 4: devices have two each, one of them half empty."""
    supernet = build_supernet(SPACE)
    model = StandaloneModel(supernet.cut(*supernet.init(jax.random.key(1)), [0, 1]))

    @jax.jit
    def compute(weights: Any, inputs: jax.Array, targets: jax.Array) -> Any:
        return measure_on_devices(
            TASK,
            lambda weights, prepared: model.predict(*weights, prepared),
            (weights, inputs, targets),
            4,
            details=TASK.details,
            answer=TASK.answer,
            devices=devices,
        )

    weights = model.params, model.stats
    split = jnp.asarray(PIXELS[:30]), jnp.asarray(TRAIN.targets[:30])
    return compute(*devices.replicated((weights, *split)))


def proxies(devices: Devices) -> Any:
    """Some of them called as they are, the others within a program."""

    def scorer(*names: str) -> Any:
        return make_proxy_scorer(
            build_supernet(SPACE),
            names,
            TASK.prepare(jnp.asarray(PIXELS[:8])),
            jnp.asarray(TRAIN.targets[:8]),
            jax.random.key(4),
            devices=devices,
        )

    within = jax.jit(scorer("synflow", "zen", "params"))
    return scorer("snip", "nwot")(ARCHS), within(jnp.asarray(ARCHS))


def runs_of_an_optimiser(devices: Devices) -> Any:
    """By the command's own function: six runs, four at once and two."""
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        np.savetxt(folder / "q.csv", RANDOM_QUBO, delimiter=",")
        config = default_config("solve")
        config.problem.file = str(folder / "q.csv")
        config.solver.update(optimiser="simulated_annealing", runs=6)
        setting = open_setting(
            config, WorkFolder(folder / "run"), devices=devices, say=lambda line: None
        )
        run_stages(setting, "solve", ["python", "main.py"])
        rows = [
            json.loads((folder / "run" / "solve" / f"run-{number}.json").read_text())
            for number in range(6)
        ]
    return [(row["cost"], row["trace"], row["best"][0]["cost"]) for row in rows]


KINDS = {
    "batch normalisation": batch_normalisation,
    "draws": draws,
    "switch, fair": lambda devices: supernet_step(devices, "switch", "fair"),
    "padded, strict_fair": lambda d: supernet_step(d, "padded", "strict_fair"),
    "switch, a teacher": lambda d: supernet_step(d, "switch", "fair", 0.5),
    "retraining": retraining_step,
    "scores, switch": lambda devices: scores(devices, "switch"),
    "population, padded": lambda devices: trained_population(devices, "padded"),
    "searches": searches,
    "metrics": metrics_of_a_network,
    "proxies": proxies,
    "runs of an optimiser": runs_of_an_optimiser,
}


def difference(one: Any, several: Any) -> float:
    """The largest of all leaves, as a share of each leaf's largest value."""
    worst = 0.0
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(several), strict=True)
    for ours, other in pairs:
        ours, other = (np.asarray(each, np.float64) for each in (ours, other))
        largest = max(float(np.abs(ours).max(initial=0.0)), 1e-3)
        worst = max(worst, float(np.abs(ours - other).max(initial=0.0)) / largest)
    return worst


if __name__ == "__main__":
    print(
        json.dumps(
            {kind: difference(work(ONE), work(FOUR)) for kind, work in KINDS.items()}
        )
    )
