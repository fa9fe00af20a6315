"""Ranks a space by what its supernet says, and holds it against the known truth.

One row a score: every metric that the evaluator returns (accuracy, loss, and whatever
else it may know), and beside them what needs no training at all, so that a reader sees
whether the supernet is worth its time. Terms that the evaluator returns itself are not
computed twice.
"""

import dataclasses
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation import COST_TERMS, rank_all
from qnas_jax.evaluation.proxies import ScoreByProxies, make_proxy_scorer
from qnas_jax.jobs.nas.scores import subnet_evaluator
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.truth import chosen_archs, read_truth
from qnas_jax.nets import build_supernet
from qnas_jax.reporting import Worth, ranking_lines, share_beaten, worth_of_truth
from qnas_jax.runs import read_arrays, write_arrays, write_json
from qnas_jax.spaces import TOLERANCE, arch_to_string
from qnas_jax.stopping import Stopped

_NEAREST = 10  # architectures, where none costs as much as the pick


def rank_space(setting: NasSetting) -> list[str]:
    """Scores architectures with a known accuracy; writes `ranking.json`.

    Args:
      setting: the run; its supernet stage is finished.

    Returns:
      A table, a line a score.

    Raises:
      OptionError: no truth is known for this space.
      MissingFileError: the truth is not in the data folder.
      UserError: all architectures have the same score.
      Stopped: the user asked to stop; scores so far are kept.
    """
    archs, truth = chosen_archs(setting)
    found = score_archs(setting, archs, setting.config.rank.terms)
    scores = signed_scores(setting, found)
    measures = rank_all(scores, truth)
    main = subnet_evaluator(setting).score.metric
    if main not in measures:
        raise UserError(f"{main}: all {len(archs)} scores are equal, nothing is ranked")
    best = measures[main]
    pick, worth = archs[best.top_at[0]], _worth(setting, archs[list(best.top_at)])
    write_json(
        setting.folder.path / "ranking.json",
        {
            "space": setting.space.name,
            "kendall_tau": best.tau.tau,
            "spearman": best.spearman,
            "num_archs": len(archs),
            "true": truth.tolist(),
            "score": main,
            "scores": _numbers(scores[main]),
            "measures": {name: each.row() for name, each in measures.items()},
            "pick": {
                "arch": pick.tolist(),
                "string": arch_to_string(setting.space, pick),
            },
            "worth": None if worth is None else worth.row(),
            "metrics": {name: _numbers(values) for name, values in found.items()},
        },
    )
    rows = {name: each.row() for name, each in measures.items()}
    return [f"{setting.space.name}: {len(archs)} architectures", *ranking_lines(rows)]


def worth_of_arch(
    setting: NasSetting,
    arch: np.ndarray,
    known: tuple[np.ndarray, np.ndarray],
    what: str,
) -> Worth | None:
    """Holds an architecture against all others of its cost, by the truth.

    Args:
      setting: the run.
      arch: int32 [L], one of those that are known.
      known: what `read_truth` returns.
      what: names the architecture.

    Returns:
      The comparison; None if there is no other one. Where none is within the
      tolerance, with the nearest in cost.
    """
    own, others, aside = alike_in_cost(setting, arch, known)
    if not len(others):
        return None
    return worth_of_truth(own, others, what=what, aside=aside)


def _worth(setting: NasSetting, best: np.ndarray) -> Worth | None:
    """That of the first of the best-scored [10, L], with a word on the others.

    One pick may be lucky; ten tell whether the score sees more than the cost.
    """
    known = read_truth(setting)
    worth = worth_of_arch(setting, best[0], known, "the best-scored network")
    if worth is None:
        return None
    each = [alike_in_cost(setting, arch, known) for arch in best]
    beaten = np.mean([share_beaten(own, others) for own, others, _ in each])
    words = f"; the {len(best)} best-scored beat {100 * beaten:.1f} % on average"
    return dataclasses.replace(worth, detail=worth.detail + words)


def alike_in_cost(
    setting: NasSetting, arch: np.ndarray, known: tuple[np.ndarray, np.ndarray]
) -> tuple[float, np.ndarray, str]:
    """Those that a pick is held against.

    Args:
      setting: the run.
      arch: int32 [L], one of those that are known.
      known: what `read_truth` returns.

    Returns:
      True accuracy of the architecture; those of the others within the tolerance of its
      MACs [N], else of the ten nearest; what a reader has to know of them, or "".
    """
    archs, truth = known
    macs = setting.costs.cost(archs)["macs"]
    (at,) = np.flatnonzero((archs == arch).all(axis=1))
    off = np.abs(macs - macs[at]) / max(macs[at], 1)
    off[at] = np.inf
    alike, aside = np.flatnonzero(off <= TOLERANCE), ""
    if not len(alike) and len(archs) > 1:
        alike = np.argsort(off, kind="stable")[: min(_NEAREST, len(archs) - 1)]
        aside = f"the nearest, up to {100 * off[alike[-1]]:.0f} % off"
    return float(truth[at]), truth[alike], aside


def signed_scores(
    setting: NasSetting, found: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Turns metrics such that larger is better; terms and fused scores are so already.

    Args:
      setting: the run; its task says what is better of its metrics.
      found: by name [N].

    Returns:
      The same names, [N] each.
    """
    known = setting.task.metrics
    return {
        name: known[name].as_score(values) if name in known else values
        for name, values in found.items()
    }


def score_archs(
    setting: NasSetting, archs: np.ndarray, terms: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Scores architectures with the supernet of a run, and without any training.

    Args:
      setting: the run; its supernet stage is finished.
      archs: int32 [N, L].
      terms: names of `evaluation.ranking.TERMS`.

    Returns:
      The evaluator's metrics and the terms by name, float32 [N] (costs float64);
      finished batches are kept in `rank/metrics.npz`.

    Raises:
      Stopped: the user asked to stop; scores so far are kept.
    """
    path = setting.folder.path / "rank" / "metrics.npz"
    done: dict[str, np.ndarray] = {}
    first = 0
    if path.exists():
        (names,) = read_arrays(path, "names")
        done = dict(zip(names.tolist(), read_arrays(path, *names), strict=True))
        first = len(next(iter(done.values())))
    evaluator, by_terms = subnet_evaluator(setting), TermScorer(setting, terms)
    size = setting.config.search.population
    starts = range(first, len(archs), size)
    for start in setting.progress(starts, len(starts), "ranking"):
        batch = archs[start : start + size]
        filled = np.resize(batch, (size, archs.shape[1]))
        metrics = evaluator(setting.key("rank"), jnp.asarray(filled)).metrics
        found = {**by_terms(filled, without=metrics), **metrics}
        for name in _ordered(found, setting.task.metrics, terms):
            rows = np.asarray(found[name])[: len(batch)]
            done[name] = np.concatenate([done[name], rows]) if start else rows
        write_arrays(path, names=np.asarray(list(done)), **done)
        if setting.should_stop():
            raise Stopped
    return done


def _ordered(
    found: Mapping[str, Any], metrics: Iterable[str], terms: Sequence[str]
) -> list[str]:
    """Names as tables have them: the task's metrics, other scores, terms."""
    own = [name for name in metrics if name in found]
    others = [name for name in found if name not in own and name not in terms]
    return [*own, *others, *(name for name in terms if name in found)]


class TermScorer:
    """Training-free terms, a batch at a time.

    Costs are those of real networks, zero-cost proxies look at the supernet's sizes.
    """

    def __init__(self, setting: NasSetting, names: Sequence[str]):
        """Compiles nothing yet.

        Args:
          setting: the run; `rank.images` of its training images are looked at.
          names: of `evaluation.ranking.TERMS`.
        """
        self._setting = setting
        self._names = tuple(names)
        self._programs: dict[tuple[str, ...], ScoreByProxies] = {}

    def __call__(
        self, archs: np.ndarray, without: Container[str] = ()
    ) -> dict[str, np.ndarray]:
        """Terms of architectures.

        Args:
          archs: int32 [P, L]; a program is compiled for each P.
          without: names that are not asked for, as they are known.

        Returns:
          By name [P]; larger promises a better network.
        """
        wanted = [name for name in self._names if name not in without]
        costs = self._setting.costs.cost(archs) if wanted else {}
        found = {
            name: costs[name].astype(np.float64)
            for name in wanted
            if name in COST_TERMS
        }
        proxies = tuple(name for name in wanted if name not in COST_TERMS)
        if proxies:
            if proxies not in self._programs:
                self._programs[proxies] = self._make(proxies)
            values = self._programs[proxies](archs)
            found |= {name: np.asarray(values[name]) for name in proxies}
        return found

    def _make(self, names: tuple[str, ...]) -> ScoreByProxies:
        reduced, count = self._setting.reduced, self._setting.config.rank.images
        train = reduced.dataset.train
        return make_proxy_scorer(
            build_supernet(reduced.supernet.space),
            names,
            reduced.task.prepare(jnp.asarray(train.inputs[:count])),
            jnp.asarray(train.targets[:count]),
            self._setting.key("proxy"),
            devices=self._setting.devices,
        )


def _numbers(values: np.ndarray) -> list[float | None]:
    """For JSON, which knows no infinity."""
    return [float(each) if np.isfinite(each) else None for each in values]
