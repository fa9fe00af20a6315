"""Training one stand-alone network from scratch, as a user would deploy it.

The network is static: it is compiled for its architecture. The validation split picks
the epoch that is kept; the test split is not seen here.

With `precision` bfloat16 the parameters are cast inside the loss, all but those behind
the mean over the pixels, and so are the inputs: values and products are bfloat16, while
weights, gradients, moments and the loss are float32. Batch normalisation of Flax takes
its means, keeps its statistics and normalises in float32 (Micikevicius et al. 2018).
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx, struct

from qnas_jax.devices import Devices
from qnas_jax.nets import set_mode
from qnas_jax.nets.non_finite import non_finite_place
from qnas_jax.options import option
from qnas_jax.tasks import Task
from qnas_jax.training.batches import TrainingBatches
from qnas_jax.training.loop import StepFn, Totals, in_one_call
from qnas_jax.training.optimizer import StagedTrainingOptions


@dataclasses.dataclass(frozen=True)
class RetrainOptions(StagedTrainingOptions):
    """Training of stand-alone networks from scratch.

    Raises:
      OptionError: a value is not allowed.
    """

    ema_decay: float = option(
        0.0, "decay of the weights' moving average; 0 is off", low=0, below=1
    )
    drop_path: float = option(
        0.0, "probability of leaving out the last residual layer", low=0, below=1
    )
    learning_rates: tuple[float, ...] = option(
        (),
        "peak learning rates that every network is tried at before, the hand-made ones "
        "too: it is trained with the one that was best on the validation split; empty: "
        "all with learning_rate",
        of=float,
        above=0,
    )
    trial_epochs: int = option(
        0, "epochs of each of these trials; 0: as many as of the training", low=0
    )
    kept_by: str = option(
        "",
        "validation metric that chooses the epoch whose weights are kept; empty: the "
        "task's score. Few examples have the same accuracy in many epochs, not the "
        "same loss",
    )
    compare: bool = option(
        True, "also retrain the task's baselines for comparison: the largest subnet"
    )
    random_picks: int = option(
        1,
        "random subnets with the winner's multiply-accumulates that are retrained: "
        "whether the search was worth it",
        low=0,
    )
    front: int = option(
        0,
        "further networks of the front that are trained, where there are several "
        "objectives: its knees, then evenly by cost",
        low=0,
    )
    baselines: tuple[str, ...] = option(
        (),
        "what is trained beside the winner: hand-made networks of images (resnet20, "
        "densenet22, mobilenet_v2, other depths likewise), of series (fcn, resnet, "
        "inception_time) or of text (lstm, transformer), and what has no network: of "
        "series euclidean_1nn, dtw_1nn, rocket, of sentences bag_of_words, of running "
        "text unigram, bigram, trigram",
        of=str,
    )
    baselines_fit: bool = option(
        True,
        "narrow them until they keep the limits on parameters and "
        "multiply-accumulates, or, without any, the winner's multiply-accumulates; of "
        "text those on parameters, or the winner's parameters",
    )


class RetrainState(struct.PyTreeNode):
    """All that retraining needs to go on, as one tree of arrays.

    Attributes:
      params: the network's parameters.
      stats: its running statistics.
      moments: state of the optimiser.
      average: moving average of (params, stats); equal to them if switched off.
      best: (params, stats) with the best validation score so far.
      best_score: float32 [], maximised; -inf before the first validation.
      totals: sums of the present epoch.
      step: int32 [], steps finished.
    """

    params: Any
    stats: Any
    moments: Any
    average: Any
    best: Any
    best_score: jax.Array
    totals: Totals
    step: jax.Array


class StandaloneModel:
    """The static part of a network: how to run it on its arrays."""

    def __init__(self, subnet: Any):
        """Takes a network apart.

        Args:
          subnet: a network as `nets.Supernet.cut` makes it; its arrays become the
            initial ones.
        """
        self._exact_from = subnet.exact_from
        set_mode(subnet, "running")
        parts: Any = nnx.split(subnet, nnx.Param, nnx.BatchStat)
        self._eval_graph, self.params, self.stats = parts
        set_mode(subnet, "train")
        self._train_graph = nnx.graphdef(subnet)

    def predict(self, params: Any, stats: Any, inputs: jax.Array) -> jax.Array:
        """Outputs [N, ...] for prepared inputs [N, ...]."""
        return nnx.merge(self._eval_graph, params, stats)(inputs)

    def in_precision(self, params: Any, precision: str) -> Any:
        """Parameters cast, but for those of the mean over the pixels and behind it."""

        def cast(path: Any, values: jax.Array) -> jax.Array:
            part, place = (getattr(key, "key", None) for key in path[:2])
            behind = part == "head" and place >= self._exact_from
            return values if behind else values.astype(precision)

        return jax.tree_util.tree_map_with_path(cast, params)

    def train(
        self, params: Any, stats: Any, inputs: jax.Array, drop_path: float, key: Any
    ) -> tuple[jax.Array, Any]:
        """Outputs [N, ...] of inputs [N, ...], and the new running statistics.

        Args:
          params: the network's parameters.
          stats: its running statistics.
          inputs: [N, ...] as networks see them.
          drop_path: the largest probability that a branch is left out.
          key: consumed; None will do without drop-path.
        """
        model = self.in_training(params, stats)
        outputs = model(inputs, drop_path=drop_path, key=key)
        return outputs, nnx.state(model, nnx.BatchStat)

    def in_training(self, params: Any, stats: Any) -> Any:
        """The network with these arrays, as it is trained."""
        # Fresh variables: those of an outer trace must not be changed in an inner one.
        stats = jax.tree.map(lambda value: value, stats)
        return nnx.merge(self._train_graph, params, stats)


def initial_retrain_state(
    model: StandaloneModel, task: Task, optimizer: optax.GradientTransformation
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
        best_score=jnp.asarray(-jnp.inf, jnp.float32),
        totals=Totals.zero(task),
        step=jnp.zeros((), jnp.int32),
    )


def make_retrain_step(
    model: StandaloneModel,
    optimizer: optax.GradientTransformation,
    options: RetrainOptions,
    batches: TrainingBatches,
    key: jax.Array,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
) -> StepFn:
    """Builds the step function for `run_epochs`.

    Args:
      model: the network.
      optimizer: the optimiser.
      options: drop-path, moving average.
      batches: the training split, and the task with its loss.
      key: root of all randomness of the steps; only folded.
      devices: among which the examples of a batch are divided.

    Returns:
      (state, order, count=1) -> state, see `in_one_call`.
    """

    def loss_fn(
        params: Any,
        stats: Any,
        task: Task,
        batch: tuple[jax.Array, jax.Array],
        key: jax.Array,
    ) -> tuple[jax.Array, tuple[jax.Array, Any]]:
        inputs, targets = batch
        if options.precision != "float32":
            params = model.in_precision(params, options.precision)
            inputs = inputs.astype(options.precision)
        outputs, stats = model.train(params, stats, inputs, options.drop_path, key)
        return task.loss(outputs, targets), (outputs, stats)

    def gradient_fn(whole: Any, batch: tuple[jax.Array, jax.Array]) -> Any:
        params, stats, task, key = whole
        (loss, (outputs, stats)), gradient = jax.value_and_grad(loss_fn, has_aux=True)(
            params, stats, task, batch, key
        )
        return (loss, stats, gradient), outputs

    def step(
        state: RetrainState, order: jax.Array, batches: TrainingBatches, key: jax.Array
    ) -> RetrainState:
        task = batches.task
        batch, drop_key = _drawn(state, order, batches, key)
        (loss, stats, gradient), outputs = devices.over_examples(gradient_fn)(
            (state.params, state.stats, task, drop_key), batch
        )
        updates, moments = optimizer.update(gradient, state.moments, state.params)
        params = optax.apply_updates(state.params, updates)
        return state.replace(
            params=params,
            stats=stats,
            moments=moments,
            average=_moving_average(state, (params, stats), options.ema_decay),
            totals=state.totals.add(task, loss, outputs, batch[1]),
            step=state.step + 1,
        )

    return in_one_call(step, batches, key, devices=devices)


def _drawn(
    state: RetrainState, order: jax.Array, batches: TrainingBatches, key: jax.Array
) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    """The batch of a step, and the key of what is dropped in it."""
    step_key = jax.random.fold_in(key, state.step)
    augment_key, drop_key = jax.random.split(step_key)
    return batches.take(augment_key, order, state.step), drop_key


def failing_place(
    model: StandaloneModel,
    batches: TrainingBatches,
    key: jax.Array,
    state: RetrainState,
    order: jax.Array,
) -> str:
    """Where in the network a step's numbers begin not to be finite.

    Args:
      model: the network.
      batches: the training split.
      key: as for `make_retrain_step`.
      state: before the step.
      order: int32 [N], of the examples of its epoch.

    Returns:
      The place in words, "" if all numbers are finite in float32 with nothing dropped.
    """
    (inputs, targets), _ = _drawn(state, order, batches, key)
    network = model.in_training(state.params, state.stats)
    loss = functools.partial(batches.task.loss, targets=targets)
    return non_finite_place(network, inputs, loss)


def _moving_average(state: RetrainState, newest: Any, decay: float) -> Any:
    """Exponential average whose decay grows to its value over the first steps."""
    ramp = (1.0 + state.step) / (10.0 + state.step)
    rate = jnp.minimum(decay, ramp)
    return jax.tree.map(lambda a, b: rate * a + (1 - rate) * b, state.average, newest)


def keep_best(state: RetrainState, score: float) -> RetrainState:
    """Keeps the averaged weights if their validation score is the best so far."""
    if not score > float(state.best_score):  # NaN never wins
        return state
    return state.replace(
        best=jax.tree.map(jnp.copy, state.average),
        best_score=jnp.asarray(score, jnp.float32),
    )
