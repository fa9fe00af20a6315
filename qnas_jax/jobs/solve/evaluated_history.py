"""Reads the history of a search and fits a cost Hamiltonian to it."""

import dataclasses
import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.evaluation.recorded import read_evaluations
from qnas_jax.optimise import Levels
from qnas_jax.options import OptionError
from qnas_jax.searching.history import empty_history, record
from qnas_jax.searching.models.surrogate import (
    Prior,
    fit,
    likeliest_prior,
    mean_hamiltonian,
    nearby_priors,
    weight_prior,
)

MOST_OPS = 1_000
"""Ops of a layer; a cost has a number for each pair of ops."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """Architectures with finite scores.

    Attributes:
      archs: int32 [N, L].
      scores: float [N], maximised.
      num_ops: (K_1, ..., K_L).
    """

    archs: np.ndarray
    scores: np.ndarray
    num_ops: tuple[int, ...]

    def score_of(self, arch: list[int]) -> float | None:
        """The score of an architecture, or None if it was not evaluated."""
        rows = np.flatnonzero((self.archs == np.asarray(arch)).all(axis=1))
        return float(self.scores[rows[0]]) if len(rows) else None


def read_history(path: pathlib.Path, num_ops: tuple[int, ...]) -> Scored:
    """Reads a `history.jsonl`, as the search stage writes it.

    Args:
      path: rows with `arch` (list of ops) and `score` (null where it failed).
      num_ops: ops of each layer; empty for as many as were seen.

    Returns:
      The rows with a score.

    Raises:
      MissingFileError: there is no such file.
      OptionError: `num_ops` does not fit the architectures.
      UserError: a row is damaged, or fewer than two rows have a score.
    """
    if not path.is_file():
        raise MissingFileError(f"problem.file: got {path}, expected a file")
    rows = read_evaluations(path)
    for row in rows:
        if len(row.arch) != len(rows[0].arch):
            raise UserError(
                f"{path}, line {row.line}: got an architecture of {len(row.arch)} "
                f"layers, expected {len(rows[0].arch)} as in line 1"
            )
        if max(row.arch) >= MOST_OPS:
            raise UserError(
                f"{path}, line {row.line}: got op {max(row.arch)}, expected the op of "
                f"each layer, below {MOST_OPS}"
            )
    scored = [(row.arch, row.score) for row in rows if row.score is not None]
    if len(scored) < 2:
        raise UserError(
            f"{path}: got {len(scored)} evaluations with a score, expected at least 2"
        )
    archs = np.asarray([arch for arch, _ in scored], np.int32)
    return Scored(
        archs=archs,
        scores=np.asarray([score for _, score in scored]),
        num_ops=_fitting(num_ops, archs),
    )


def _fitting(num_ops: tuple[int, ...], archs: np.ndarray) -> tuple[int, ...]:
    """Ops of each layer, at least as many as were seen."""
    seen = tuple(int(op) + 1 for op in archs.max(axis=0))
    if not num_ops:
        return seen
    if len(num_ops) != len(seen) or np.any(np.asarray(num_ops) < np.asarray(seen)):
        raise OptionError(
            "problem.num_ops",
            num_ops,
            f"{len(seen)} numbers, at least " + ",".join(map(str, seen)),
        )
    return num_ops


def fit_hamiltonian(history: Scored) -> Levels:
    """The posterior mean of the cost (the negative score) of every architecture.

    The model is that of the `hamiltonian` strategy, its variances the likeliest ones.

    Args:
      history: at least two evaluations.

    Returns:
      A quadratic form over registers of K_l levels.
    """
    archs = jnp.asarray(history.archs)
    return _fit(archs, jnp.asarray(history.scores, jnp.float32), history.num_ops)


@functools.partial(jax.jit, static_argnames="num_ops")
def _fit(archs: jax.Array, targets: jax.Array, num_ops: tuple[int, ...]) -> Levels:
    """One program: its operations one by one would take longer to compile."""
    rows = record(empty_history(*archs.shape), archs, targets)
    priors = weight_prior(nearby_priors(Prior()), len(num_ops))
    prior = likeliest_prior(rows, priors, scale="standard")
    cost = mean_hamiltonian(fit(rows, prior, scale="standard"), num_ops)
    spread, mean = jnp.std(targets), jnp.mean(targets)
    return Levels(
        unary=spread * cost.unary,
        pairwise=spread * cost.pairwise,
        constant=spread * cost.constant - mean,
        num_levels=cost.num_levels,
    )
