"""Networks of other kinds than chains for images are trained side by side as alone."""

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.data import Split, image_split
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import CellSpace, Layer, NetworkSpace, fixed, op
from qnas_jax.tasks import ImageClassification, SeriesClassification
from qnas_jax.training import PopulationTraining, TrainingBatches
from tests.training.test_population import (
    OPTIONS,
    assert_as_alone,
    candidates_of,
    train_all,
    train_alone,
)

LABELS = np.random.default_rng(0).integers(0, 3, 25).astype(np.int32)


def cells():
    """Two cells of three nodes for images of 4 x 4."""
    space = CellSpace("cells", (4, 4, 1), 3, num_nodes=3, stages=1, cells=2, features=4)
    images = np.random.default_rng(1).integers(0, 256, (25, 4, 4, 1)).astype(np.uint8)
    task = ImageClassification(
        mean=jnp.float32([0.4]),
        std=jnp.float32([0.3]),
        input_shape=space.input_shape,
        num_outputs=3,
    )
    return space, image_split(images, LABELS), task, [(3, 2, 1), (2, 4, 3)]


def series():
    """Two layers for series of 16 steps, one that halves the time."""
    ops = (
        op("conv5", "series_conv", kernel=5),
        op("separable", "series_separable", kernel=3),
        op("skip", "series_skip"),
    )
    space = NetworkSpace(
        name="steps",
        layers=(Layer(4, 4, 1, ops), Layer(4, 6, 2, ops[:2])),
        stem=(fixed(2, 4, 1, "series_conv", kernel=3),),
        head=(fixed(6, 6, 1, "global_average"), fixed(6, 3, 1, "classifier")),
        input_shape=(16, 2),
        num_classes=3,
    )
    values = np.random.default_rng(1).standard_normal((25, 16, 2), np.float32)
    task = SeriesClassification(
        mean=jnp.zeros(2),
        std=jnp.ones(2),
        input_shape=(16, 2),
        num_outputs=3,
        masked=False,
    )
    return space, Split(values, LABELS), task, [(0, 1), (1, 0)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "form"), [(cells, "padded"), (cells, "switch"), (series, "padded")]
)
def test_together_as_each_alone(kind, form):
    """Weights and statistics after 9 steps, to 1e-5 of the largest of an array.

    What sums of normalised values have for a mean is 0 but for rounding.
    """
    space, train, task, archs = kind()
    supernet = build_supernet(space, form)
    training = PopulationTraining(
        supernet,
        OPTIONS,
        TrainingBatches.of(train, task, OPTIONS.batch_size),
        lambda run, inputs: {"mean": run(task.prepare(inputs)).mean()},
        jnp.asarray(train.inputs[:5]),
        at_once=2,
    )
    candidates = candidates_of(archs)
    together = train_all(training, candidates, keep_weights=True)
    for candidate, trained in zip(candidates, together, strict=True):
        alone = train_alone(supernet, train, task, candidate)
        assert_as_alone(supernet, candidate.arch, trained, alone, least=1e-2)
