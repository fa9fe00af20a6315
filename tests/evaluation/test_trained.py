"""Candidates trained from scratch as an evaluator: what is recorded, kept and drawn."""

import re

import jax
import numpy as np
import pytest
from flax import nnx

from qnas_jax.data import image_split, on_device
from qnas_jax.evaluation import MemoisedEvaluator, ScoreOf
from qnas_jax.evaluation.trained import (
    CandidateOptions,
    TrainedEvaluator,
    measure_on_split,
)
from qnas_jax.nets import OPS, build_supernet
from qnas_jax.options import OptionError
from qnas_jax.spaces import Layer, NetworkSpace, fixed, op
from qnas_jax.status import Status
from qnas_jax.stopping import Stopped
from qnas_jax.tasks import ImageClassification, ImageTraining
from qnas_jax.training import PopulationTraining, TrainingBatches
from qnas_jax.user_code.kept_outcomes import KeptOutcomes

LENGTHS = {"fidelities": (1, 2), "epochs": 4}
DIVERGES = 2  # the op that does


class Explosive(nnx.Module):
    """A gain whose first step leads out of float32."""

    def __init__(self, in_features, out_features, stride, *, rngs):
        self.gain = nnx.Param(jax.numpy.ones(in_features))

    def __call__(self, images):
        return images + 1e30 * (self.gain[None, None, None] - 1.0) * images


@pytest.fixture(scope="module")
def parts():
    """A training of networks of 3 x 2 ops, and what it is judged by."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OPS, "explosive", Explosive)
        ops = (
            op("conv", "conv", kernel=1),
            op("skip", "skip"),
            op("bang", "explosive"),
        )
        space = NetworkSpace(
            name="tiny",
            layers=(
                Layer(4, 4, 1, ops),
                Layer(4, 6, 2, (op("wide", "conv"), op("point", "conv", kernel=1))),
            ),
            stem=(fixed(1, 4, 1, "conv"),),
            head=(fixed(6, 6, 1, "global_average"), fixed(6, 3, 1, "classifier")),
            input_shape=(6, 6, 1),
            num_classes=3,
        )
        rng = np.random.default_rng(0)
        targets = np.arange(24, dtype=np.int32) % 3
        pixels = 60 * targets[:, None, None, None] + rng.integers(0, 90, (24, 6, 6, 1))
        split = image_split(pixels.astype(np.uint8), targets)
        task = ImageClassification(
            mean=np.float32([0.4]),
            std=np.float32([0.3]),
            input_shape=(6, 6, 1),
            num_outputs=3,
        )
        options = CandidateOptions(batch_size=8, learning_rate=0.1, **LENGTHS)
        training = PopulationTraining(
            build_supernet(space),
            options,
            TrainingBatches.of(
                split, task.with_options(ImageTraining(label_smoothing=0.0)), 8
            ),
            measure_on_split,
            (task, *on_device(split)),
            at_once=2,
        )
        yield training, options, ScoreOf.of(task)


@pytest.fixture
def make(parts):
    def make(**changed):
        return TrainedEvaluator(*parts, jax.random.key(0), **changed)

    return make


ARCHS = np.array([[0, 0], [1, 1], [DIVERGES, 0], [0, 1]], np.int32)


def test_what_diverges_is_recorded_and_never_wins(make):
    evaluator = make()
    memo = MemoisedEvaluator(evaluator, lambda archs: {"params": np.ones(len(archs))})
    _, scores = memo(jax.random.key(1), ARCHS)
    assert np.isfinite(scores).tolist() == [True, True, False, True]
    assert scores[2] == -np.inf and max(scores) > 0.5
    row = memo.history[2]
    assert row.status == "non_finite" and np.isnan(row.metrics["accuracy"])
    assert re.fullmatch(
        r"step \d+ \(epoch \d\) and those after it give no finite numbers, also at "
        "0.001 times the learning rate: what comes out of layer 0 is not finite",
        row.reason,
    )
    assert row.costs["epochs"] == 4 and row.costs["seconds"] > 0
    assert set(memo.history[0].metrics) == {
        "accuracy",
        "loss",
        "balanced_accuracy",
        "macro_f1",
    }


def test_epochs_are_the_fidelity(make):
    evaluator = make()
    assert evaluator.fidelities == ("1", "2", "4")
    places = np.array([0, 2, 1, 2])
    mixed = evaluator(None, ARCHS[[0, 0, 1, 1]], places)
    assert mixed.costs["epochs"].tolist() == [1, 4, 2, 4]
    losses = np.asarray(mixed.metrics["loss"])
    assert losses[1] < losses[0] and losses[3] < losses[2]
    # What is drawn depends on neither company, nor order, nor the asker's key.
    whole = evaluator(jax.random.key(7), ARCHS[::-1])
    np.testing.assert_array_equal(
        np.asarray(whole.metrics["loss"])[[3, 2]], losses[[1, 3]]
    )
    assert whole.status.tolist() == [Status.OK, Status.NON_FINITE, *[Status.OK] * 2]


def test_orders_of_their_own(parts, make):
    training, options, score = parts
    own = CandidateOptions(**vars(options) | {"same_batches": False})
    evaluator = TrainedEvaluator(training, own, score, jax.random.key(0))
    for each, distinct in ((make(), 1), (evaluator, 2)):
        keys = [each._candidate(arch).batches_key for arch in ((0, 1), (1, 0))]
        data = [jax.random.key_data(key).tolist() for key in keys]
        assert len(set(map(tuple, data))) == distinct


def test_what_was_trained_before_a_stop_is_not_trained_again(
    make, parts, tmp_path, monkeypatch
):
    """Also the failure, and what another length of the same network gives is not it."""
    training, *_ = parts
    wanted = make()(None, ARCHS)
    path = tmp_path / "outcomes.jsonl"
    stopped = make(kept=KeptOutcomes(path), should_stop=path.exists)
    with pytest.raises(Stopped):
        stopped(None, ARCHS[[2, 0, 1, 3]])
    done = len(path.read_text().splitlines())
    assert 0 < done < 4
    asked: list[int] = []
    train = PopulationTraining.train

    def counted(self, candidates, *arguments, **options):
        asked.append(len(candidates))
        train(self, candidates, *arguments, **options)

    monkeypatch.setattr(PopulationTraining, "train", counted)
    again = make(kept=KeptOutcomes(path))
    found = again(None, ARCHS)
    assert asked == [4 - done]
    for name, values in wanted.metrics.items():
        np.testing.assert_array_equal(found.metrics[name], values)
    assert found.reasons == wanted.reasons and found.status.tolist()[2] > 0
    again(None, ARCHS[:1], np.array([0]))
    assert asked[1:] == [1]


def test_lengths_must_grow():
    for shorter, epochs in (((2, 2), 4), ((3, 1), 4), ((4,), 4)):
        message = f"fidelities: got .*, allowed: numbers that grow .* is {epochs}"
        with pytest.raises(OptionError, match=message):
            CandidateOptions(fidelities=shorter, epochs=epochs)
