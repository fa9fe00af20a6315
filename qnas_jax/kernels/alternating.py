"""Alternating circuits: |+>, then p layers of cost phases and transverse-field mixer.

    |psi> = prod_l exp(-i sum_q beta_lq X_q) exp(-i sum_j gamma_lj C_j) |+>

Farhi, Goldstone & Gutmann, arXiv:1411.4028 (one gamma and one beta a layer); Herrman et
al., "Multi-angle QAOA", Sci. Rep. 12 (2022), arXiv:2109.11455 (one a term and a qubit).

The gradient undoes layer after layer, from the state and from its adjoint at once, so
nothing is kept but these two, whatever p is (Jones & Gacon, arXiv:2009.02823, for whole
layers). Forms:

    reference  qubit after qubit, library functions; gradients by differentiating all
    blocks     a `lax.scan` over layers, the mixer as small products in place
    products   the same with few large products, which turn the index round
    tiles      passes of a kernel over the state (`alternating_tiles.py`), for GPUs
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from qnas_jax.errors import UserError
from qnas_jax.kernels import dispatch, mixer
from qnas_jax.kernels.alternating_blocks import evolve as evolve_by_blocks
from qnas_jax.kernels.phases import apply_phases
from qnas_jax.kernels.quadratic import quadratic_diagonal
from qnas_jax.kernels.tiles import Shape

ON_GPU = ((1, "blocks"), (20, "tiles"))
"""(from so many qubits on, form) on a GPU; `experiments/benches/gpu_states.py`."""

_PRODUCT_BITS = 7  # of large products


def qaoa_state(
    diagonal: jax.Array,
    gammas: jax.Array,
    betas: jax.Array,
    *,
    implementation: str | None = None,
) -> jax.Array:
    """The state of an alternating circuit.

    Args:
      diagonal: real [2^n] cost of each bit string, or [m, 2^n] the terms of a
        multi-angle circuit.
      gammas: [p], or [p, m] one for each term; radians for one unit of the cost.
      betas: [p], or [p, n] one for each qubit; radians, exp(-i beta X).
      implementation: "reference", "blocks", "products", "tiles" (more than 13 qubits),
        or None: the fastest on the present backend.

    Returns:
      complex [2^n].

    Raises:
      UserError: the shapes do not fit, or the implementation is unknown.
    """
    terms, gammas, betas = _checked(diagonal, gammas, betas)
    form = _chosen(implementation, terms)
    return mixer.leave_frame(
        form(_total, _qubits(terms), terms, gammas, betas),
    )


def qaoa_expectation(
    diagonal: jax.Array,
    gammas: jax.Array,
    betas: jax.Array,
    *,
    implementation: str | None = None,
) -> jax.Array:
    """The expected cost of an alternating circuit, <psi|C|psi> / <psi|psi>.

    The norm is 1 but for rounding, which grows with p; dividing takes it out.

    Args:
      diagonal: real [2^n], or [m, 2^n]: the cost is the sum of all terms.
      gammas: [p] or [p, m], as in `qaoa_state`.
      betas: [p] or [p, n].
      implementation: as in `qaoa_state`.

    Returns:
      [] in the type of the diagonal.

    Raises:
      UserError: the shapes do not fit, or the implementation is unknown.
    """
    terms, gammas, betas = _checked(diagonal, gammas, betas)
    form = _chosen(implementation, terms)
    real, imaginary = form(_total, _qubits(terms), terms, gammas, betas)
    cost = terms[0] if len(terms) == 1 else jnp.sum(terms, axis=0)
    weights = real * real + imaginary * imaginary
    return jnp.sum(weights * cost) / jnp.sum(weights)


def multi_angle_state(
    linear: jax.Array,
    quadratic: jax.Array,
    gammas: jax.Array,
    betas: jax.Array,
    *,
    implementation: str | None = None,
) -> jax.Array:
    """The state of a circuit with an angle for each term of a quadratic form.

    The phases of a layer are the diagonal of another quadratic form, so that not one
    diagonal a term is kept.

    Args:
      linear: [n] the l_i of sum_i l_i x_i + sum_{i<j} q_ij x_i x_j.
      quadratic: [n, n] the q_ij, read above the diagonal.
      gammas: [p, n, n]; entry (i, i) belongs to l_i, (i, j) with i < j to q_ij.
      betas: [p] or [p, n].
      implementation: as in `qaoa_state`.

    Returns:
      complex [2^n].

    Raises:
      UserError: the shapes do not fit, or the implementation is unknown.
    """
    num_qubits = linear.size
    square = (num_qubits, num_qubits)
    fits = linear.shape == (num_qubits,) and quadratic.shape == square
    fits = fits and gammas.shape[1:] == square
    if not fits or betas.shape not in (gammas.shape[:1], gammas.shape[:2]):
        raise UserError(
            f"multi_angle_state: got linear {linear.shape}, quadratic "
            f"{quadratic.shape}, gammas {gammas.shape} and betas {betas.shape}, "
            "expected [n], [n, n], [p, n, n] and [p] or [p, n]"
        )
    by_backend = best_forms(num_qubits, betas.dtype)
    form = _choose(implementation, by_backend)
    planes = form(_by_term, num_qubits, (linear, quadratic), gammas, betas)
    return mixer.leave_frame(planes)


def _checked(
    diagonal: jax.Array, gammas: jax.Array, betas: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Terms [m, 2^n], gammas [p, m], betas [p] or [p, n], all of one type."""
    dtype = jnp.promote_types(diagonal.dtype, jnp.float32)
    terms = diagonal[None] if diagonal.ndim == 1 else diagonal
    size = terms.shape[-1]
    num_qubits = size.bit_length() - 1
    per_term = gammas[:, None] if gammas.ndim == diagonal.ndim == 1 else gammas
    fits = (
        terms.ndim == 2
        and size == 2**num_qubits > 1
        and per_term.shape[1:] == terms.shape[:1]
        and betas.shape in (gammas.shape[:1], (*gammas.shape[:1], num_qubits))
    )
    if not fits:
        raise UserError(
            f"got diagonal {diagonal.shape}, gammas {gammas.shape} and betas "
            f"{betas.shape}, expected [2^n], [p] and [p] or [p, n]; or [m, 2^n], "
            "[p, m] and the same"
        )
    return terms.astype(dtype), per_term.astype(dtype), betas.astype(dtype)


def _chosen(implementation: str | None, terms: jax.Array) -> Any:
    return _choose(implementation, best_forms(_qubits(terms), terms.dtype))


def _choose(implementation: str | None, by_backend: dict[str, str]) -> Any:
    return dispatch.choose(implementation, FORMS, by_backend, without_triton="blocks")


def best_forms(num_qubits: int, dtype: jax.typing.DTypeLike) -> dict[str, str]:
    """The fastest form on each backend.

    Args:
      num_qubits: n.
      dtype: of the angles; tiles are sized for float32.

    Returns:
      Backend -> name.
    """
    on_gpu = [form for least, form in ON_GPU if num_qubits >= least][-1]
    return {
        "cpu": "blocks",
        "gpu": on_gpu if jnp.dtype(dtype) == jnp.float32 else "blocks",
    }


def _qubits(terms: jax.Array) -> int:
    return int(terms.shape[-1]).bit_length() - 1


def _total(gamma: jax.Array, terms: jax.Array) -> jax.Array:
    """Phases [2^n] of a layer with one angle a term."""
    return gamma[0] * terms[0] if len(terms) == 1 else gamma @ terms


def _by_term(gamma: jax.Array, form: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Phases [2^n] of a layer with one angle a term of a quadratic form."""
    linear, quadratic = form
    return quadratic_diagonal(jnp.diagonal(gamma) * linear, gamma * quadratic)


Phases = Callable[[jax.Array, Any], jax.Array]


def _reference(
    phases: Phases, num_qubits: int, data: Any, gammas: jax.Array, betas: jax.Array
) -> mixer.Planes:
    plain = {"implementation": dispatch.REFERENCE}

    def layer(
        state: jax.Array, angles: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, None]:
        state = apply_phases(state, 1.0, phases(angles[0], data), **plain)
        return mixer.rotate_x(state, angles[1], **plain), None

    start = mixer.leave_frame(mixer.uniform_planes(num_qubits, betas.dtype))
    state, _ = lax.scan(layer, start, (gammas, betas))
    return mixer.enter_frame(state)


def tiles_form(shapes: tuple[Shape, Shape]) -> Callable[..., mixer.Planes]:
    """The form that passes over tiles.

    Args:
      shapes: of the tiles, and of those of the reverse mode.

    Returns:
      A form; it raises UserError for states of one tile.
    """

    def form(
        phases: Phases, num_qubits: int, data: Any, gammas: jax.Array, betas: jax.Array
    ) -> mixer.Planes:
        # Imported when it is taken, as it needs what only GPUs have a use for.
        from qnas_jax.kernels.alternating_tiles import evolve

        single = phases is _total and len(data) == 1
        if single:  # the phases are computed where they are needed
            phases, data, gammas = jnp.multiply, data[0], gammas[:, 0]
        return evolve(shapes, num_qubits, phases, single, data, gammas, betas)

    return form


FORMS = {
    dispatch.REFERENCE: _reference,
    "blocks": functools.partial(evolve_by_blocks, None),
    "products": functools.partial(evolve_by_blocks, _PRODUCT_BITS),
    "tiles": tiles_form((Shape(), Shape(parts=4))),
}
"""Every form by its name."""
