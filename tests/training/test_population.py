"""Networks trained side by side are those that are trained alone."""

import contextlib
import dataclasses
import functools
import logging as python_logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx, struct

from qnas_jax.data import epoch_order
from qnas_jax.devices import Devices
from qnas_jax.errors import UserError
from qnas_jax.nets import build_supernet, put_path, take_path
from qnas_jax.stopping import Stopped
from qnas_jax.tasks import ImageClassification, ImageTraining
from qnas_jax.training import (
    Candidate,
    PopulationTraining,
    RetrainOptions,
    StandaloneModel,
    Trained,
    TrainingBatches,
    TrainingOptions,
    Trouble,
    initial_retrain_state,
    make_optimizer,
    make_retrain_step,
    population,
    second_training,
)

OPTIONS = TrainingOptions(batch_size=8, learning_rate=0.1, clip_norm=5.0)
EPOCHS = 3
ARCHS = [(1, 0), (2, 1)]


def key_of(*numbers):
    return functools.reduce(jax.random.fold_in, numbers, jax.random.key(3))


def candidates_of(archs, *, same_batches=True):
    return [
        Candidate(arch, key_of(0, *arch), key_of(1, *(() if same_batches else arch)))
        for arch in archs
    ]


@pytest.fixture(scope="module")
def task(task):
    """With images that are shifted at random, so that keys of steps matter."""
    return task.with_options(ImageTraining(crop_padding=1))


@pytest.fixture(scope="module")
def make_training(space, train, task):
    """Builds a training that counts how often its judge is traced."""

    def make(form="switch", **options):
        traces = []

        def judge(run, inputs):
            traces.append(1)
            return {"mean": run(task.prepare(inputs)).mean()}

        training = PopulationTraining(
            build_supernet(space, form),
            OPTIONS,
            TrainingBatches.of(train, task, OPTIONS.batch_size),
            judge,
            jnp.asarray(train.inputs[:5]),
            **options,
        )
        return training, traces

    return make


def train_alone(supernet, train, task, candidate):
    """Trains a candidate by today's retraining; returns its (params, stats)."""
    weights = supernet.init(candidate.weights_key)
    model = StandaloneModel(supernet.cut(*weights, candidate.arch))
    options = RetrainOptions(**vars(OPTIONS) | {"epochs": EPOCHS})
    batches = TrainingBatches.of(train, task, options.batch_size)
    optimizer = make_optimizer(options, batches.steps_per_epoch)
    order_key, steps_key = jax.random.split(candidate.batches_key)
    state = initial_retrain_state(model, task, optimizer)
    step = make_retrain_step(model, optimizer, options, batches, steps_key)
    for epoch in range(EPOCHS):
        order = epoch_order(order_key, epoch, batches.num_examples)
        for _ in range(batches.steps_per_epoch):
            state = step(state, order)
    return nnx.to_pure_dict(state.params), nnx.to_pure_dict(state.stats)


@pytest.fixture(scope="module")
def trained_alone(supernet, train, task):
    """Weights of an architecture that was trained alone; each is trained once."""
    return functools.cache(
        lambda arch, same: train_alone(
            supernet, train, task, *candidates_of([arch], same_batches=same)
        )
    )


def train_all(training, candidates, **options):
    found = {}
    training.train(candidates, EPOCHS, tell=found.__setitem__, **options)
    return [found[number] for number in range(len(candidates))]


@pytest.mark.slow
@pytest.mark.parametrize(("form", "same"), [("switch", True), ("padded", False)])
def test_together_as_each_alone(make_training, trained_alone, supernet, form, same):
    """Weights and statistics after 9 steps, to 1e-5 of the largest of an array."""
    training, _ = make_training(form, same_batches=same, at_once=2)
    candidates = candidates_of(ARCHS, same_batches=same)
    together = train_all(training, candidates, keep_weights=True)
    for arch, trained in zip(ARCHS, together, strict=True):
        assert_as_alone(supernet, arch, trained, trained_alone(arch, same))


def assert_as_alone(supernet, arch, trained, alone, least=1e-3):
    """Losses fall, and weights and statistics are those of (params, stats)."""
    assert len(trained.losses) == EPOCHS and trained.losses[-1] < trained.losses[0]
    fresh = supernet.init(jax.random.key(0))
    weights = [
        put_path(slots, np.array(arch), path)
        for slots, path in zip(fresh, trained.weights, strict=True)
    ]
    parts = nnx.split(supernet.cut(*weights, arch), nnx.Param, nnx.BatchStat)
    for got, want in zip(parts[1:], alone, strict=True):
        got = nnx.to_pure_dict(got)
        assert jax.tree.structure(got) == jax.tree.structure(want)
        jax.tree.map(functools.partial(assert_close, least=least), got, want)


def assert_close(got, want, least):
    scale = max(float(np.abs(want).max()), least)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * scale)


@pytest.fixture(scope="module")
def switching(make_training):
    """One training for several tests, and its traces."""
    return make_training("switch", at_once=2)


def test_lengths_and_architectures_share_a_program(switching):
    training, traces = switching
    alone = train_all(training, candidates_of(ARCHS[:1]))
    short: dict[int, Trained] = {}
    asked = candidates_of([ARCHS[0], (0, 0), (1, 1)])
    training.train(asked, 1, tell=short.__setitem__)
    assert [len(short[number].losses) for number in range(3)] == [1, 1, 1]
    assert len(traces) == 1
    # Neither company nor what was trained before makes a difference.
    again = train_all(training, candidates_of([(2, 0), ARCHS[0]]))[1]
    assert (again.losses, again.found) == (alone[0].losses, alone[0].found)
    # A shorter training is none that was cut off: its learning rate goes down sooner.
    rates = training._rates(3)
    assert rates[0, 0] == training._rates(1)[0, 0] == np.float32(0.1)
    assert rates[0, 2] > 3 * training._rates(1)[0, 2]
    assert short[0].losses[0] != alone[0].losses[0]


def test_a_stop_loses_nothing_that_was_finished(switching):
    training, _ = switching
    candidates = candidates_of([(op, other) for op in range(3) for other in range(2)])
    told: dict[int, Trained] = {}
    with pytest.raises(Stopped):
        training.train(
            candidates, EPOCHS, tell=told.__setitem__, should_stop=lambda: len(told) > 0
        )
    assert 0 < len(told) < len(candidates)
    left = [number for number in range(len(candidates)) if number not in told]
    rest = train_all(training, [candidates[number] for number in left])
    whole = train_all(training, candidates)
    for number, trained in [*told.items(), *zip(left, rest, strict=True)]:
        assert trained.losses == whole[number].losses
        assert trained.found == whole[number].found


@contextlib.contextmanager
def no_silent_copies():
    """Copies between host and device must be asked for, in all threads."""
    before = jax.config.jax_transfer_guard
    jax.config.update("jax_transfer_guard", "disallow")
    try:
        yield
    finally:
        jax.config.update("jax_transfer_guard", before)


@pytest.mark.parametrize("form", ["switch", "padded"])
def test_only_what_is_asked_for_is_copied(make_training, switching, form):
    """Once programs are compiled, from the first weights to the last metric."""
    training, _ = switching if form == "switch" else make_training(form, at_once=2)
    candidates = candidates_of([*ARCHS, (0, 0)])
    wanted = train_all(training, candidates)
    with no_silent_copies():
        found = train_all(training, candidates, keep_weights=True)
    for one, other in zip(found, wanted, strict=True):
        assert (one.losses, one.found) == (other.losses, other.found)


def test_memory_of_a_network_grows_with_the_batch(make_training):
    """The first layer alone keeps its input, 8 x 8 x 4 values an image."""
    training, _ = make_training("padded")
    small = training.bytes_of_a_network()
    weights = training._supernet.init(jax.random.key(0))
    assert small > 4 * OPTIONS.batch_size * 8 * 8 * 4 + sum(
        row.nbytes for row in jax.tree.leaves(weights)[:1]
    )
    training._batches = training._batches.replace(batch_size=16)
    assert 1.5 * small < training.bytes_of_a_network() < 2.5 * small


def test_values_of_blocks_take_half_the_memory_in_half_the_precision(
    make_training, supernet
):
    """Master weights, momenta and statistics stay as they are."""
    training, _ = make_training("padded")
    exact = training.bytes_of_a_network()
    training._options = dataclasses.replace(OPTIONS, precision="bfloat16")
    half = training.bytes_of_a_network()
    # A state has weights and momenta of a path, rows of the largest op each.
    params, stats = jax.eval_shape(
        lambda: [
            take_path(slots, jnp.zeros(2, int))
            for slots in supernet.init(jax.random.key(0))
        ]
    )
    state = sum(leaf.size * 4 for leaf in jax.tree.leaves((params, params, stats)))
    assert state < half and 0.4 < (half - state) / (exact - state) < 0.8


@pytest.mark.parametrize(
    ("free", "at_once", "devices", "asked", "networks"),
    [
        (None, 0, 1, 6, 6),  # a CPU does not say
        (10.0, 0, 1, 6, 5),  # half of what is free has room for five
        (10.0, 0, 1, 3, 3),
        (1.0, 0, 1, 6, 1),  # one is tried, whatever there is
        (10.0, 2, 1, 6, 2),  # what the user says counts
        (1.0, 4, 2, 6, 2),  # on each of two devices
        (10.0, 0, 2, 5, 3),
        (4.0, 0, 2, 12, 2),
    ],
)
def test_a_call_has_as_many_networks_as_memory_has_room_for(
    make_training, monkeypatch, free, at_once, devices, asked, networks
):
    """Free memory in units of what a step keeps of a network."""
    training, _ = make_training("padded", at_once=at_once)
    training._devices = Devices(devices)
    monkeypatch.setattr(training, "bytes_of_a_network", lambda: 1000)
    monkeypatch.setattr(population, "free_bytes", lambda: free and 1000 * free)
    assert training._networks_of_a_call(asked) == networks


class Poisoned(ImageClassification):
    """The loss of one batch is no number."""

    poison: jax.Array = struct.field(default=None)

    def loss(self, outputs, targets):
        found = super().loss(outputs, targets)
        return jnp.where((targets == self.poison).all(), jnp.nan, found)


def test_a_step_without_finite_numbers_is_left_out(space, train, task):
    candidates = candidates_of(ARCHS[:1])
    order_key, _ = jax.random.split(candidates[0].batches_key)
    second = epoch_order(order_key, 1, len(train))[8:16]
    fields = {name: getattr(task, name) for name in task.__dataclass_fields__}

    def trained(poison):
        training = PopulationTraining(
            build_supernet(space, "switch"),
            OPTIONS,
            TrainingBatches.of(
                train, Poisoned(**fields, poison=poison), OPTIONS.batch_size
            ),
            lambda run, inputs: {"mean": run(task.prepare(inputs)).mean()},
            train.inputs[:5],
        )
        (found,) = train_all(training, candidates)
        return found

    healed = trained(jnp.asarray(train.targets)[second])
    assert healed.trouble == Trouble(skipped=1) and not healed.diverged
    assert np.isfinite(healed.losses).all() and np.isfinite(healed.found["mean"])
    healthy = trained(jnp.full(8, -1))
    assert healthy.trouble == Trouble()
    assert healed.losses[0] == pytest.approx(healthy.losses[0], rel=1e-5)
    assert healed.losses[2] != healthy.losses[2]


def test_the_longest_row_of_failures():
    row = np.array([1, 0, 1, 1, 0, 1, 1, 1, 0], bool)
    assert second_training._longest_row(row) == (5, 3)
    assert second_training._longest_row(~row[:0]) == (0, 0)


@pytest.mark.parametrize("form", ["switch", "padded"])
def test_fewer_at_the_same_time_where_memory_runs_out(make_training, form, caplog):
    """With XLA's own error, of an allocation that no machine has room for."""
    training, _ = make_training(form, at_once=2)
    wanted = train_all(training, candidates_of(ARCHS))
    asked = []
    run, most = training._train_block, 1

    def limited(programs, block, *rest):
        at_once = training._width if form == "padded" else training._workers
        asked.append(at_once)
        if at_once > most:
            jnp.zeros(2**50).block_until_ready()
        return run(programs, block, *rest)

    training._train_block = limited
    absl_logger = python_logging.getLogger("absl")
    absl_logger.addHandler(caplog.handler)
    try:
        found = train_all(training, candidates_of(ARCHS))
    finally:
        absl_logger.removeHandler(caplog.handler)
    assert set(asked) == {2, 1}
    assert "out of memory with 2 at the same time, from now on 1" in caplog.text
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.losses, other.losses, rtol=1e-4)
    most = 0
    with pytest.raises(UserError, match="out of memory with one at a time; take a ba"):
        train_all(training, candidates_of(ARCHS))
