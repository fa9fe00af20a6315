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

    Args:
      setting: the run; its supernet stage is finished.

    Returns:
      One line with the agreement.

    Raises:
      OptionError: no truth is known for this space.
      MissingFileError: the truth is not in the data folder.
      Stopped: the user asked to stop; scores so far are kept.
    """
    name = setting.space.name
    archs, truth = read_truth(setting)
    accuracy, loss = score_archs(setting, archs).T
    agreement = rank_agreement(accuracy, truth)
    # Loss has no ties: with few images it ranks better than accuracy.
    by_loss = rank_agreement(-loss, truth)
    write_json(
        setting.folder.path / "ranking.json",
        {
            **agreement,
            **{f"{measure}_by_loss": value for measure, value in by_loss.items()},
            "num_archs": len(archs),
            "true": truth.tolist(),
            "scores": accuracy.tolist(),
            "losses": loss.tolist(),
        },
    )
    return (
        f"{name}: {len(archs)} architectures, Kendall tau "
        f"{agreement['kendall_tau']:.4f} by accuracy, {by_loss['kendall_tau']:.4f} by "
        f"loss; Spearman {agreement['spearman']:.4f} and {by_loss['spearman']:.4f}"
    )


def score_archs(setting: NasSetting, archs: np.ndarray) -> np.ndarray:
    """Scores architectures with the supernet of a run.

    Args:
      setting: the run; its supernet stage is finished.
      archs: int32 [N, L].

    Returns:
      Accuracy and loss, float32 [N, 2]; finished batches are kept in `rank/scores.npz`.

    Raises:
      Stopped: the user asked to stop; scores so far are kept.
    """
    path = setting.folder.path / "rank" / "scores.npz"
    done = np.zeros((0, 2), np.float32)
    if path.exists():
        (done,) = read_arrays(path, "accuracy_and_loss")
    options = setting.config.scoring
    evaluator = setting.supernet_evaluator(options)(setting.weights)
    size = setting.config.search.population
    starts = range(len(done), len(archs), size)
    for first in setting.progress(starts, len(starts), "ranking"):
        batch = archs[first : first + size]
        filled = jnp.asarray(np.resize(batch, (size, archs.shape[1])))
        found = evaluator(setting.key("rank"), filled).metrics
        rows = np.stack([found["accuracy"], found["loss"]], axis=1)[: len(batch)]
        done = np.concatenate([done, rows])
        write_arrays(path, accuracy_and_loss=done)
        if setting.should_stop():
            raise Stopped
    return done
