"""The most memory that activations take at one time, from what an op computes.

A program is walked through in order, with a batch of one. An array lives from the
operation that makes it to the last one that reads it, and an operation needs its inputs
and its output at the same time. Counted is the largest sum of the arrays that live at
one time, in bytes, with these rules, which are those of an interpreter that plans its
memory ahead:

- weights, and whatever follows from weights alone, are no activations;
- reshaping, turning, slicing and spreading out are views: they need nothing of their
  own and keep alive what they look at;
- an operation that works number by number writes over an input of its size that nobody
  reads any more (normalisation, activation, the sum at the end of a residual block);
- everything else (convolutions, products, sums over pixels, padding, joining channels)
  makes a new array;
- of loops and branches the largest body is added to what lives around it.

So the input of a residual block lives through the whole block, as the sum at its end
reads it, and a node of a cell as long as an edge still reads it. Two ops side by side
never run at the same time.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from qnas_jax.nets.costs import inner_jaxprs

Value = int | None
"""The number of an activation; None for a constant."""

# fmt: off
_VIEWS = {
    "broadcast_in_dim", "copy", "expand_dims", "optimization_barrier", "reshape",
    "rev", "slice", "squeeze", "stop_gradient", "transpose",
}
# fmt: on
# fmt: off
_BY_NUMBER = {
    "abs", "add", "ceil", "clamp", "cos", "div", "erf", "exp", "exp2", "expm1",
    "floor", "integer_pow", "log", "log1p", "logistic", "max", "min", "mul", "neg",
    "pow", "round", "rsqrt", "select_n", "sign", "sin", "sqrt", "square", "sub",
    "tanh",
}
# fmt: on
_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "checkpoint": "jaxpr",
}


class _Step(NamedTuple):
    """One operation: a view, by number, or one that makes a new array."""

    kind: str
    reads: tuple[int, ...]
    writes: int
    working: int


class Walk:
    """A program under construction, operation by operation."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._steps: list[_Step] = []
        self._inputs: list[int] = []

    def input(self, num_bytes: int) -> int:
        """Adds an array that is there from the start."""
        self._inputs.append(self._new(num_bytes))
        return self._inputs[-1]

    def add(self, one: Value, other: Value) -> Value:
        """The sum of two arrays of one size."""
        there = [value for value in (one, other) if value is not None]
        if not there:
            return None
        return self._step("number", there, self._sizes[there[0]])

    def run(self, program: ClosedJaxpr, values: Sequence[Value]) -> list[Value]:
        """Adds the operations of a program.

        Args:
          program: what is computed.
          values: its arguments.

        Returns:
          Its results.
        """
        return self._run(program.jaxpr, values)

    def peak(self, outputs: Iterable[Value]) -> int:
        """The largest sum of arrays that live at one time, in bytes.

        Args:
          outputs: what lives to the end.
        """
        last = [-1] * len(self._sizes)
        for time, step in enumerate(self._steps):
            for value in step.reads:
                last[value] = time
        for kept in outputs:
            if kept is not None:
                last[kept] = len(self._steps)
        # Views and what is written over share a buffer: [bytes, its latest reading].
        buffer = {value: [self._sizes[value], last[value]] for value in self._inputs}
        living = sum(size for size, _ in buffer.values())
        peak = living
        for time, step in enumerate(self._steps):
            size = self._sizes[step.writes]
            shared = self._shared(step, size, buffer, time)
            if shared is None:
                shared = [size, -1]
                living += size
            buffer[step.writes] = shared
            shared[1] = max(shared[1], last[step.writes], time)
            peak = max(peak, living + step.working)
            touched = {id(buffer[v]): buffer[v] for v in (*step.reads, step.writes)}
            living -= sum(size for size, end in touched.values() if end <= time)
        return peak

    def _shared(
        self, step: _Step, size: int, buffer: dict[int, list[int]], time: int
    ) -> list[int] | None:
        """The buffer of an input that the output takes; None: it needs its own."""
        if step.kind == "view":
            return buffer[step.reads[0]]
        if step.kind == "number":
            for value in step.reads:
                if buffer[value][0] == size and buffer[value][1] <= time:
                    return buffer[value]
        return None

    def _new(self, num_bytes: int) -> int:
        self._sizes.append(num_bytes)
        return len(self._sizes) - 1

    def _step(
        self, kind: str, reads: Sequence[int], num_bytes: int, working: int = 0
    ) -> int:
        made = self._new(num_bytes)
        self._steps.append(_Step(kind, tuple(reads), made, working))
        return made

    def _run(self, jaxpr: Jaxpr, values: Sequence[Value]) -> list[Value]:
        known: dict[Any, Value] = dict(zip(jaxpr.invars, values, strict=True))

        def read(atoms: Iterable[Any]) -> list[Value]:
            return [None if isinstance(a, Literal) else known.get(a) for a in atoms]

        for equation in jaxpr.eqns:
            found = self._equation(equation, read(equation.invars))
            known.update(zip(equation.outvars, found, strict=True))
        return read(jaxpr.outvars)

    def _equation(self, equation: Any, values: list[Value]) -> list[Value]:
        name, params = equation.primitive.name, equation.params
        there = [value for value in values if value is not None]
        if not there:
            return [None] * len(equation.outvars)
        if name in _CALLS:
            inner = params[_CALLS[name]]
            return self._run(getattr(inner, "jaxpr", inner), values)
        sizes = [_num_bytes(variable.aval) for variable in equation.outvars]
        same = name == "convert_element_type" and sizes[0] == self._sizes[there[0]]
        if name in _VIEWS or same:
            looked_at = values if len(values) == len(sizes) else [there[0]]
            return [
                None if value is None else self._step("view", [value], size)
                for value, size in zip(looked_at, sizes, strict=True)
            ]
        if name in _BY_NUMBER:
            return [self._step("number", there, sizes[0])]
        working = max(map(_inside, inner_jaxprs(params)), default=0)
        return [self._step("new", there, size, working) for size in sizes]


def peak_of_program(program: ClosedJaxpr) -> int:
    """The most bytes of an op or network.

    Args:
      program: (arrays of weights ..., one batch) -> results.

    Returns:
      Bytes, the batch among them.
    """
    walk = Walk()
    *weights, batch = program.jaxpr.invars
    start = walk.input(_num_bytes(batch.aval))
    return walk.peak(walk.run(program, [*(None for _ in weights), start]))


def _inside(jaxpr: Jaxpr) -> int:
    """What the body of a loop or a branch takes beyond its arguments."""
    walk = Walk()
    arguments = [walk.input(_num_bytes(variable.aval)) for variable in jaxpr.invars]
    given = sum(_num_bytes(variable.aval) for variable in jaxpr.invars)
    return walk.peak(walk._run(jaxpr, arguments)) - given


def _num_bytes(aval: Any) -> int:
    return math.prod(aval.shape) * aval.dtype.itemsize
