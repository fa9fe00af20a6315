"""Stage 1: trains the supernet, refreshing the balance pool on the way."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qnas_jax.data import num_steps
from qnas_jax.evaluation import ScoringOptions
from qnas_jax.jobs.nas.resumable_training import train_to_the_end
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.runs import Checkpoints
from qnas_jax.search import (
    advance,
    generation_keys,
    make_strategy,
    start,
)
from qnas_jax.training import (
    EpochReport,
    SupernetState,
    TrainingBatches,
    initial_supernet_state,
    make_optimizer,
    make_sampler,
    make_schedule,
    make_supernet_step,
    merge_pool,
    pool_members,
    pool_share,
)


def train_supernet(setting: NasSetting) -> None:
    """Trains from the newest checkpoint, or from the start, to the last epoch.

    Args:
      setting: the run.

    Raises:
      Stopped: the user asked to stop; the state is saved.
      NonFiniteLossError: training diverged.
    """
    options = setting.config.supernet
    steps_per_epoch = num_steps(len(setting.dataset.train.labels), options.batch_size)
    optimizer = make_optimizer(options, steps_per_epoch)
    checkpoints = Checkpoints(setting.folder.path / "supernet" / "checkpoints")
    state = checkpoints.restore(_initial_state(setting, optimizer))
    first_step = int(state.step)
    setting.folder.drop_rows(
        lambda row: row["stage"] in ("supernet", "pool") and row["step"] > first_step
    )
    step_fn = make_supernet_step(
        setting.supernet,
        optimizer,
        make_sampler(options.sampler, setting.space.num_ops),
        options,
        TrainingBatches.of(setting.dataset.train, *setting.pixels, options),
        setting.key("supernet/steps"),
    )
    learning_rate = make_schedule(options, steps_per_epoch)
    refresh = _pool_refresher(setting) if options.sampler == "balance_pool" else None

    def on_epoch(state: SupernetState, report: EpochReport) -> SupernetState:
        setting.folder.log(
            "supernet",
            epoch=report.epoch,
            step=report.step,
            loss=report.loss,
            accuracy=report.accuracy,
            learning_rate=float(learning_rate(report.step - 1)),
            seconds=report.seconds,
        )
        due = report.epoch % options.pool_every == 0 and report.epoch < options.epochs
        if refresh is not None:
            state = refresh(state, report) if due else state
            share = pool_share(options, report.epoch)
            state = state.replace(pool_share=jnp.asarray(share, jnp.float32))
        return state

    train_to_the_end(
        setting,
        checkpoints,
        state,
        step_fn,
        on_epoch,
        name="supernet",
        epochs=options.epochs,
        batch_size=options.batch_size,
    )


def load_supernet(setting: NasSetting) -> SupernetState:
    """The state at the end of the training stage."""
    options = setting.config.supernet
    steps_per_epoch = num_steps(len(setting.dataset.train.labels), options.batch_size)
    checkpoints = Checkpoints(setting.folder.path / "supernet" / "checkpoints")
    try:
        optimizer = make_optimizer(options, steps_per_epoch)
        return checkpoints.restore(_initial_state(setting, optimizer))
    finally:
        checkpoints.close()


def _initial_state(
    setting: NasSetting, optimizer: optax.GradientTransformation
) -> SupernetState:
    return initial_supernet_state(
        setting.supernet,
        optimizer,
        setting.config.supernet,
        setting.key("supernet/init"),
    )


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
    ask = jax.jit(strategy.ask)
    learn = jax.jit(functools.partial(advance, strategy))
    score = setting.scorer(ScoringOptions(statistics="batch"))
    images, labels = setting.scored_images(options.pool_images)

    def evaluate(state: SupernetState, archs: np.ndarray) -> np.ndarray:
        found = score((state.params, state.stats), archs, images, labels)
        return np.where(np.isfinite(found.loss), found.accuracy, np.nan)

    def refresh(state: SupernetState, report: EpochReport) -> SupernetState:
        key = jax.random.fold_in(setting.key("supernet/pool"), report.epoch)
        members = pool_members(state.sampler)
        archs, scores = [members], []
        if len(members):
            # Filled up to the compiled size; repeats are scored once.
            filled = np.resize(
                members, (max(options.pool_population, len(members)), members.shape[1])
            )
            scores.append(evaluate(state, filled)[: len(members)])
        search = start(strategy, key)
        for generation in range(options.pool_generations):
            ask_key, _ = generation_keys(key, generation)
            asked = np.asarray(ask(ask_key, search.strategy_state))
            scores.append(evaluate(state, asked))
            archs.append(asked)
            search = learn(search, asked, scores[-1])
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
