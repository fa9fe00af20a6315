"""What a search was worth where the truth is known: no network need be retrained."""

from collections.abc import Sequence

import numpy as np

from qnas_jax.errors import MissingFileError
from qnas_jax.evaluation import EVALUATORS, TRUTHS
from qnas_jax.jobs.nas.rank import worth_of_arch
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.jobs.nas.truth import read_truth
from qnas_jax.reporting import Worth


def worth_by_truth(setting: NasSetting, arch: Sequence[int], what: str) -> Worth | None:
    """Holds what a search by a supernet has found against all of its cost.

    Args:
      setting: the run.
      arch: int [L], what was found.
      what: names it.

    Returns:
      The comparison by true accuracies; None where no truth is known of the space and
      its data (the benchmarks' are of CIFAR-10) or of the arch, where it is not at
      hand, or where the evaluator itself looks up what is known.
    """
    if not EVALUATORS[setting.config.evaluator.name].trains:
        return None
    published = setting.space.name in TRUTHS and setting.dataset.name == "cifar10"
    if not (published or setting.config.rank.truth_file):
        return None
    try:
        truth = read_truth(setting)
    except MissingFileError:
        return None
    if not (truth[0] == np.asarray(arch)).all(axis=1).any():
        return None
    return worth_of_arch(setting, np.asarray(arch), truth, what)
