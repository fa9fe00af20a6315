"""A task that is no classification, from its data to the record of a search.

Trainer, scorer, retraining and memo know a task and a network: here the height of a
bump in a series of 64 values, judged by its squared error, of which less is better.
"""

import functools
import itertools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from qnas_jax.data import DataOptions, SourceSplits, Split, on_device
from qnas_jax.data.splitting import assemble
from qnas_jax.evaluation import (
    MemoisedEvaluator,
    ScoringOptions,
    measure,
    supernet_evaluator,
)
from qnas_jax.nets import build_supernet
from qnas_jax.searching import host_search, make_strategy
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.tasks import Metric, Task, score_metric
from qnas_jax.training import (
    RetrainOptions,
    StandaloneModel,
    SupernetOptions,
    TrainingBatches,
    initial_retrain_state,
    initial_supernet_state,
    keep_best,
    make_optimizer,
    make_retrain_step,
    make_sampler,
    make_supernet_step,
    run_epochs,
)


def total_error(outputs, targets, counted):
    return jnp.sum((outputs[:, 0] - targets) ** 2 * counted)


SQUARED_ERROR = Metric(
    larger_is_better=False,
    zero=lambda: jnp.zeros(()),
    sums=total_error,
    finish=lambda total, count: total / count,
)


class Heights(struct.PyTreeNode):
    """The height of a series' bump."""

    scale: jax.Array
    noise: float = struct.field(pytree_node=False, default=0.0)
    input_shape: tuple[int, ...] = struct.field(pytree_node=False, default=(8, 8, 1))
    num_outputs: int = struct.field(pytree_node=False, default=1)
    score: str = struct.field(pytree_node=False, default="error")
    baselines: tuple[str, ...] = struct.field(pytree_node=False, default=())

    @property
    def metrics(self) -> Mapping[str, Metric]:
        return {"error": SQUARED_ERROR}

    @property
    def details(self) -> Mapping[str, Metric]:
        return {}

    def with_options(self, noise: float) -> "Heights":
        return self.replace(noise=noise)

    def prepare(self, inputs):
        return (inputs / self.scale).reshape(*inputs.shape[:-1], 8, 8, 1)

    def augment(self, key, inputs):
        noise = jax.random.normal(key, inputs.shape)
        return self.prepare(inputs + self.noise * noise)

    def loss(self, outputs, targets):
        return ((outputs[:, 0] - targets) ** 2).mean()


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    heights = rng.uniform(-1, 1, 200).astype(np.float32)
    bumps = np.exp(-(np.linspace(-3, 3, 64) ** 2)).astype(np.float32)
    series = heights[:, None] * bumps + rng.normal(0, 0.05, (200, 64))
    split = Split(series.astype(np.float32), heights)
    return assemble(SourceSplits("bumps", split, None, None, ()), DataOptions())


@pytest.fixture(scope="module")
def task() -> Task:
    return Heights(scale=jnp.float32(0.4)).with_options(0.02)


@pytest.fixture(scope="module")
def supernet(task):
    ops = (op("conv", "conv"), op("point", "conv", kernel=1))
    return build_supernet(
        NetworkSpace(
            name="series",
            layers=(Layer(4, 4, 1, ops), Layer(4, 6, 2, ops)),
            stem=(fixed(1, 4, 1, "conv"),),
            head=(fixed(6, 6, 1, "global_average"), fixed(6, 1, 1, "classifier")),
            input_shape=task.input_shape,
            num_classes=task.num_outputs,
        )
    )


def train(state, step_fn, batches, epochs, on_epoch):
    return run_epochs(
        state,
        step_fn,
        key=jax.random.key(2),
        task=batches.task,
        num_examples=batches.num_examples,
        steps_per_epoch=batches.steps_per_epoch,
        epochs=epochs,
        on_epoch=on_epoch,
        progress=lambda steps, total, label: steps,
        description="bumps",
        should_stop=lambda: False,
    )


@pytest.fixture(scope="module")
def trained(supernet, task, dataset):
    """The state of a short training, and the errors that its epochs report."""
    options = SupernetOptions(epochs=6, batch_size=16, learning_rate=0.05)
    batches = TrainingBatches.of(dataset.train, task, options.batch_size)
    optimizer = make_optimizer(options, batches.steps_per_epoch)
    sampler = make_sampler(options, supernet.space, supernet.cost_table())
    step_fn = make_supernet_step(
        supernet, optimizer, sampler, batches, jax.random.key(1)
    )
    state = initial_supernet_state(supernet, task, optimizer, 1, jax.random.key(0))
    reports = []

    def on_epoch(state, report):
        reports.append(report)
        return state

    state = train(state, step_fn, batches, options.epochs, on_epoch)
    return state, reports


def test_training_reports_the_tasks_metric(trained):
    _, reports = trained
    errors = [report.metrics["error"] for report in reports]
    assert errors[-1] < 0.5 * errors[0]
    # The loss is the same number here, as a mean of the batches' means.
    np.testing.assert_allclose(errors, [report.loss for report in reports], rtol=1e-4)


def test_a_search_minimises_the_error_and_records_it(trained, supernet, task, dataset):
    state, _ = trained
    evaluator_of = supernet_evaluator(
        supernet,
        task,
        ScoringOptions(statistics="running", score_chunk=8),
        train=dataset.train,
        valid=on_device(dataset.valid),
    )
    evaluator = evaluator_of((state.params, state.stats))
    memo = MemoisedEvaluator(evaluator, supernet.cost_table().cost)
    strategy = make_strategy("exhaustive", (2, 2), population=2, generations=2)
    *_, last = host_search(strategy, memo, jax.random.key(0), 2)
    errors = {row.arch: row.metrics["error"] for row in memo.history}
    assert sorted(errors) == list(itertools.product(range(2), range(2)))
    best = min(errors, key=errors.get)
    assert tuple(last.after.best_arch.tolist()) == best
    assert float(last.after.best_score) == -errors[best]
    assert all(row.score == -row.metrics["error"] < 0 for row in memo.history)
    model = StandaloneModel(supernet.cut(state.params, state.stats, best))
    run = functools.partial(model.predict, model.params, model.stats)
    alone = measure(task, run, *on_device(dataset.valid), 16)
    assert float(alone["error"]) == pytest.approx(errors[best], rel=1e-4)


def test_retraining_keeps_the_epoch_of_the_least_error(supernet, task, dataset):
    options = RetrainOptions(epochs=3, batch_size=16, learning_rate=0.02)
    batches = TrainingBatches.of(dataset.train, task, options.batch_size)
    model = StandaloneModel(supernet.cut(*supernet.init(jax.random.key(4)), (0, 0)))
    optimizer = make_optimizer(options, batches.steps_per_epoch)
    step_fn = make_retrain_step(model, optimizer, options, batches, jax.random.key(5))
    valid, metric = on_device(dataset.valid), score_metric(task)

    @jax.jit
    def error_of(weights):
        run = functools.partial(model.predict, *weights)
        return measure(task, run, *valid, 16)["error"]

    errors = []

    def on_epoch(state, report):
        errors.append(float(error_of(state.average)))
        return keep_best(state, metric.as_score(errors[-1]))

    state = initial_retrain_state(model, task, optimizer)
    state = train(state, step_fn, batches, options.epochs, on_epoch)
    assert metric.as_score(float(state.best_score)) == pytest.approx(min(errors))
    assert float(error_of(state.best)) == pytest.approx(min(errors), rel=1e-5)
