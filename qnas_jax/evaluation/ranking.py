"""How well a supernet ranks a space whose true accuracies are known."""

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.evaluation.tables.nas_bench_201 import load_nas_bench_201
from qnas_jax.evaluation.tables.nas_bench_macro import read_macro
from qnas_jax.evaluation.tables.positions import archs_at


def read_macro_truth(data_dir: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads NAS-Bench-Macro: every architecture with its trained accuracy.

    Args:
      data_dir: folder that holds `nas_bench_macro/nas_bench_macro.npz`.

    Returns:
      archs int32 [6561, 8] and the mean test accuracy of three trainings [6561], in
      [0, 1].

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged.
    """
    archs, arrays = read_macro(data_dir, ("test_acc",))
    return archs, arrays["test_acc"].mean(axis=1) / 100.0


def read_201_truth(data_dir: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads NAS-Bench-201: every cell with its accuracy on CIFAR-10.

    Args:
      data_dir: folder that holds `nas_bench_201/nas_bench_201.npz`.

    Returns:
      archs int32 [15625, 6] and the mean validation accuracy of the trainings of 200
      epochs [15625], in [0, 1]; test values stay sealed.

    Raises:
      MissingFileError: the file is not there.
      UserError: the file is damaged.
    """
    table = load_nas_bench_201(data_dir)
    archs = archs_at(table.space, np.arange(table.space.size))
    return archs, np.nanmean(table.validation[-1], axis=1)


TRUTHS = {"nas_bench_macro": read_macro_truth, "nas_bench_201": read_201_truth}


def rank_agreement(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Agreement of two rankings.

    Args:
      scores: float [N], larger is better.
      truth: float [N], larger is better.

    Returns:
      kendall_tau (tau-b, which accounts for ties) and spearman, each in [-1, 1].

    Raises:
      UserError: one of them is constant or not finite, so there is no ranking.
    """
    from scipy import stats

    for name, values in (("scores", scores), ("truth", truth)):
        if not np.isfinite(values).all() or np.ptp(values) == 0:
            raise UserError(f"{name}: constant or not finite, expected a ranking")
    return {
        "kendall_tau": float(stats.kendalltau(scores, truth).statistic),
        "spearman": float(stats.spearmanr(scores, truth).statistic),
    }
