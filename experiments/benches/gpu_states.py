"""Parts of a session on an accelerator: state vectors.

Alternating circuits (QAOA) in every form, and circuits of arbitrary gates. The share
is the copy floor over the time: of one pass of reading and writing a layer, backwards
three more (`statevector.floors`).
"""

import concurrent.futures
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benches import statevector
from experiments.benches.circuits import random_layers
from experiments.benches.gpu_kernels import Note, seconds_of
from experiments.measuring import turns
from qnas_jax.kernels import alternating, qaoa_expectation
from qnas_jax.kernels.tiles import Shape
from qnas_jax.optimise import ising
from qnas_jax.quantum.simulate import run_circuit

_LAYERS = 8
_SMALL = {"tiles": (Shape(1, 1, 1), Shape(1, 1, 1)), "tiles B": (Shape(1, 1, 2),) * 2}
_SHAPES = {
    "tiles w0": (Shape(wide=0), Shape(parts=4, wide=0)),
    "tiles w2": (Shape(wide=2), Shape(parts=4, wide=2)),
    "tiles 355": (Shape(3, 5, 5, wide=0), Shape(4, 4, 4)),
    "tiles 534": (Shape(parts=4), Shape(rows=4, parts=3)),
    "tiles 525": (Shape(rows=2), Shape(rows=4, parts=4)),
}
"""Sizes of tiles and widths of reading beside the default, forwards and backwards."""


class Case(NamedTuple):
    """A form at a size; the gradient is to all angles."""

    num_qubits: int
    form: str
    kind: str

    def __str__(self) -> str:
        """Its name among the notes."""
        return f"{self.kind}-{self.num_qubits} {self.form}"


_BOTH = ("value", "gradient")


def _sizes(tiny: bool) -> list[list[Case]]:
    """Cases that are compiled side by side, what is wanted most first."""
    if tiny:
        forms = ("blocks", "tiles")
        return [[Case(5, form, kind) for kind in _BOTH for form in forms]]
    first, then = ((20, "blocks"), (20, "tiles"), (26, "tiles")), (24, 28, 30)
    return [
        [Case(n, form, kind) for n, form in first for kind in _BOTH],
        [Case(n, "tiles", kind) for n in then for kind in _BOTH],
    ]


def _forms(tiny: bool) -> list[list[Case]]:
    if tiny:
        forms = ("blocks", "products", *_SMALL)
        return [[Case(5, form, kind) for kind in _BOTH for form in forms]]
    return [
        [Case(n, "products", kind) for n in (20, 26) for kind in _BOTH],
        [Case(26, form, kind) for form in list(_SHAPES)[:3] for kind in _BOTH],
        [Case(26, "blocks", kind) for kind in _BOTH],
        [Case(20, form, kind) for form in list(_SHAPES)[:3] for kind in _BOTH],
        [Case(12, form, "gradient") for form in ("products", "blocks")],
        [
            Case(n, form, kind)
            for n in (26, 20)
            for form in list(_SHAPES)[3:]
            for kind in _BOTH
        ],
    ]


def state_vectors(note: Note, *, tiny: bool, forms: bool) -> None:
    """QAOA with 8 layers on a dense Ising cost, value and gradient, by form and qubits.

    Notes milliseconds, the share of the copy floor, seconds of tracing and compilation,
    and how far a result is from that of the first form of its size, relative to the
    largest cost.

    Args:
      note: (key, value).
      tiny: small shapes.
      forms: all forms and tiles of other sizes, instead of all numbers of qubits.
    """
    copy_gb = copy_rate(tiny)
    note("copy GB/s", copy_gb)
    known = dict(alternating.FORMS)
    alternating.FORMS.update(_SMALL_FORMS if tiny else _LARGE_FORMS)
    try:
        for cases in (_forms if forms else _sizes)(tiny):
            _measure(note, cases, copy_gb)
    finally:
        alternating.FORMS.clear()
        alternating.FORMS.update(known)


_SMALL_FORMS = {name: alternating.tiles_form(s) for name, s in _SMALL.items()}
_LARGE_FORMS = {name: alternating.tiles_form(s) for name, s in _SHAPES.items()}


def copy_rate(tiny: bool) -> float:
    """Bandwidth of reading and writing, 1e9 bytes a second."""
    vector = jnp.ones((2**20 if tiny else 2**28,), jnp.float32)
    copy = jax.jit(lambda values: values + 1.0)
    return 2e-9 * vector.nbytes / seconds_of(functools.partial(copy, vector))


def _measure(note: Note, cases: Sequence[Case], copy_gb: float) -> None:
    programs = compile_all({case: _lowered(case) for case in cases})
    results: dict[tuple[int, str], Any] = {}
    for case, (program, seconds) in programs.items():
        if isinstance(program, str):
            note(str(case), program)
            continue
        try:
            arguments = _arguments(case.num_qubits)
            result = jax.block_until_ready(program(*arguments))
            scale = float(jnp.abs(arguments[0]).max())
            base = results.setdefault((case.num_qubits, case.kind), result)
            run = functools.partial(program, *arguments)
            calls = 10 if case.num_qubits < 24 else 3
            milliseconds = 1e3 * seconds_of(run, calls, passes=3)
        except Exception as error:
            note(str(case), f"{type(error).__name__}: {error}"[:300])
            continue
        floors = statevector.floors(f"{case.kind}-{case.num_qubits}", 1.0, copy_gb)
        note(
            str(case),
            {
                "ms": milliseconds,
                "share": floors["copy floor ms"] / milliseconds,
                "compile s": seconds,
                "difference": float(jnp.abs(result - base).max()) / scale,
            },
        )


def _lowered(case: Case) -> Any:
    """The program before it is compiled, or why there is none."""
    function: Callable[..., Any] = functools.partial(
        qaoa_expectation, implementation=case.form
    )
    if case.kind == "gradient":
        slopes = jax.grad(function, argnums=(1, 2))
        function = lambda *a: jnp.stack(slopes(*a))  # noqa: E731
    size, angles = (2**case.num_qubits,), (_LAYERS,)
    shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in (size, angles, angles)]
    started = time.perf_counter()
    try:
        return jax.jit(function).lower(*shapes), time.perf_counter() - started
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300], 0.0


def compile_all(lowered: dict[Any, Any]) -> dict[Any, tuple[Any, float]]:
    """Compiles side by side.

    Args:
      lowered: by name, (program or message, seconds of lowering).

    Returns:
      By name, (compiled program or message, seconds of lowering and compiling).
    """

    def compile_one(program: Any, seconds: float) -> tuple[Any, float]:
        if isinstance(program, str):
            return program, seconds
        started = time.perf_counter()
        try:
            compiled = program.compile()
        except Exception as error:
            compiled = f"{type(error).__name__}: {error}"[:300]
        return compiled, seconds + time.perf_counter() - started

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        futures = {
            name: pool.submit(compile_one, *each) for name, each in lowered.items()
        }
        return {name: future.result() for name, future in futures.items()}


@functools.lru_cache(maxsize=1)
def _costs(num_qubits: int) -> jax.Array:
    rng = np.random.default_rng(num_qubits)
    couplings = np.triu(rng.normal(size=(num_qubits, num_qubits)), k=1)
    return ising(rng.normal(size=num_qubits), couplings).table()


def _arguments(num_qubits: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    angles = np.random.default_rng(0).uniform(0, 0.5, (2, _LAYERS))
    return _costs(num_qubits), jnp.float32(angles[0]), jnp.float32(angles[1])


def circuits(note: Note, *, tiny: bool) -> None:
    """Layers of U on every qubit and CX on a random matching, the state.

    Notes milliseconds and the share of the copy floor of two passes a layer.
    """
    depth = 2 if tiny else 20
    lowered, params = {}, {}
    for num_qubits in (5,) if tiny else (20, 24, 26):
        circuit = random_layers(num_qubits, depth)
        values = np.random.default_rng(1).uniform(-np.pi, np.pi, circuit.num_params)
        params[num_qubits] = jnp.float32(values)
        program = jax.jit(functools.partial(run_circuit, circuit))
        started = time.perf_counter()
        traced = program.lower(params[num_qubits])
        lowered[num_qubits] = traced, time.perf_counter() - started
    programs = compile_all(lowered)
    turns.take()
    copy_gb = copy_rate(tiny)
    note("copy GB/s", copy_gb)
    for num_qubits, (program, seconds) in programs.items():
        name = f"random-{num_qubits}"
        if isinstance(program, str):
            note(name, program)
            continue
        try:
            run = functools.partial(program, params[num_qubits])
            milliseconds = 1e3 * seconds_of(run, 3, 3)
        except Exception as error:
            note(name, f"{type(error).__name__}: {error}"[:300])
            continue
        share = 1e-6 * 2 * 16 * depth * 2**num_qubits / copy_gb / milliseconds
        note(name, {"ms": milliseconds, "share": share, "compile s": seconds})
