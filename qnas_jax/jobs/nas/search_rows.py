"""What searches for one and for several objectives share: repairs, rows, results."""

from typing import Any, NamedTuple

import jax
import numpy as np

from qnas_jax.evaluation import MemoisedEvaluator
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.runs import RowLog, WorkFolder
from qnas_jax.searching import Strategy
from qnas_jax.searching.repair import make_repair, repair_key


class Found(NamedTuple):
    """What a search ended with.

    Attributes:
      arch: int32 [L].
      score: -inf where nothing got a finite score.
      registers: [L, K_max] of each generation.
    """

    arch: np.ndarray
    score: float
    registers: list[np.ndarray]


def history_of(folder: WorkFolder) -> RowLog:
    """All evaluations of a search, and of the networks it is compared with."""
    return RowLog(
        folder.path / "search" / "history.jsonl", "--stage=search does it again"
    )


def repaired(setting: NasSetting, key: jax.Array, archs: np.ndarray) -> np.ndarray:
    """Architectures that keep the constraints.

    Args:
      setting: the run.
      key: that of the evaluation; only folded.
      archs: int32 [P, L], as proposed.

    Returns:
      int32 [P, L].
    """
    if setting.budget is None:
        return archs
    return np.asarray(make_repair(setting.budget)(repair_key(key), archs))


def probabilities_of(strategy: Strategy, state: Any) -> np.ndarray:
    """How likely each op is to be proposed, [L, K_max]; it keeps no array of JAX."""
    return np.array(_probabilities(strategy, state))


@jax.jit
def _probabilities(strategy: Strategy, state: Any) -> jax.Array:
    """One program for all searches of a kind."""
    return strategy.probabilities(state)


def log_generation(
    setting: NasSetting,
    evaluator: MemoisedEvaluator,
    generation: int,
    before: int,
    scores: np.ndarray,
    best: float,
) -> int:
    """Writes a generation's row of metrics.

    Args:
      setting: the run.
      evaluator: what was asked.
      generation: its number.
      before: how many architectures were evaluated before it.
      scores: float32 [P].
      best: the best score so far.

    Returns:
      How many are evaluated after it.
    """
    newcomers = evaluator.history.newcomers[generation]
    finite = scores[np.isfinite(scores)]
    # Once, for those who look at the search before its registers are written.
    names = {} if generation else {"op_names": setting.space.choices}
    setting.folder.log(
        "search",
        generation=generation,
        scored_by=evaluator.score.metric,
        evaluations=before + newcomers,
        proposed=len(scores),
        scored=newcomers,
        best=best,
        mean=float(finite.mean()) if len(finite) else None,
        generation_best=float(scores.max()),
        **names,
    )
    return before + newcomers
