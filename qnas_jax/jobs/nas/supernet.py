"""Stage 1: trains the supernet, refreshing the balance pool on the way."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.evaluation import ScoringOptions, scores_of
from qnas_jax.jobs.nas.resumable_training import resume, train_to_the_end
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.options import option_group
from qnas_jax.runs import start_of
from qnas_jax.searching import host_search, make_strategy
from qnas_jax.spaces import arch_to_string
from qnas_jax.training import (
    EpochReport,
    PathSampler,
    StepFn,
    SupernetOptions,
    SupernetState,
    TrainingBatches,
    failing_path,
    initial_supernet_state,
    make_optimizer,
    make_sampler,
    make_schedule,
    make_supernet_step,
    merge_pool,
    pool_is_due,
    pool_members,
    pool_share,
    steps_in_a_call,
)

ROWS = ("supernet", "pool")
"""The names of its rows of metrics."""


def check_supernet(setting: NasSetting) -> None:
    """Raises UserError if the supernet cannot be trained with these options."""
    setting.check_training("supernet")
    _ = setting.reduced_costs
    _sampler(setting)


def train_supernet(setting: NasSetting) -> None:
    """Trains from the newest checkpoint, or from the start, to the last epoch.

    Args:
      setting: the run.

    Raises:
      Stopped: the user asked to stop; the state is saved.
      RunError: what an earlier part of the training saved is gone or damaged.
      NonFiniteLossError: training diverged.
    """
    options, reduced = setting.config.supernet, setting.reduced
    task = reduced.task.with_options(setting.config.supernet_task)
    batches = TrainingBatches.of(reduced.dataset.train, task, options.batch_size)
    checkpoints = setting.checkpoints("supernet", stage="supernet")
    start = initial_supernet_state(
        reduced.supernet,
        task,
        make_optimizer(options, batches.steps_per_epoch),
        options.pool_size,
        setting.key("supernet/init"),
    )
    begun = resume(setting, checkpoints, start, start_of(ROWS))
    sampler, steps_key = _sampler(setting), setting.key("supernet/steps")
    setting.say(
        f"supernet: form {reduced.supernet.form}, {options.precision}, "
        f"{steps_in_a_call(options.steps_per_call)} steps a call"
    )
    train_to_the_end(
        setting,
        checkpoints,
        begun,
        _maker_of_steps(setting, sampler, batches, steps_key),
        _end_of_epoch(setting, batches.steps_per_epoch),
        _failing_path(setting, sampler, batches, steps_key),
        name="supernet",
        rows=ROWS,
        options=options,
        batches=batches,
    )


def _maker_of_steps(
    setting: NasSetting, sampler: PathSampler, batches: TrainingBatches, key: jax.Array
) -> Callable[[float], StepFn]:
    """Factor of the learning rate -> step function."""
    options = setting.config.supernet

    def step_at(rate: float) -> StepFn:
        return make_supernet_step(
            setting.reduced.supernet,
            make_optimizer(options, batches.steps_per_epoch, rate),
            sampler,
            batches,
            key,
            precision=options.precision,
            devices=setting.devices,
        )

    return step_at


def _failing_path(
    setting: NasSetting, sampler: PathSampler, batches: TrainingBatches, key: jax.Array
) -> Callable[[SupernetState, jax.Array], str]:
    """(state, order) -> the path and layer that give no finite numbers, in words."""
    supernet = setting.reduced.supernet

    def failing(state: SupernetState, order: jax.Array) -> str:
        arch, place = failing_path(supernet, sampler, batches, key, state, order)
        words = f"architecture {arch_to_string(supernet.space, arch)}"
        return f"{words}: {place}" if place else words

    return failing


def _end_of_epoch(
    setting: NasSetting, steps_per_epoch: int
) -> Callable[[SupernetState, EpochReport], SupernetState]:
    """(state, report) -> state: a row of metrics, and the pool where it is due."""
    options = setting.config.supernet
    learning_rate = make_schedule(options, steps_per_epoch)
    refresh = _pool_refresher(setting) if options.pool_share > 0 else None

    def on_epoch(state: SupernetState, report: EpochReport) -> SupernetState:
        setting.folder.log(
            "supernet",
            epoch=report.epoch,
            step=report.step,
            **report.means,
            learning_rate=report.trouble.rate * float(learning_rate(report.step - 1)),
            seconds=report.seconds,
            **report.row(),
        )
        if refresh is not None and report.epoch < options.epochs:
            due = pool_is_due(options, report.epoch)
            state = refresh(state, report) if due else state
            share = pool_share(options, report.epoch)
            state = state.replace(pool_share=jnp.asarray(share, jnp.float32))
        return state

    return on_epoch


def _sampler(setting: NasSetting) -> PathSampler:
    with option_group("supernet", SupernetOptions):
        space = setting.reduced.supernet.space
        return make_sampler(setting.config.supernet, space, setting.costs)


def _pool_refresher(
    setting: NasSetting,
) -> Callable[[SupernetState, EpochReport], SupernetState]:
    """Searches briefly with the present weights and updates the pool."""
    options = setting.config.supernet
    strategy = make_strategy(
        "qbit",
        setting.space.num_ops,
        population=options.pool_population,
        generations=options.pool_generations,
    )
    evaluator_of = setting.supernet_evaluator(
        ScoringOptions(
            statistics="batch",
            precision=options.precision,
            score_examples=options.pool_examples,
        )
    )

    def evaluate(key: jax.Array, state: SupernetState, archs: np.ndarray) -> np.ndarray:
        evaluator = evaluator_of((state.params, state.stats))
        return np.asarray(scores_of(evaluator, evaluator(key, archs)))

    def refresh(state: SupernetState, report: EpochReport) -> SupernetState:
        key = jax.random.fold_in(setting.key("supernet/pool"), report.epoch)
        members = pool_members(state.sampler)
        archs, scores = [members], []
        if len(members):
            # Filled up to the compiled size; repeats are scored once.
            filled = np.resize(
                members, (max(options.pool_population, len(members)), members.shape[1])
            )
            again = jax.random.fold_in(key, options.pool_generations)
            scores.append(evaluate(again, state, filled)[: len(members)])

        def score(key: jax.Array, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return asked, evaluate(key, state, asked)

        for step in host_search(strategy, score, key, options.pool_generations):
            archs.append(np.asarray(step.generation.archs))
            scores.append(np.asarray(step.generation.scores))
        sampler = merge_pool(
            state.sampler, np.concatenate(archs), np.concatenate(scores)
        )
        _log_pool(setting, report, sampler)
        return state.replace(sampler=sampler)

    return refresh


def _log_pool(setting: NasSetting, report: EpochReport, sampler: Any) -> None:
    members = pool_members(sampler)
    setting.folder.log(
        "pool",
        epoch=report.epoch,
        step=report.step,
        archs=members.tolist(),
        scores=[float(s) for s in np.asarray(sampler.pool_scores)[: len(members)]],
    )
