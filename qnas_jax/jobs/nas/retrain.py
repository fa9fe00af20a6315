"""Stage 3: trains the winner from scratch, beside networks for comparison.

The test split is touched here once, after the epochs were chosen on validation.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from qnas_jax import data
from qnas_jax.errors import UserError, did_you_mean
from qnas_jax.evaluation import EVALUATORS
from qnas_jax.jobs.nas.answers import write_answers
from qnas_jax.jobs.nas.candidates import Candidate, candidates_of
from qnas_jax.jobs.nas.classifiers import compare_classifiers
from qnas_jax.jobs.nas.describe import exact_costs
from qnas_jax.jobs.nas.hand_made import check_baseline
from qnas_jax.jobs.nas.learning_rates import chosen_by, chosen_rate
from qnas_jax.jobs.nas.resumable_training import resume, train_to_the_end
from qnas_jax.jobs.nas.retraining_programs import (
    Measure,
    Retraining,
    compile_test,
    compiled_ahead,
    retraining_of,
)
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.window_losses import outputs_on_test, write_window_losses
from qnas_jax.latency import LATENCY
from qnas_jax.options import OptionError, option_group
from qnas_jax.runs import (
    Position,
    read_sealed,
    start_of,
    write_json,
    write_sealed,
)
from qnas_jax.spaces import arch_to_string
from qnas_jax.tasks import LanguageModelling, score_metric
from qnas_jax.training import (
    EpochReport,
    RetrainOptions,
    RetrainState,
    failing_place,
    keep_best,
    make_schedule,
)

_ANSWERS = "answers"


class NonFiniteMetricError(UserError, ArithmeticError):
    """A trained network cannot be measured on a split."""


def check_retraining(setting: NasSetting) -> None:
    """Raises UserError if no network can be trained with these options."""
    if not setting.has_networks:
        return
    setting.check_training("retrain")
    with option_group("retrain", RetrainOptions):
        kept_by, metrics = setting.config.retrain.kept_by, setting.task.metrics
        if kept_by not in ("", *metrics):
            near = did_you_mean(kept_by, metrics)
            raise OptionError("kept_by", kept_by, f"one of {', '.join(metrics)}{near}")
        for name in setting.config.retrain.baselines:
            check_baseline(setting, name)


def retrain_networks(setting: NasSetting) -> str | None:
    """Trains all candidates and writes `retrain/networks.json`.

    Classifiers without a network follow, in a file of their own.

    Args:
      setting: the run; its search stage is finished.

    Raises:
      Stopped: the user asked to stop; finished networks and the state are kept.
      RunError: what the search left, or an earlier part of the training, is gone or
        damaged.
      NonFiniteLossError: training diverged.
      NonFiniteMetricError: a network gives outputs that are not finite on a split.
    """
    if not setting.has_networks:
        return "nothing to do: architectures of this space are no networks"
    results = {}
    metrics = setting.folder.metrics
    logged = start_of(["retrain"])
    candidates = candidates_of(setting)
    for number, candidate in enumerate(candidates):
        path = setting.folder.path / "retrain" / candidate.name / "result.json"
        if not path.exists():
            result = _retrain(setting, candidate, logged, candidates[number + 1 :])
            rows = metrics.position(["retrain"])
            write_sealed(path, {"result": result, "rows": rows})
        found = read_sealed(path, "--stage=retrain does it again")
        logged = found["rows"]
        metrics.check(logged, whole=False)
        results[candidate.name] = found["result"]
    write_json(setting.folder.path / "retrain" / "networks.json", results)
    compare_classifiers(setting)
    return None


def _retrain(
    setting: NasSetting,
    candidate: Candidate,
    logged: Position,
    later: Sequence[Candidate] = (),
) -> dict[str, Any]:
    choice = chosen_rate(setting, candidate)
    made = setting.ahead.wait(candidate.name) or retraining_of(
        setting, candidate, choice.options
    )
    supernet, measure_on = candidate.supernet, made.measure_on
    architecture = arch_to_string(supernet.space, candidate.arch)
    begin_ahead = functools.partial(_begin_ahead, setting, made, candidate, later)
    state = _train(setting, made, candidate.name, architecture, logged, begin_ahead)
    _check_finite(setting, candidate.name, "validation", {"best": state.best_score})
    setting.ahead.wait(_test_of(candidate))
    tested = measure_on(state.best, *data.on_device(setting.dataset.test))
    _check_finite(setting, candidate.name, "test", tested)
    if isinstance(setting.task, LanguageModelling):
        parts = outputs_on_test(setting, made.model, state.best)
        write_window_losses(setting, candidate.name, parts)
    answers = tested.pop(_ANSWERS, None)
    if answers is not None:
        write_answers(setting, candidate.name, np.asarray(answers))
    validated = _validated(setting, state, measure_on)
    own = supernet is setting.supernet
    table = setting.costs if own else supernet.cost_table()
    costs = table.cost(candidate.arch[None])
    return {
        "arch": candidate.arch.tolist(),
        "string": architecture,
        "search_score": candidate.search_score,
        f"validation_{setting.task.score}": validated,
        **{f"test_{name}": value for name, value in tested.items()},
        "parameters": int(costs["params"][0]),
        **exact_costs(costs, supernet.peak_bytes(candidate.arch[None]), 0),
        **{name: float(costs[name][0]) for name in costs if name == LATENCY},
        **candidate.latency,
        "supernet_macs": _macs_in_supernet(setting, candidate.arch) if own else None,
        "width": candidate.width,
        "learning_rate": choice.options.learning_rate,
        "trials": choice.trials,
        "layers": supernet.describe_arch(candidate.arch),
    }


def _begin_ahead(
    setting: NasSetting,
    made: Retraining,
    candidate: Candidate,
    later: Sequence[Candidate],
) -> None:
    """Has compiled what comes after a training: its test, and the next network."""
    test = functools.partial(compile_test, setting, made)
    setting.ahead.begin(_test_of(candidate), test)
    if setting.config.retrain.learning_rates:
        return  # what the next network is trained with is not known yet
    for following in later[:1]:
        work = functools.partial(compiled_ahead, setting, following)
        setting.ahead.begin(following.name, work)


def _test_of(candidate: Candidate) -> str:
    """Name of what is compiled ahead for a network's test."""
    return f"{candidate.name}/test"


def _validated(setting: NasSetting, state: RetrainState, measure_on: Measure) -> float:
    """The task's score of the kept weights on the validation split, as a metric."""
    task = setting.task
    if chosen_by(setting) == task.score:
        return score_metric(task).as_score(float(state.best_score))
    return measure_on(state.best, *setting.valid)[task.score]


def _macs_in_supernet(setting: NasSetting, arch: np.ndarray) -> int | None:
    """Multiply-accumulates of the network that was scored; None without a supernet."""
    if not EVALUATORS[setting.config.evaluator.name].trains:
        return None
    return int(setting.reduced_costs.cost(arch[None])["macs"][0])


def _check_finite(
    setting: NasSetting, network: str, split: str, metrics: Mapping[str, Any]
) -> None:
    """A network whose outputs are no numbers has no accuracy, rather than none."""
    bad = [name for name, value in metrics.items() if not np.isfinite(value).all()]
    if bad:
        what = (
            "no epoch has metrics that are finite"
            if split == "validation"
            else (f"{', '.join(bad)} is not finite")
        )
        ops = setting.non_finite_ops()
        raise NonFiniteMetricError(
            f"retrain {network}: {what} on the {split} split, so it is not reported; "
            + (ops or "its outputs for some examples are no finite numbers")
        )


def _train(
    setting: NasSetting,
    made: Retraining,
    name: str,
    architecture: str,
    logged: Position,
    begin_ahead: Callable[[], None],
) -> RetrainState:
    options, batches, measure_on = made.options, made.batches, made.measure_on
    task = batches.task
    checkpoints = setting.checkpoints("retrain", name, stage="retrain")
    begun = resume(setting, checkpoints, made.first_state(), logged)
    learning_rate = make_schedule(options, batches.steps_per_epoch)

    def on_epoch(state: RetrainState, report: EpochReport) -> RetrainState:
        found = measure_on(state.average, *setting.valid)
        metrics = {name: value for name, value in found.items() if name in task.metrics}
        if all(map(math.isfinite, metrics.values())):
            by = chosen_by(setting)
            score = task.metrics[by].as_score(metrics[by])
            state = keep_best(state, score)
        setting.folder.log(
            "retrain",
            network=name,
            epoch=report.epoch,
            step=report.step,
            **report.means,
            **{f"valid_{name}": value for name, value in metrics.items()},
            learning_rate=report.trouble.rate * float(learning_rate(report.step - 1)),
            seconds=report.seconds,
            **report.row(),
        )
        begin_ahead()
        return state

    def failing(state: RetrainState, order: jax.Array) -> str:
        steps_key = setting.key(f"retrain/{name}/steps")
        place = failing_place(made.model, batches, steps_key, state, order)
        return f"architecture {architecture}{': ' if place else ''}{place}"

    return train_to_the_end(
        setting,
        checkpoints,
        begun,
        made.step_at,
        on_epoch,
        failing,
        name=f"retrain/{name}",
        rows=("retrain",),
        options=options,
        batches=batches,
    )
