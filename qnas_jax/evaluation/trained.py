"""Candidates trained from scratch, as an evaluator: no weights are shared.

A score is the task's metric on the validation split at the end of a training. Networks
train side by side in one program for the whole space (`training/population.py`), and
each as it would alone, so there is no bias of weight sharing.

Epochs are the fidelity: `--config.train.fidelities=5,10` are shorter trainings for
strategies that climb from cheap evaluations to expensive ones. Each fidelity trains
anew, with a schedule of its own length: a learning rate that has gone down to zero is
no place to go on from, and so an evaluation does not depend on those before it.

Weights and batches are drawn from the run's seed: an architecture is trained from the
same weights whenever it is asked for, and all see the same batches in the same order
unless `same_batches` says otherwise. A training that diverges ends, is recorded with
its epoch, and never wins. Trainings that were finished when a run was stopped are kept.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np
from absl import logging

from qnas_jax.devices import Devices
from qnas_jax.evaluation.evaluator import Evaluated, ScoreOf
from qnas_jax.evaluation.measuring import Metrics, measure
from qnas_jax.evaluation.spec import EvaluatorSpec, Networks, Parts
from qnas_jax.nets import FORMS, build_supernet, resolve_form
from qnas_jax.options import OptionError, option
from qnas_jax.status import Status
from qnas_jax.tasks import Task
from qnas_jax.training import (
    Candidate,
    PopulationTraining,
    Run,
    Trained,
    TrainingBatches,
    TrainingOptions,
    Trouble,
)
from qnas_jax.user_code.calls import Outcome
from qnas_jax.user_code.kept_outcomes import KeptOutcomes


@dataclasses.dataclass(frozen=True)
class CandidateOptions(TrainingOptions):
    """How candidates are trained, and how many at a time.

    Raises:
      OptionError: a value is not allowed, or fidelities do not grow up to `epochs`.
    """

    fidelities: tuple[int, ...] = option(
        (), "epochs of shorter trainings, fewest first", of=int, low=1
    )
    form: str = option(
        "auto",
        "how networks are run: one of many ops is switched to, or all are one padded "
        "body and networks a vmap; auto: by backend",
        choices=("auto", *FORMS),
    )
    at_once: int = option(
        0, "networks trained at the same time; 0: as cores or memory allow", low=0
    )
    same_batches: bool = option(
        True, "all networks see the same batches in the same order"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        lengths = self.lengths
        if any(a >= b for a, b in zip(lengths, lengths[1:], strict=False)):
            allowed = f"numbers that grow and are below epochs, which is {self.epochs}"
            raise OptionError("fidelities", self.fidelities, allowed)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Epochs of all fidelities, the cheapest first."""
        return (*self.fidelities, self.epochs)


class TrainedEvaluator:
    """Trains whoever is asked about.

    Attributes:
      score: which metric is improved.
    """

    traceable = False

    def __init__(
        self,
        training: PopulationTraining,
        options: CandidateOptions,
        score: ScoreOf,
        key: jax.Array,
        *,
        kept: KeptOutcomes | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ):
        """Trains nothing yet.

        Args:
          training: of the space's networks; it judges by the task's metrics.
          options: lengths, and who sees which batches.
          score: which metric is improved.
          key: root of all weights and batches; only folded.
          kept: where finished trainings are kept, and looked for.
          should_stop: asked while networks are trained.
        """
        self._training = training
        self._options = options
        self._weights_key, self._batches_key = jax.random.split(key)
        self._kept = kept
        self._should_stop = should_stop
        self.score = score

    @property
    def fidelities(self) -> tuple[str, ...]:
        """Numbers of epochs."""
        return tuple(map(str, self._options.lengths))

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Metrics of archs int32 [P, L]; all is drawn from the run's key instead."""
        del key
        lengths = self._options.lengths
        if fidelities is None:
            fidelities = [len(lengths) - 1] * len(archs)
        rows = map(tuple, np.asarray(archs).tolist())
        epochs = [lengths[place] for place in np.asarray(fidelities).tolist()]
        asked = list(zip(rows, epochs, strict=True))
        outcomes = {each: self._find(*each) for each in asked}
        for length in dict.fromkeys(epochs):
            unknown = [
                arch
                for (arch, own), outcome in outcomes.items()
                if own == length and outcome is None
            ]
            for arch, outcome in self._train(unknown, length):
                outcomes[arch, length] = outcome
        return self._read([outcomes[each] for each in asked], epochs)

    def close(self) -> None:
        """There is nothing to end."""

    def _find(self, arch: tuple[int, ...], epochs: int) -> Outcome | None:
        return None if self._kept is None else self._kept.find(_name(arch, epochs))

    def _train(
        self, archs: Sequence[tuple[int, ...]], epochs: int
    ) -> Iterable[tuple[tuple[int, ...], Outcome]]:
        outcomes: dict[tuple[int, ...], Outcome] = {}

        def tell(number: int, trained: Trained) -> None:
            arch = archs[number]
            outcomes[arch] = outcome_of(trained)
            if trained.trouble != Trouble() and not trained.diverged:
                logging.warning(
                    "architecture %s: %d steps gave no finite numbers and were left "
                    "out, the learning rate was %g times that of the options",
                    list(arch),
                    trained.trouble.skipped,
                    trained.trouble.rate,
                )
            if self._kept is not None:
                self._kept.keep(_name(arch, epochs), outcomes[arch])

        self._training.train(
            [self._candidate(arch) for arch in archs],
            epochs,
            tell=tell,
            should_stop=self._should_stop,
        )
        return outcomes.items()

    def _candidate(self, arch: tuple[int, ...]) -> Candidate:
        batches_key = self._batches_key
        if not self._options.same_batches:
            batches_key = arch_key(batches_key, arch)
        return Candidate(arch, arch_key(self._weights_key, arch), batches_key)

    def _read(self, outcomes: Sequence[Any], epochs: Sequence[int]) -> Evaluated:
        names = dict.fromkeys(
            [self.score.metric, *(name for each in outcomes for name in each.metrics)]
        )
        return Evaluated(
            metrics={
                name: _column([each.metrics.get(name, np.nan) for each in outcomes])
                for name in names
            },
            status=np.asarray([each.status for each in outcomes], np.int32),
            costs={
                "seconds": _column([each.seconds for each in outcomes]),
                "epochs": _column(epochs),
            },
            reasons=tuple(each.reason for each in outcomes),
        )


def arch_key(key: jax.Array, arch: Sequence[int]) -> jax.Array:
    """The key [] of an architecture (op of each layer), whatever else is asked about.

    The given key is folded into, not consumed.
    """
    return functools.reduce(jax.random.fold_in, arch, key)


def outcome_of(trained: Trained) -> Outcome:
    """How an evaluation ended: in metrics, or in a reason why there are none."""
    if trained.diverged:
        reason = f"loss is {trained.losses[-1]} at epoch {len(trained.losses)}"
        reason = trained.failing or reason
        return Outcome(Status.NON_FINITE, {}, reason, trained.seconds)
    metrics = trained.found
    bad = [name for name, value in metrics.items() if not np.isfinite(value)]
    if bad:
        reason = f"validation {bad[0]} is {metrics[bad[0]]}"
        return Outcome(Status.NON_FINITE, {}, reason, trained.seconds)
    return Outcome(Status.OK, metrics, "", trained.seconds)


def measure_on_split(run: Run, data: tuple[Task, jax.Array, jax.Array]) -> Metrics:
    """Judges a network by the task's metrics on a split.

    Args:
      run: the network.
      data: (task, inputs [N, ...] as the data have them, targets [N, ...]).

    Returns:
      By name, a scalar each.
    """
    task, inputs, targets = data
    return measure(task, run, inputs, targets, _CHUNK)


_CHUNK = 64  # examples; a training step has about as many


def trained_evaluator(
    options: CandidateOptions,
    networks: Networks,
    train_task: Task,
    key: jax.Array,
    *,
    kept: KeptOutcomes | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    devices: Devices = Devices(),  # noqa: B008 - a frozen record
) -> TrainedEvaluator:
    """Builds an evaluator.

    Args:
      options: how candidates are trained.
      networks: space, data, and the task that judges.
      train_task: the task, with what training examples undergo.
      key: root of all weights and batches; only folded.
      kept: where finished trainings are kept, and looked for.
      should_stop: asked while networks are trained.
      devices: among which networks are divided.

    Returns:
      The evaluator.

    Raises:
      UserError: architectures of the space are no networks, or the data do not fill a
        batch.
    """
    training = PopulationTraining(
        build_supernet(networks.space, resolve_form(options.form)),
        options,
        TrainingBatches.of(networks.dataset.train, train_task, options.batch_size),
        measure_on_split,
        (networks.task, *networks.valid),
        at_once=options.at_once,
        same_batches=options.same_batches,
        devices=devices,
    )
    score = ScoreOf.of(networks.task)
    return TrainedEvaluator(
        training, options, score, key, kept=kept, should_stop=should_stop
    )


def make_trained_evaluator(options: CandidateOptions, parts: Parts) -> TrainedEvaluator:
    """The evaluator of a run; its weights and batches come from the stream `train`."""
    return trained_evaluator(
        options,
        parts,
        parts.train_task,
        parts.key("train"),
        kept=parts.kept_outcomes,
        should_stop=parts.should_stop,
        devices=parts.devices,
    )


def _name(arch: tuple[int, ...], epochs: int) -> str:
    return json.dumps([arch, epochs])


def _column(values: Sequence[float]) -> np.ndarray:
    return np.asarray(values, np.float32)


SPEC = EvaluatorSpec(
    summary="the score of the task, of networks trained from scratch",
    make=make_trained_evaluator,
    group="train",
    options=CandidateOptions,
    fidelities=True,
)
