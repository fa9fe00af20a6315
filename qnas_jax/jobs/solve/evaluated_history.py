"""Reads the history of a search and fits a cost Hamiltonian to it."""

import dataclasses
import functools
import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.optimise import Levels
from qnas_jax.options import OptionError
from qnas_jax.runs import read_rows
from qnas_jax.search.history import empty_history, record
from qnas_jax.search.models.surrogate import (
    Prior,
    fit,
    likeliest_prior,
    mean_hamiltonian,
    nearby_priors,
    weight_prior,
)

MOST_OPS = 1_000


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
    rows = read_rows(path)
    found = [_read_row(path, place, row) for place, row in enumerate(rows, start=1)]
    scored = [(arch, score) for arch, score in found if score is not None]
    if len({len(arch) for arch, _ in found}) > 1:
        raise UserError(f"{path}: got architectures of several lengths, expected one")
    if len(scored) < 2:
        raise UserError(
            f"{path}: got {len(scored)} evaluations with a score, expected at least 2"
        )
    archs = _small([arch for arch, _ in scored], path)
    return Scored(
        archs=archs,
        scores=np.asarray([score for _, score in scored]),
        num_ops=_fitting(num_ops, archs),
    )


def _read_row(
    path: pathlib.Path, place: int, row: Any
) -> tuple[list[int], float | None]:
    fields: dict[str, Any] = row if isinstance(row, dict) else {}
    arch: Any = fields.get("arch")
    score: Any = fields.get("score")
    is_list = isinstance(arch, list) and bool(arch)
    if not is_list or not all(type(op) is int and op >= 0 for op in arch):
        raise UserError(
            f"{path}, line {place}: got {json.dumps(row)[:80]}, expected "
            '{"arch": [op of each layer], "score": number, ...}'
        )
    if score is not None and type(score) not in (int, float):
        raise UserError(f"{path}, line {place}: got score {score!r}, expected a number")
    return arch, score


def _small(archs: list[list[int]], path: pathlib.Path) -> np.ndarray:
    """Int32 [N, L]; a cost has a number for each pair of ops, so these are few."""
    largest = max(map(max, archs))
    if largest >= MOST_OPS:
        raise UserError(f"{path}: got op {largest}, expected numbers below {MOST_OPS}")
    return np.asarray(archs, np.int32)


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
