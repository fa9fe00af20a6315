"""What every registered optimiser promises."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.optimise.problems.problem import Diagonal, qubo
from qnas_jax.optimise.registry import OPTIMISERS
from qnas_jax.options import OptionError, Options

N = 6
MATRICES = np.random.default_rng(0).normal(size=(2, N, N))
BITS = np.array(list(itertools.product((0, 1), repeat=N)), np.int8)

pytestmark = pytest.mark.parametrize("name", OPTIMISERS)


@functools.cache
def batch(name, form):
    """Two problems with two keys each in one program."""
    forms = [qubo(matrix) for matrix in MATRICES]
    if form == "diagonal":
        forms = [Diagonal(f.cost(BITS)) for f in forms]
    else:
        forms = [jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), f) for f in forms]
    problems = jax.tree.map(lambda *x: jnp.stack(x), *forms)
    keys = jax.random.split(jax.random.key(1), 2)
    over_keys = jax.vmap(OPTIMISERS[name], (None, 0))
    return forms, jax.jit(jax.vmap(over_keys, (0, None)))(problems, keys)


@pytest.mark.parametrize("form", ["quadratic", "diagonal"])
def test_finds_the_optimum_of_six_bits(name, form):
    _, result = batch(name, form)
    costs = np.einsum("si,pij,sj->ps", BITS, MATRICES, BITS)
    want = np.broadcast_to(costs.min(axis=1, keepdims=True), (2, 2))
    np.testing.assert_allclose(result.cost, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", ["quadratic", "diagonal"])
def test_the_result_is_what_it_says(name, form):
    forms, result = batch(name, form)
    assert result.bits.dtype == result.samples.dtype == jnp.int8
    assert result.evaluations.dtype == jnp.int32 and (result.evaluations > 0).all()
    shots, steps = result.samples.shape[2], result.trace.shape[2]
    assert result.bits.shape == (2, 2, N) and result.samples.shape == (2, 2, shots, N)
    assert result.sample_costs.shape == (2, 2, shots) and steps >= 1
    assert jnp.isfinite(result.trace).all()
    assert set(np.unique(result.bits)) <= {0, 1}
    for p, problem in enumerate(forms):
        close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
        close(problem.cost(result.bits[p]), result.cost[p])
        close(problem.cost(result.samples[p]), result.sample_costs[p])
    assert (result.cost <= result.sample_costs.min(axis=-1) + 1e-4).all()


def test_same_key_same_result(name):
    _, result = batch(name, "quadratic")
    batch.cache_clear()
    _, again = batch(name, "quadratic")
    jax.tree.map(np.testing.assert_array_equal, result, again)


def test_the_record_of_options(name):
    spec = OPTIMISERS[name]
    assert spec.name == name and spec.summary and spec.paper
    assert issubclass(spec.options, Options) and hash(spec.options()) is not None
    field = next(iter(spec.options.__dataclass_fields__))
    with pytest.raises(OptionError, match=field):
        spec.options(**{field: "nonsense"})


def test_too_many_bits_are_refused_or_no_trouble(name):
    problem = qubo(np.eye(31))
    run = functools.partial(jax.eval_shape, OPTIMISERS[name], problem)
    if OPTIMISERS[name].writes_out:
        with pytest.raises(ValueError, match="31 qubits, expected at most 30"):
            run(jax.random.key(0))
    else:
        assert run(jax.random.key(0)).bits.shape == (31,)


def test_whole_numbers_as_costs(name):
    problem = Diagonal(jnp.arange(64))
    result = jax.eval_shape(OPTIMISERS[name], problem, jax.random.key(0))
    assert result.bits.shape == (N,)


def test_traces_in_double_precision(name):
    with jax.enable_x64(True):
        for problem in (qubo(MATRICES[0]), Diagonal(jnp.arange(64.0))):
            result = jax.eval_shape(OPTIMISERS[name], problem, jax.random.key(0))
            assert result.bits.dtype == jnp.int8
    # Constants of a trace in double precision must not serve the next in single.
    jax.clear_caches()
