"""A user's function in JAX as an evaluator that runs inside compiled programs."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from qnas_jax.errors import UserError
from qnas_jax.evaluation.evaluator import Compiled, Evaluated, ScoreOf, finite_status
from qnas_jax.user_code.calls import UserFunction
from qnas_jax.user_code.files import describe_error


class JaxFunction(Compiled):
    """A function in JAX.

    Attributes:
      score: which metric is improved.
      fidelities: names, the cheapest first.
    """

    def __init__(
        self, function: UserFunction, score: ScoreOf, fidelities: tuple[str, ...]
    ):
        self._give = function.give
        self._path = function.path
        self._function = jax.jit(function.function)
        self.score = score
        self.fidelities = fidelities

    def __call__(self, key: jax.Array, archs: Any, fidelities: Any = None) -> Evaluated:
        """Metrics of archs int32 [P, L]; a mistake in the code is a UserError."""
        archs = jnp.asarray(archs, jnp.int32)
        if fidelities is None:
            fidelities = jnp.full(len(archs), len(self.fidelities) - 1, jnp.int32)
        more = self._give({"key": key, "fidelity": fidelities})
        try:
            result = self._function(archs, **more)
        except Exception as error:
            raise UserError(describe_error(error, self._path)) from error
        named = result if isinstance(result, Mapping) else {self.score.metric: result}
        metrics = {
            name: jnp.asarray(values, jnp.float32) for name, values in named.items()
        }
        shapes = {values.shape for values in metrics.values()}
        if self.score.metric not in metrics or shapes != {(len(archs),)}:
            got = {name: values.shape for name, values in metrics.items()}
            raise UserError(
                f"{self._path}: got metrics {got}, expected ({len(archs)},) each, and "
                f" {self.score.metric!r} among them"
            )
        return Evaluated(metrics, finite_status(metrics))
