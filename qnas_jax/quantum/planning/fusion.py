"""Plans: which gates of a circuit act together, found before anything is traced.

A plan is a chain of rounds. In a round all qubits are divided into bins, the first of
at most `MAX_BIN` qubits and the others mostly of two, and each bin gets one matrix: a
Kronecker product of pieces, the products of all gates that fell on one qubit or on one
pair of qubits. What permutes basis states by an affine map (X, CX, SWAP) and does not
fit into a piece ends the round for its qubits and costs nothing: the map is taken
together with the order of the qubits that the next round wants, as one gather. All
rounds of a circuit have bins of the same sizes, so they are one loop of one compiled
body.

Gates with more qubits than the first bin stand between the rounds.
"""

import dataclasses
import functools
from collections.abc import Sequence

from qnas_jax.quantum.circuit import Circuit, Operation
from qnas_jax.quantum.planning.affine import AffineMap

MAX_BIN = 4
_PAIR = 2
_GATHER_COST = 1.7
_BIN_COST = {1: 0.7, 2: 0.9, 3: 1.4, 4: 2.3}


@dataclasses.dataclass(frozen=True)
class Piece:
    """Gates on the same few qubits.

    Attributes:
      qubits: in increasing order; the first is the most significant.
      operations: first to last; none is the identity.
    """

    qubits: tuple[int, ...]
    operations: tuple[Operation, ...] = ()


@dataclasses.dataclass(frozen=True)
class Round:
    """One matrix for each bin of qubits.

    Attributes:
      entry: where each amplitude comes from, before the matrices act.
      bins: pieces of each bin, the most significant first; bin 0 holds the least
        significant qubits.
    """

    entry: AffineMap
    bins: tuple[tuple[Piece, ...], ...]


@dataclasses.dataclass(frozen=True)
class Segment:
    """Rounds between two states in the order of the qubits.

    Attributes:
      rounds: first to last.
      leave: where each amplitude of the result comes from.
    """

    rounds: tuple[Round, ...]
    leave: AffineMap

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.rounds, self.leave))

    def __hash__(self) -> int:
        return self._hash


def bin_sizes(num_qubits: int, size: int = _PAIR) -> tuple[int, ...]:
    """A first bin of `MAX_BIN` qubits, others of `size`, and one of the rest."""
    first = min(num_qubits, MAX_BIN)
    full, rest = divmod(num_qubits - first, size)
    return (first,) + (size,) * full + ((rest,) if rest else ())


@functools.lru_cache(maxsize=256)
def plan_circuit(circuit: Circuit) -> tuple[Segment | Operation, ...]:
    """Divides a circuit into segments and gates that are too wide for a bin.

    Bins of two qubits take less time than the same qubits in bins of four, but gates on
    three or four qubits may need fewer rounds with those: the cheaper plan is taken.

    Args:
      circuit: any.

    Returns:
      What to apply, first to last.
    """
    wide = any(
        len(op.qubits) > _PAIR and not is_permutation(op) for op in circuit.operations
    )
    choices = {bin_sizes(circuit.num_qubits, k) for k in (_PAIR, MAX_BIN)[: 1 + wide]}
    plans = {sizes: _plan(circuit, sizes) for sizes in sorted(choices)}
    return plans[min(plans, key=lambda sizes: _cost(plans[sizes], sizes))]


def _cost(plan: tuple[Segment | Operation, ...], sizes: tuple[int, ...]) -> float:
    """Time of a plan in milliseconds for 20 qubits, as measured on one core."""
    alone = _GATHER_COST + sum(_BIN_COST[size] for size in sizes)
    return alone * sum(len(s.rounds) for s in plan if isinstance(s, Segment))


def _plan(circuit: Circuit, sizes: tuple[int, ...]) -> tuple[Segment | Operation, ...]:
    steps: list[Segment | Operation] = []
    builder = _SegmentBuilder(circuit.num_qubits)
    left = list(circuit.operations)
    while left:
        if _is_wide(left[0], sizes):
            steps += builder.finish() + [left.pop(0)]
            continue
        packing = _Packing(circuit.num_qubits, sizes)
        left = [op for op in left if not packing.take(op)]
        builder.append(packing)
    return tuple(steps + builder.finish())


def is_permutation(operation: Operation) -> bool:
    """Whether an operation maps basis indices by an affine map."""
    name = "c" * operation.num_controls + operation.gate
    return name in ("x", "cx", "swap")


def _is_wide(operation: Operation, sizes: tuple[int, ...]) -> bool:
    return len(operation.qubits) > sizes[0] and not is_permutation(operation)


class _Packing:
    """A round while it is filled, in the order of the circuit."""

    def __init__(self, num_qubits: int, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self.pieces = {q: Piece((q,)) for q in range(num_qubits)}
        self.permutations: list[Operation] = []
        self.permuted: set[int] = set()
        self.closed: set[int] = set()

    def take(self, operation: Operation) -> bool:
        """Takes an operation, or closes its qubits for what comes later."""
        qubits = operation.qubits
        if self.closed.isdisjoint(qubits):
            if self.permuted.isdisjoint(qubits) and self._merge(operation):
                return True
            if is_permutation(operation):
                self.permutations.append(operation)
                self.permuted.update(qubits)
                return True
        self.closed.update(qubits)
        return False

    def _merge(self, operation: Operation) -> bool:
        touched = {self.pieces[q].qubits: self.pieces[q] for q in operation.qubits}
        qubits = tuple(sorted(q for own in touched for q in own))
        if len(qubits) > max(_PAIR, len(operation.qubits)):
            return False
        if len(touched) > 1 and not self._fits(qubits):
            return False
        before = tuple(op for piece in touched.values() for op in piece.operations)
        merged = Piece(qubits, (*before, operation))
        self.pieces.update(dict.fromkeys(qubits, merged))
        return True

    def _fits(self, qubits: tuple[int, ...]) -> bool:
        others = {own.qubits for q, own in self.pieces.items() if q not in qubits}
        widths = sorted([len(own) for own in others] + [len(qubits)])
        return _assign(tuple(widths), self.sizes) is not None

    def bins(self) -> tuple[tuple[Piece, ...], ...]:
        """The pieces of each bin, larger pieces first."""
        distinct = {own.qubits: own for own in self.pieces.values()}
        pieces = sorted(distinct.values(), key=lambda p: (len(p.qubits), p.qubits))
        chosen = _assign(tuple(len(piece.qubits) for piece in pieces), self.sizes)
        assert chosen is not None
        members: list[list[Piece]] = [[] for _ in self.sizes]
        for piece, target in zip(pieces, chosen, strict=True):
            members[target].append(piece)
        return tuple(
            tuple(sorted(group, key=lambda p: (-len(p.qubits), p.qubits)))
            for group in members
        )


@functools.lru_cache(maxsize=4096)
def _assign(widths: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[int, ...] | None:
    """Bins of pieces of increasing width: the widest first, into the fullest bin."""
    room = list(sizes)
    chosen: list[int] = []
    for width in reversed(widths):
        fitting = [b for b, free in enumerate(room) if free >= width]
        if not fitting:
            return None
        target = min(fitting, key=lambda b: room[b])
        room[target] -= width
        chosen.append(target)
    return tuple(reversed(chosen))


class _SegmentBuilder:
    """Follows where the amplitudes of the state lie while rounds are appended."""

    def __init__(self, num_qubits: int) -> None:
        self.num_qubits = num_qubits
        self._reset()

    def _reset(self) -> None:
        self.rounds: list[Round] = []
        self.offset = 0
        self.columns = {
            q: 1 << (self.num_qubits - 1 - q) for q in range(self.num_qubits)
        }

    def append(self, packing: _Packing) -> None:
        """Adds a round and the permutations behind it."""
        bins = packing.bins()
        order = [q for group in reversed(bins) for piece in group for q in piece.qubits]
        self.rounds.append(Round(self._map(order), bins))
        self.offset = 0
        self.columns = {q: 1 << b for b, q in enumerate(reversed(order))}
        for operation in packing.permutations:
            self._permute(operation)

    def _permute(self, operation: Operation) -> None:
        *rest, last = operation.qubits
        if not rest:
            self.offset ^= self.columns[last]
        elif operation.gate == "swap":
            pair = self.columns[rest[0]], self.columns[last]
            self.columns[last], self.columns[rest[0]] = pair
        else:
            self.columns[rest[0]] ^= self.columns[last]

    def _map(self, order: Sequence[int]) -> AffineMap:
        return AffineMap(tuple(self.columns[q] for q in reversed(order)), self.offset)

    def finish(self) -> list[Segment | Operation]:
        """The segment so far, if there is one; starts the next."""
        if not self.rounds:
            return []
        leave = self._map(range(self.num_qubits))
        segment = Segment(tuple(self.rounds), leave)
        self._reset()
        return [segment]
