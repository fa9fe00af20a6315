"""Seeded instances of hard problems, small enough to know the optimum.

Every generator returns an `Instance`: a cost over bits to be minimised, constraints if
there are any, and how to read bits as an answer. Formulations: Lucas, "Ising
formulations of many NP problems", Front. Phys. 2 (2014), sections 2.2, 4.2, 5.2, 7;
quadratic assignment: Koopmans & Beckmann, Econometrica 25 (1957).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from qnas_jax.errors import UserError
from qnas_jax.optimise.problems.constraints import Constraints, constraints
from qnas_jax.optimise.problems.quadratic import Quadratic, qubo


@dataclasses.dataclass(frozen=True)
class Instance:
    """A problem with its meaning.

    Attributes:
      name: what it is and how large.
      problem: the cost over bits, without constraints.
      limits: the constraints, or None.
      decode: bits [n] -> the answer in the problem's own terms.
      penalty: enough for `penalised`: no violation pays.
    """

    name: str
    problem: Quadratic
    limits: Constraints | None
    decode: Callable[[Any], Any]
    penalty: float = 0.0


def max_cut(
    num_nodes: int, *, degree: int = 3, weighted: bool = False, seed: int = 0
) -> Instance:
    """Max-Cut of a random regular graph; the cost is minus the weight of the cut.

    Args:
      num_nodes: n, the bits; n * degree must be even.
      degree: neighbours of each node, less than n.
      weighted: weights uniform in [0, 1) instead of 1.
      seed: of graph and weights.

    Returns:
      The instance; `decode` gives the two sets of nodes.

    Raises:
      UserError: there is no such graph.
    """
    rng = np.random.default_rng(seed)
    edges = random_regular_graph(num_nodes, degree, rng)
    weights = rng.random(len(edges)) if weighted else np.ones(len(edges))
    matrix = np.zeros((num_nodes, num_nodes))
    for (i, j), weight in zip(edges, weights, strict=True):
        # Minus the weight where x_i + x_j - 2 x_i x_j = 1.
        matrix[i, i] -= weight
        matrix[j, j] -= weight
        matrix[i, j] += 2 * weight
    kind = "weighted " if weighted else ""
    return Instance(
        f"{kind}max-cut, {num_nodes} nodes of degree {degree}",
        qubo(matrix),
        None,
        lambda bits: (_places(bits, 0), _places(bits, 1)),
    )


def random_qubo(num_bits: int, *, seed: int = 0) -> Instance:
    """A dense quadratic form with normal coefficients.

    Args:
      num_bits: n.
      seed: of the coefficients.

    Returns:
      The instance; `decode` gives the places of ones.
    """
    matrix = np.random.default_rng(seed).normal(size=(num_bits, num_bits))
    return Instance(
        f"dense QUBO, {num_bits} bits",
        qubo(np.triu(matrix)),
        None,
        lambda bits: _places(bits, 1),
    )


def knapsack(num_items: int, *, num_limits: int = 2, seed: int = 0) -> Instance:
    """Multi-dimensional knapsack: most value within several capacities.

    Values are 1 to 10, weights 1 to 5, each capacity half of the sum of its weights
    (rounded down), all whole numbers.

    Args:
      num_items: n, the bits.
      num_limits: capacities.
      seed: of values and weights.

    Returns:
      The instance; `decode` gives the packed items.
    """
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 11, num_items)
    weights = rng.integers(1, 6, (num_limits, num_items))
    capacities = weights.sum(axis=1) // 2
    rows = tuple(
        (row, float(bound)) for row, bound in zip(weights, capacities, strict=True)
    )
    return Instance(
        f"knapsack, {num_items} items, {num_limits} capacities",
        qubo(-np.diag(values)),
        constraints(num_items, at_most=rows),
        lambda bits: _places(bits, 1),
        # One unit too heavy is mended by leaving out one item.
        penalty=float(values.max()) + 1.0,
    )


def independent_set(num_nodes: int, *, degree: int = 3, seed: int = 0) -> Instance:
    """Maximum independent set of a random regular graph; no edge within the set.

    Args:
      num_nodes: n, the bits; n * degree must be even.
      degree: neighbours of each node, less than n.
      seed: of the graph.

    Returns:
      The instance; each edge is the inequality x_i + x_j <= 1; `decode` gives the set.

    Raises:
      UserError: there is no such graph.
    """
    edges = random_regular_graph(num_nodes, degree, np.random.default_rng(seed))
    rows = tuple((np.eye(num_nodes)[[i, j]].sum(axis=0), 1.0) for i, j in edges)
    return Instance(
        f"independent set, {num_nodes} nodes of degree {degree}",
        qubo(-np.eye(num_nodes)),
        constraints(num_nodes, at_most=rows),
        lambda bits: _places(bits, 1),
        penalty=2.0,
    )


def quadratic_assignment(size: int, *, seed: int = 0) -> Instance:
    """Quadratic assignment: facilities to places, least sum of flow times distance.

    Bit (f, p), at f * size + p, puts facility f to place p. Flows are 1 to 5, places
    are random points of the unit square.

    Args:
      size: facilities and places, size^2 bits.
      seed: of flows and points.

    Returns:
      The instance; `decode` gives the place of each facility.
    """
    rng = np.random.default_rng(seed)
    flows = np.triu(rng.integers(1, 6, (size, size)), k=1)
    points = rng.random((size, 2))
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    matrix = np.kron(flows, distances)
    one, ones = np.eye(size), np.ones(size)
    rows = [np.kron(one[i], ones) for i in range(size)]
    rows += [np.kron(ones, one[i]) for i in range(size)]
    return Instance(
        f"quadratic assignment, {size} facilities",
        qubo(matrix),
        constraints(size**2, equal=tuple((row, 1.0) for row in rows)),
        lambda bits: np.asarray(bits).reshape(size, size).argmax(axis=1),
        # A whole assignment costs no more than all flows over the longest distance.
        penalty=float(flows.sum() * distances.max()),
    )


def random_regular_graph(
    num_nodes: int, degree: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Edges of a simple random graph in which all nodes have the same degree.

    Pairs up the ends at random until no loop and no double edge is left (Bollobas,
    European J. Combin. 1 (1980)).

    Args:
      num_nodes: n.
      degree: less than n; n * degree must be even. Quick up to about 5.
      rng: the randomness.

    Returns:
      n * degree / 2 edges (i, j), i < j, sorted.

    Raises:
      UserError: there is no such graph.
    """
    if not 0 < degree < num_nodes or num_nodes * degree % 2:
        raise UserError(
            f"got {num_nodes} nodes of degree {degree}, expected 0 < degree < nodes "
            "and an even product"
        )
    ends = np.repeat(np.arange(num_nodes), degree)
    while True:
        pairs = np.sort(rng.permutation(ends).reshape(-1, 2), axis=1)
        edges = {(int(i), int(j)) for i, j in pairs if i != j}
        if len(edges) == len(pairs):
            return sorted(edges)


def _places(bits: Any, value: int) -> list[int]:
    return [int(i) for i in np.flatnonzero(np.asarray(bits) == value)]
