"""What each retrained classifier named every test example, and who was right where.

All see the same test examples, so two are compared on those that only one of them has
right (McNemar), which says more than their accuracies do.
"""

import pathlib
from collections.abc import Iterable

import numpy as np

from qnas_jax.jobs.nas.setting import NasSetting
from qnas_jax.runs import read_arrays, write_arrays


def write_answers(setting: NasSetting, name: str, answers: np.ndarray) -> None:
    """Keeps the answers of a classifier in `retrain/NAME/answers.npz`.

    Args:
      setting: the run.
      name: of the classifier.
      answers: int [N], the class named of each test example; -1 for none.
    """
    targets = np.asarray(setting.dataset.test.targets)
    smallest = np.min_scalar_type(-max(setting.dataset.num_classes, 1))
    write_arrays(
        _path(setting.folder.path, name),
        answers=np.asarray(answers).astype(smallest),
        targets=targets.astype(smallest),
    )


def alone_right(
    folder: pathlib.Path, winner: str, others: Iterable[str]
) -> dict[str, dict[str, int]]:
    """On how many test examples one of two classifiers alone is right.

    Args:
      folder: the work folder.
      winner: name of a classifier.
      others: names of those that it is held against.

    Returns:
      By name of the other `{"winner": b, "other": c}`; those whose answers (or the
      winner's) were not kept are left out.

    Raises:
      RunError: a file is damaged.
    """
    right = _right(folder, winner)
    if right is None:
        return {}
    found = {}
    for name in others:
        theirs = _right(folder, name)
        if theirs is not None:
            found[name] = {
                "winner": int(np.sum(right & ~theirs)),
                "other": int(np.sum(theirs & ~right)),
            }
    return found


def _right(folder: pathlib.Path, name: str) -> np.ndarray | None:
    """Which test examples it has right, bool [N]."""
    path = _path(folder, name)
    if not path.exists():
        return None
    answers, targets = read_arrays(path, "answers", "targets")
    return answers == targets


def _path(folder: pathlib.Path, name: str) -> pathlib.Path:
    return folder / "retrain" / name / "answers.npz"
