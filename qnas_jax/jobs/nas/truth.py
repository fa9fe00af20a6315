"""What a run's architectures are known to reach, and which of them are ranked."""

import jax
import numpy as np

from qnas_jax.evaluation import TRUTHS, read_own_truth
from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.options import OptionError


def read_truth(setting: NasSetting) -> tuple[np.ndarray, np.ndarray]:
    """Reads what the space's architectures are known to reach.

    Args:
      setting: the run.

    Returns:
      archs int32 [N, L] and their accuracy [N], in [0, 1].

    Raises:
      OptionError: no truth is known for this space.
      MissingFileError: the truth is not in the data folder, or where it is named.
      UserError: the user's own truth is damaged, or about another space.
    """
    options, name = setting.config.rank, setting.space.name
    if options.truth_file:
        return read_own_truth(
            options.truth_file,
            setting.space,
            arch_columns=options.truth_archs,
            columns=options.truth_columns,
        )
    if name not in TRUTHS:
        allowed = "one of " + ", ".join(TRUTHS) + ", whose architectures are known"
        allowed += ", or a table of your own (rank.truth_file)"
        raise OptionError("space.name", name, allowed)
    root = setting.config.data.data_root()
    return TRUTHS[name](str(root or "."))


def chosen_archs(setting: NasSetting) -> tuple[np.ndarray, np.ndarray]:
    """What is ranked: all of `read_truth`, or `rank.archs` of them at random.

    Args:
      setting: the run.

    Returns:
      archs int32 [N, L], in the order of the truth, and their accuracy [N].

    Raises:
      OptionError: no truth is known for this space.
      MissingFileError: the truth is not in the data folder.
    """
    archs, truth = read_truth(setting)
    wanted = setting.config.rank.archs
    if not 0 < wanted < len(archs):
        return archs, truth
    order = jax.random.permutation(setting.key("rank/archs"), len(archs))
    chosen = np.sort(np.asarray(order)[:wanted])
    return archs[chosen], truth[chosen]
