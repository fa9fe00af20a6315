"""Training one stand-alone network from scratch, as a user would deploy it.

The network is static: it is compiled for its architecture. The validation split picks
the epoch that is kept; the test split is not seen here.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx, struct

from qnas_jax.kernels import jit_network
from qnas_jax.nets import set_mode
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.loop import Totals
from qnas_jax.training.loss import smoothed_cross_entropy
from qnas_jax.training.options import RetrainOptions


class RetrainState(struct.PyTreeNode):
    """All that retraining needs to go on, as one tree of arrays.

    Attributes:
      params: the network's parameters.
      stats: its running statistics.
      moments: state of the optimiser.
      average: moving average of (params, stats); equal to them if switched off.
      best: (params, stats) with the best validation accuracy so far.
      best_accuracy: float32 in [0, 1], -1 before the first validation.
      totals: sums of the present epoch.
      step: int32, steps finished.
    """

    params: Any
    stats: Any
    moments: Any
    average: Any
    best: Any
    best_accuracy: jax.Array
    totals: Totals
    step: jax.Array


class StandaloneModel:
    """The static part of a network: how to run it on its arrays."""

    def __init__(self, subnet: nnx.Module):
        """Takes a network apart.

        Args:
          subnet: a network as `nets.Supernet.cut` makes it; its arrays become the
            initial ones.
        """
        set_mode(subnet, "running")
        parts: Any = nnx.split(subnet, nnx.Param, nnx.BatchStat)
        self._eval_graph, self.params, self.stats = parts
        set_mode(subnet, "train")
        self._train_graph = nnx.graphdef(subnet)

    def predict(self, params: Any, stats: Any, images: jax.Array) -> jax.Array:
        """Logits [N, classes] of normalised images [N, H, W, C]."""
        return nnx.merge(self._eval_graph, params, stats)(images)

    def train(
        self, params: Any, stats: Any, images: jax.Array, drop_path: float, key: Any
    ) -> tuple[jax.Array, Any]:
        """Logits [N, classes] and the new running statistics; the key is consumed."""
        # Fresh variables: those of an outer trace must not be changed in an inner one.
        stats = jax.tree.map(lambda value: value, stats)
        model = nnx.merge(self._train_graph, params, stats)
        logits = model(images, drop_path=drop_path, key=key)
        return logits, nnx.state(model, nnx.BatchStat)


def initial_retrain_state(
    model: StandaloneModel, optimizer: optax.GradientTransformation
) -> RetrainState:
    """The state before the first step, with the model's initial weights."""

    def copy() -> Any:
        return jax.tree.map(jnp.copy, (model.params, model.stats))

    params, stats = copy()
    return RetrainState(
        params=params,
        stats=stats,
        moments=optimizer.init(params),
        average=copy(),
        best=copy(),
        best_accuracy=jnp.asarray(-1.0, jnp.float32),
        totals=Totals.zero(),
        step=jnp.zeros((), jnp.int32),
    )


def make_retrain_step(
    model: StandaloneModel,
    optimizer: optax.GradientTransformation,
    options: RetrainOptions,
    batches: TrainingBatches,
    key: jax.Array,
) -> Callable[[RetrainState, jax.Array], RetrainState]:
    """Builds the step function for `run_epochs`.

    Args:
      model: the network.
      optimizer: the optimiser.
      options: smoothing, drop-path, moving average.
      batches: the training split.
      key: root of all randomness of the steps; only folded.

    Returns:
      (state, order) -> state, jitted; the state is donated.
    """

    def loss_fn(
        params: Any, stats: Any, images: jax.Array, labels: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, Any]]:
        logits, stats = model.train(params, stats, images, options.drop_path, key)
        loss = smoothed_cross_entropy(logits, labels, options.label_smoothing)
        return loss, (logits, stats)

    @functools.partial(jit_network, donate_argnums=0)
    def step(
        state: RetrainState, order: jax.Array, batches: TrainingBatches
    ) -> RetrainState:
        step_key = jax.random.fold_in(key, state.step)
        augment_key, drop_key = jax.random.split(step_key)
        images, labels = batches.take(augment_key, order, state.step)
        (loss, (logits, stats)), gradient = jax.value_and_grad(loss_fn, has_aux=True)(
            state.params, state.stats, images, labels, drop_key
        )
        updates, moments = optimizer.update(gradient, state.moments, state.params)
        params = optax.apply_updates(state.params, updates)
        return state.replace(
            params=params,
            stats=stats,
            moments=moments,
            average=_moving_average(state, (params, stats), options.ema_decay),
            totals=state.totals.add(loss, logits, labels),
            step=state.step + 1,
        )

    return lambda state, order: step(state, order, batches)


def _moving_average(state: RetrainState, newest: Any, decay: float) -> Any:
    """Exponential average whose decay grows to its value over the first steps."""
    ramp = (1.0 + state.step) / (10.0 + state.step)
    rate = jnp.minimum(decay, ramp)
    return jax.tree.map(lambda a, b: rate * a + (1 - rate) * b, state.average, newest)


def keep_best(state: RetrainState, accuracy: float) -> RetrainState:
    """Keeps the averaged weights if their validation accuracy is the best so far."""
    if not accuracy > float(state.best_accuracy):  # NaN never wins
        return state
    return state.replace(
        best=jax.tree.map(jnp.copy, state.average),
        best_accuracy=jnp.asarray(accuracy, jnp.float32),
    )
