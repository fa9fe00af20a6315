"""Optuna's samplers as peers: TPE and NSGA-II behind the same ask and tell.

They run on the host, one study in one process, and can be neither jitted nor vmapped;
so they are no `Strategy`, and their seconds are not compared with those of one. What is
compared is the best score after a number of evaluations.

Each layer is a categorical parameter. NSGA-II has one objective here, the score, which
makes it a genetic algorithm with elitism.

Sources: Bergstra, Bardenet, Bengio & Kegl, Algorithms for hyper-parameter optimization,
NeurIPS 2011 (TPE); Deb, Pratap, Agarwal & Meyarivan, IEEE TEVC 6 (2002) (NSGA-II);
Akiba et al., Optuna, KDD 2019. Samplers have their default settings, but for NSGA-II's
population, which Optuna sets to 50.
"""

import functools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np

try:
    import optuna
except ImportError as error:  # pragma: no cover
    raise ImportError(
        "optuna is not installed; install the extra: pip install -e '.[peers]'"
    ) from error

SAMPLERS = ("tpe", "nsga2")
"""Names of the samplers."""


class OptunaPeer:
    """A study that proposes archs and learns their scores."""

    def __init__(
        self, num_ops: tuple[int, ...], sampler: str, seed: int, population: int = 20
    ):
        """Starts a study.

        Args:
          num_ops: (K_1, ..., K_L).
          sampler: one of `SAMPLERS`.
          seed: of the sampler; equal seeds give equal studies.
          population: of `nsga2`, at least 2.

        Raises:
          ValueError: an unknown sampler.
        """
        if sampler not in SAMPLERS:
            raise ValueError(
                f"sampler: got {sampler!r}, expected one of {', '.join(SAMPLERS)}"
            )
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        chosen: optuna.samplers.BaseSampler = (
            optuna.samplers.TPESampler(seed=seed)
            if sampler == "tpe"
            else optuna.samplers.NSGAIISampler(population_size=population, seed=seed)
        )
        self._study = optuna.create_study(direction="maximize", sampler=chosen)
        self._space: dict[str, optuna.distributions.BaseDistribution] = {
            f"layer_{layer}": optuna.distributions.CategoricalDistribution(range(ops))
            for layer, ops in enumerate(num_ops)
        }
        self._asked: list[optuna.Trial] = []

    def ask(self, count: int) -> np.ndarray:
        """Proposes archs, int32 [count, L], before any of them is told."""
        self._asked = [self._study.ask(self._space) for _ in range(count)]
        archs = [[trial.params[name] for name in self._space] for trial in self._asked]
        return np.array(archs, np.int32)

    def tell(self, scores: np.ndarray) -> None:
        """Learns the scores [count] of the archs asked for last; maximised.

        Those that are not finite count as failed trials.
        """
        for trial, score in zip(self._asked, np.asarray(scores, float), strict=True):
            if np.isfinite(score):
                self._study.tell(trial, float(score))
            else:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        self._asked = []


def optuna_search(
    num_ops: tuple[int, ...],
    sampler: str,
    evaluate: Callable[[np.ndarray], np.ndarray],
    evaluations: int,
    seed: int,
    batch: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Runs one study.

    Args:
      num_ops: (K_1, ..., K_L).
      sampler: one of `SAMPLERS`.
      evaluate: archs int32 [batch, L] -> scores [batch], maximised.
      evaluations: E.
      seed: of the sampler.
      batch: archs asked for at a time; the last batch may be smaller.

    Returns:
      (archs int32 [E, L], scores float64 [E], -inf for failures), as evaluated.

    Raises:
      ValueError: an unknown sampler.
    """
    peer = OptunaPeer(num_ops, sampler, seed)
    archs, scores = [], []
    for first in range(0, evaluations, batch):
        asked = peer.ask(min(batch, evaluations - first))
        found = np.asarray(evaluate(asked), float)
        peer.tell(found)
        archs.append(asked)
        scores.append(np.where(np.isfinite(found), found, -np.inf))
    return np.concatenate(archs), np.concatenate(scores)


def optuna_searches(
    values: np.ndarray, sampler: str, evaluations: int, seeds: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Runs a study of every seed on a table, in as many processes as there are cores.

    Args:
      values: the score of every arch, [K_1, ..., K_L].
      sampler: one of `SAMPLERS`.
      evaluations: E.
      seeds: one study each, S.

    Returns:
      (archs int32 [S, E, L], scores float64 [S, E]).
    """
    search = functools.partial(_search_table, values, sampler, evaluations)
    context = multiprocessing.get_context("spawn")  # fork and JAX's threads do not mix
    with ProcessPoolExecutor(mp_context=context) as processes:
        found = list(processes.map(search, seeds, chunksize=5))
    archs, scores = zip(*found, strict=True)
    return np.stack(archs), np.stack(scores)


def _search_table(
    values: np.ndarray, sampler: str, evaluations: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    def look_up(archs: np.ndarray) -> np.ndarray:
        return values[tuple(archs.T)]

    return optuna_search(values.shape, sampler, look_up, evaluations, seed)
