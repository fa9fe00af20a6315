"""Zero-noise extrapolation: run a circuit with more noise, extrapolate to none.

The noise is scaled by folding (Giurgica-Tiron et al., "Digital zero noise extrapolation
for quantum error mitigation", QCE 2020): G becomes G G^+ G, which does the same and
passes three times through the noise. The extrapolation is that of mitiq (LaRose et al.,
Quantum 6, 774, 2022), but for an exponential whose asymptote is not known: a and b of
a + b exp(-c scale) follow from c by least squares, so that only c is searched for
(variable projection: Golub & Pereyra, SIAM J. Numer. Anal. 10, 1973), which always
converges. Errors of the measurement are not scaled by folding: correct them first, with
`readout.correct_readout`.
"""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.quantum.circuit import Circuit, Operation
from qnas_jax.quantum.inputs import check_numbers

# Decays over the range of the scales, between which an exponential is looked for: a
# line, and one of which nothing is left after the first value.
_SLOWEST, _FASTEST = 1e-4, 20.0

Folding = Literal["global", "local"]
Extrapolation = Literal["linear", "richardson", "exponential"]


@dataclasses.dataclass(frozen=True)
class Extrapolated:
    """A value without noise, and what it was extrapolated from.

    Attributes:
      value: the estimate at scale 0.
      scales: how much longer the folded circuits really are; what was fitted.
      noisy_values: the values that were measured at these scales.
    """

    value: float
    scales: tuple[float, ...]
    noisy_values: tuple[float, ...]


def fold_global(circuit: Circuit, scale: float) -> Circuit:
    """The circuit C as C (C^+ C)^k, then its last s gates L once more as L^+ L.

    Args:
      circuit: C, of d gates.
      scale: wanted ratio of the numbers of gates, at least 1; k and s are those that
        come nearest to it, d (1 + 2 k) + 2 s = d scale.

    Returns:
      A circuit that does the same without noise.
    """
    length = len(circuit.operations)
    whole, rest = _folds(length, scale)
    folded = circuit
    for _ in range(whole):
        folded = folded.then(circuit.inverse()).then(circuit)
    last = Circuit(circuit.num_qubits, circuit.operations[length - rest :])
    return folded.then(last.inverse()).then(last)


def fold_local(circuit: Circuit, scale: float) -> Circuit:
    """Every gate G as G (G^+ G)^k, the first s gates once more.

    Args:
      circuit: of d gates.
      scale: as for `fold_global`.

    Returns:
      A circuit that does the same without noise.
    """
    whole, rest = _folds(len(circuit.operations), scale)
    folded: list[Operation] = []
    for place, operation in enumerate(circuit.operations):
        pair = [operation.inverse(), operation]
        folded += [operation, *pair * (whole + (place < rest))]
    return Circuit(circuit.num_qubits, tuple(folded))


FOLDINGS: dict[str, Callable[[Circuit, float], Circuit]] = {
    "global": fold_global,
    "local": fold_local,
}


def zero_noise_value(
    circuit: Circuit,
    measure: Callable[[Circuit], float],
    *,
    scales: Sequence[float] = (1.0, 3.0, 5.0),
    folding: Folding = "global",
    method: Extrapolation = "richardson",
    asymptote: float | None = None,
) -> Extrapolated:
    """Estimates the value of a circuit without noise from runs with more noise.

    Args:
      circuit: what to run.
      measure: an expected value of a circuit on the noisy machine, for example from
        `density` or `trajectories`.
      scales: wanted noise scales, at least 1 and distinct. "richardson" fits a
        polynomial through all of them, so take few.
      folding: "global" or "local".
      method: "linear", "richardson" or "exponential" (a + b exp(-c scale)).
      asymptote: a of the exponential, the value of pure noise, where it is known (0 for
        a sum of Pauli strings without the identity, under depolarising noise); fitted
        otherwise, which takes four scales.

    Returns:
      The estimate with what it was made from.

    Raises:
      UserError: unknown method or folding, too few or equal scales, scales below 1, or
        values that no such curve fits.
      ImportError: mitiq is not installed.
    """
    if folding not in FOLDINGS:
        raise UserError(f"folding: got {folding!r}, expected one of {list(FOLDINGS)}")
    circuits = [FOLDINGS[folding](circuit, scale) for scale in scales]
    length = len(circuit.operations)
    reached = [len(folded.operations) / length for folded in circuits]
    if len(set(reached)) != len(reached):
        raise UserError(
            f"scales: got {tuple(scales)}, which fold {length} gates to "
            f"{[len(folded.operations) for folded in circuits]}; expected distinct ones"
        )
    values = [float(measure(folded)) for folded in circuits]
    value = extrapolate(reached, values, method=method, asymptote=asymptote)
    return Extrapolated(value, tuple(reached), tuple(values))


def extrapolate(
    scales: Sequence[float],
    values: Sequence[float],
    *,
    method: Extrapolation = "richardson",
    asymptote: float | None = None,
) -> float:
    """The value at scale 0 of a curve through values at other scales.

    Args:
      scales: distinct and finite.
      values: one a scale, finite.
      method: as for `zero_noise_value`.
      asymptote: as for `zero_noise_value`.

    Returns:
      The estimate.

    Raises:
      UserError: unknown method, too few scales for it, or numbers that no such curve
        fits.
      ImportError: mitiq is not installed.
    """
    inference = _mitiq_inference()
    factories: dict[str, Any] = {
        "linear": inference.LinearFactory,
        "richardson": inference.RichardsonFactory,
        "exponential": inference.ExpFactory,
    }
    if method not in factories:
        raise UserError(f"method: got {method!r}, expected one of {list(factories)}")
    fitted = method == "exponential" and asymptote is None
    wanted = 4 if fitted else 2
    if len(scales) < wanted or len(scales) != len(values):
        raise UserError(
            f"{method}: got {len(scales)} scales and {len(values)} values, expected as "
            f"many of both and at least {wanted}"
            + (" (two with an asymptote)" if fitted else "")
        )
    check_numbers("scales", list(scales))
    check_numbers("values", list(values))
    if len(set(scales)) < len(scales):
        raise UserError(f"scales: got {tuple(scales)}, expected distinct ones")
    if fitted:
        return _exponential_at_zero(
            np.asarray(scales, float), np.asarray(values, float)
        )
    options = {"asymptote": asymptote} if method == "exponential" else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", inference.ExtrapolationWarning)
            value = factories[method].extrapolate(list(scales), list(values), **options)
    except (inference.ExtrapolationError, inference.ExtrapolationWarning) as error:
        raise UserError(
            f"{method}: got values {_short(values)} at scales {_short(scales)}, which "
            "no such curve fits; expected more scales, or use 'linear'"
        ) from error
    return float(value)


def _exponential_at_zero(scales: np.ndarray, values: np.ndarray) -> float:
    """A + b of the curve a + b exp(-c scale) that comes nearest to some values."""
    length = float(np.ptp(scales))

    def fit(decay: float) -> tuple[float, float]:
        """What is left of the values by squares, and a + b; c = decay / length."""
        # The slope at zero decay, so that slow ones are a line and not a division by 0.
        column = np.expm1(-decay * scales / length) / decay
        table = np.stack([np.ones_like(scales), column], axis=1)
        solution = np.linalg.lstsq(table, values, rcond=None)[0]
        rest = values - table @ solution
        return float(rest @ rest), float(solution[0])

    decays = np.geomspace(_SLOWEST, _FASTEST, 61)
    best = int(np.argmin([fit(decay)[0] for decay in decays]))
    low, high = decays[max(best - 1, 0)], decays[min(best + 1, len(decays) - 1)]
    import scipy.optimize  # here, as few need it and it imports slowly

    found = scipy.optimize.minimize_scalar(
        lambda decay: fit(decay)[0],
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return fit(min(found.x, decays[best], key=lambda decay: fit(decay)[0]))[1]


def _short(numbers: Sequence[float]) -> str:
    return "(" + ", ".join(f"{number:.6g}" for number in numbers) + ")"


def _folds(length: int, scale: float) -> tuple[int, int]:
    """How often all gates are folded, and how many of them once more."""
    if not 1 <= scale < float("inf"):
        raise UserError(f"noise scale: got {scale}, expected a number of at least 1")
    if not length:
        raise UserError("got a circuit without gates, expected some to fold")
    return divmod(round((scale - 1) * length / 2), length)


def _mitiq_inference() -> Any:
    try:
        from mitiq.zne import inference
    except ImportError as error:
        raise ImportError(
            "zero-noise extrapolation needs mitiq: pip install 'qnas_jax[quantum]'"
        ) from error
    return inference
