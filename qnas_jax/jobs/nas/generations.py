"""The generations of a search, written down one by one and kept now and then.

It is the same for one objective and for several. Keys derive from the generation, and
known architectures are not scored again, so a stopped search is replayed from its
history up to where it was and goes on from there. A state that is kept now and then
spares most of the replay.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from qnas_jax.evaluation import MemoisedEvaluator
from qnas_jax.jobs.nas.progress import KeptProgress, Progress
from qnas_jax.jobs.nas.search_rows import log_generation, probabilities_of, repaired
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.runs import RowLog
from qnas_jax.searching import Strategy
from qnas_jax.stopping import Stopped

EvaluateFn = Callable[..., tuple[np.ndarray, np.ndarray]]
"""`evaluate(key, archs [P, L], *fidelities) -> (archs [P, L], scores [P])`."""


def run_generations(
    setting: NasSetting,
    strategy: Strategy,
    evaluator: MemoisedEvaluator,
    history: RowLog,
    *,
    fresh: Callable[[], Any],
    steps: Callable[[EvaluateFn, Any], Iterator[Any]],
    told: Callable[[Any], tuple[np.ndarray, float]],
) -> tuple[Any, list[np.ndarray]]:
    """Searches to the end, from where an earlier part of the search was.

    Args:
      setting: the run.
      strategy: that of the search.
      evaluator: it knows what was evaluated before.
      history: where evaluations are written.
      fresh: the state before the first generation.
      steps: (what evaluates, state) -> the generations after it, each as it ends, with
        `number`, `before` and `after`.
      told: the scores [P] of such a generation, and the best so far.

    Returns:
      The last state, and the probabilities [L, K_max] of each generation.

    Raises:
      Stopped: the user asked to stop; the history holds all evaluations.
    """
    generations, metrics = setting.config.search.generations, setting.folder.metrics
    kept = KeptProgress(
        setting.folder.path / "search" / "progress.npz",
        fresh,
        {"": history, "search": metrics},
        setting.config.checkpoints.minutes,
    )
    progress = kept.read()
    state = fresh() if progress is None else progress.state
    registers = [] if progress is None else list(progress.registers)
    first = int(state.generation)
    metrics.keep("search", first)
    number = itertools.count(first)

    def evaluate(
        key: jax.Array, archs: np.ndarray, *fidelities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        archs = repaired(setting, key, archs)
        return evaluator(key, archs, *fidelities, generation=next(number))

    # After a replay the numbers continue where the history ends.
    newcomers = evaluator.history.newcomers
    seen = sum(count for each, count in newcomers.items() if each < first)
    left = generations - first
    numbers = setting.progress(range(left), left, "search")
    try:
        for _, step in zip(numbers, steps(evaluate, state), strict=True):
            state = step.after
            history.append(evaluation.row() for evaluation in evaluator.fresh)
            setting.kept_outcomes.clear()
            registers.append(probabilities_of(strategy, step.before.strategy_state))
            seen = log_generation(setting, evaluator, step.number, seen, *told(step))
            if strategy.fidelities is None and seen == setting.space.size:
                setting.say(
                    f"search: all {seen} architectures of the space are evaluated; "
                    f"ended after {step.number + 1} of {generations} generations"
                )
                break
            if setting.should_stop():
                raise Stopped(state)
            if kept.is_due():
                kept.write(Progress(state, np.stack(registers)))
    except Stopped:  # also in the midst of a generation, which begins anew
        if registers:
            kept.write(Progress(state, np.stack(registers)))
        raise
    kept.remove()
    return state, registers
