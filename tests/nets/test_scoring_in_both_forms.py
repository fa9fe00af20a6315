"""Scores of a population do not depend on the form of the supernet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.evaluation import ScoringOptions, make_population_scorer
from qnas_jax.kernels import force_implementation
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import CellSpace, NetworkSpace, chain, fixed, op
from qnas_jax.tasks import ImageClassification

SHAPE = (4, 4, 1)
OPS = (
    op("skip", "skip"),
    op("mb2_k3_se", "mbconv", kernel=3, expansion=2, attention="se"),
)
SPACES = {
    "chain": NetworkSpace(
        name="chain",
        layers=chain(2, [(4, 2), (4, 1)], OPS),
        stem=(fixed(1, 2, 1, "conv", kernel=1),),
        head=(fixed(4, 4, 1, "global_average"), fixed(4, 3, 1, "classifier")),
        input_shape=SHAPE,
        num_classes=3,
    ),
    "cells": CellSpace("cells", SHAPE, 3, num_nodes=2, features=2, stages=1, cells=2),
}


@pytest.mark.parametrize("name", SPACES)
def test_recalibrated_scores(name):
    """Statistics from two batches for each network, then scores in chunks."""
    space = SPACES[name]
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(build_supernet(space).init, jax.random.key(0))
    weights = jax.tree.map(
        lambda row: jnp.float32(0.5 * rng.standard_normal(row.shape)), shapes
    )  # running statistics are not read
    pixels = jnp.asarray(rng.integers(0, 256, (20, *SHAPE)), jnp.uint8)
    labels = jnp.asarray(rng.integers(0, 3, 20), jnp.int32)
    archs = rng.integers(space.num_ops, size=(4, space.num_layers))
    task = ImageClassification(
        mean=jnp.full(1, 0.5),
        std=jnp.full(1, 0.25),
        input_shape=SHAPE,
        num_outputs=3,
    )
    options = ScoringOptions(
        statistics="recalibrate", score_chunk=8, calibration_batch=10
    )
    with force_implementation("reference"):
        switched, padded = (
            make_population_scorer(build_supernet(space, form), task, options, pixels)(
                weights, archs, pixels, labels
            )
            for form in ("switch", "padded")
        )
    np.testing.assert_array_equal(padded["accuracy"], switched["accuracy"])
    np.testing.assert_allclose(padded["loss"], switched["loss"], rtol=1e-5)
    assert np.unique(np.asarray(switched["loss"])).size > 1
