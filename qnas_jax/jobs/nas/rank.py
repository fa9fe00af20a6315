"""Ranks a whole space with the supernet and compares with the known truth."""

import jax.numpy as jnp
import numpy as np

from qnas_jax.evaluation import TRUTHS, rank_agreement
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.options import OptionError
from qnas_jax.runs import read_arrays, write_arrays, write_json
from qnas_jax.stopping import Stopped


def read_truth(setting: NasSetting) -> tuple[np.ndarray, np.ndarray]:
    """Reads what the space's architectures are known to reach.

    Args:
      setting: the run.

    Returns:
      archs int32 [N, L] and their accuracy [N], in [0, 1].

    Raises:
      OptionError: no truth is known for this space.
      MissingFileError: the truth is not in the data folder.
    """
    name = setting.space.name
    if name not in TRUTHS:
        allowed = "one of " + ", ".join(TRUTHS) + ", whose architectures are known"
        raise OptionError("space.name", name, allowed)
    root = setting.config.data.data_root()
    return TRUTHS[name](str(root or "."))


def rank_space(setting: NasSetting) -> str:
    """Scores every architecture with a known accuracy; writes `ranking.json`.

    It has the agreement by the score of the task, and by each other metric: one without
    ties, as the loss is, ranks better where there are few images.

    Args:
      setting: the run; its supernet stage is finished.

    Returns:
      One line with the agreement.

    Raises:
      OptionError: no truth is known for this space.
      MissingFileError: the truth is not in the data folder.
      UserError: all scores are equal, or one is not finite.
      Stopped: the user asked to stop; scores so far are kept.
    """
    name, task = setting.space.name, setting.task
    archs, truth = read_truth(setting)
    found = score_archs(setting, archs)
    signed = {each: task.metrics[each].as_score(found[each]) for each in found}
    agreement = rank_agreement(signed[task.score], truth)
    others = {
        each: rank_agreement(values, truth)
        for each, values in signed.items()
        if each != task.score and np.isfinite(values).all() and np.ptp(values) > 0
    }
    write_json(
        setting.folder.path / "ranking.json",
        {
            **agreement,
            **{
                f"{measure}_by_{each}": value
                for each, by_other in others.items()
                for measure, value in by_other.items()
            },
            "num_archs": len(archs),
            "true": truth.tolist(),
            "score": task.score,
            "scores": signed[task.score].tolist(),
            "metrics": {each: values.tolist() for each, values in found.items()},
        },
    )
    ranked = {task.score: agreement, **others}
    words = {"kendall_tau": "Kendall tau", "spearman": "Spearman"}
    return f"{name}: {len(archs)} architectures, " + "; ".join(
        f"{word} "
        + ", ".join(f"{by[measure]:.4f} by {each}" for each, by in ranked.items())
        for measure, word in words.items()
    )


def score_archs(setting: NasSetting, archs: np.ndarray) -> dict[str, np.ndarray]:
    """Scores architectures with the supernet of a run.

    Args:
      setting: the run; its supernet stage is finished.
      archs: int32 [N, L].

    Returns:
      The task's metrics by name, float32 [N]; finished batches are kept in
      `rank/metrics.npz`.

    Raises:
      Stopped: the user asked to stop; scores so far are kept.
    """
    path = setting.folder.path / "rank" / "metrics.npz"
    names = list(setting.task.metrics)
    done = {name: np.zeros(0, np.float32) for name in names}
    if path.exists():
        done = dict(zip(names, read_arrays(path, *names), strict=True))
    options = setting.config.scoring
    evaluator = setting.supernet_evaluator(options)(setting.weights)
    size = setting.config.search.population
    starts = range(len(done[names[0]]), len(archs), size)
    for first in setting.progress(starts, len(starts), "ranking"):
        batch = archs[first : first + size]
        filled = jnp.asarray(np.resize(batch, (size, archs.shape[1])))
        found = evaluator(setting.key("rank"), filled).metrics
        for name in names:
            rows = np.asarray(found[name])[: len(batch)]
            done[name] = np.concatenate([done[name], rows])
        write_arrays(path, **done)
        if setting.should_stop():
            raise Stopped
    return done
