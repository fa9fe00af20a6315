"""What every registered optimiser promises."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.optimise import OPTIMISERS, Diagonal, Levels, qubo
from qnas_jax.options import OptionError, Options

N = 6
MATRICES = np.random.default_rng(0).normal(size=(2, N, N))
LEVELS = (3, 2, 4, 1)


def levels_form(seed):
    rng = np.random.default_rng(seed)
    above = np.triu(np.ones((4, 4)), k=1)[:, :, None, None]
    return Levels(
        jnp.asarray(rng.normal(size=(4, 4)), jnp.float32),
        jnp.asarray(rng.normal(size=(4, 4, 4, 4)) * above, jnp.float32),
        jnp.float32(0.5),
        LEVELS,
    )


@functools.cache
def pair_of(form):
    """Two problems of a form."""
    if form == "levels":
        return [levels_form(seed) for seed in (0, 1)]
    if form == "diagonal of levels":
        return [Diagonal(p.table(), LEVELS) for p in pair_of("levels")]
    forms = [qubo(matrix) for matrix in MATRICES]
    if form == "diagonal of bits":
        return [Diagonal(f.table()) for f in forms]
    return [jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), f) for f in forms]


@functools.cache
def compiled(name, form):
    """Two problems with two keys each in one program; the problems, stacked."""
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *pair_of(form))
    over_keys = jax.vmap(OPTIMISERS[name], (None, 0))
    return jax.jit(jax.vmap(over_keys, (0, None))), stacked


@functools.cache
def solved(name, form):
    run, problems = compiled(name, form)
    return run(problems, jax.random.split(jax.random.key(1), 2))


def forms_for(spec):
    """Where costs are written out or only asked for, any form will do."""
    if spec.name == "random_sampling":
        return ("quadratic", "levels")
    bits = ("quadratic",) if spec.writes_out else ("quadratic", "diagonal of bits")
    diagonal = ("diagonal of levels",)
    levels = diagonal if spec.writes_out else ("levels", *diagonal)
    return bits if spec.bits_only else (*bits, *levels)


each = pytest.mark.parametrize("name", OPTIMISERS)
each_form = pytest.mark.parametrize(
    ("name", "form"),
    [(name, form) for name, spec in OPTIMISERS.items() for form in forms_for(spec)],
)


@each_form
def test_finds_the_optimum(name, form):
    problems = pair_of(form)
    sizes = problems[0].num_levels
    every = np.array(list(itertools.product(*map(range, sizes))))
    lowest = np.array([np.asarray(p.cost(every)).min() for p in problems])
    want = np.broadcast_to(lowest[:, None], (2, 2))
    np.testing.assert_allclose(solved(name, form).cost, want, rtol=1e-4, atol=1e-4)


@each_form
def test_the_result_is_what_it_says(name, form):
    result, problems = solved(name, form), pair_of(form)
    sizes = problems[0].num_levels
    assert result.levels.dtype == result.samples.dtype == jnp.int32
    assert result.evaluations.dtype == jnp.int32 and (result.evaluations > 0).all()
    shots, steps = result.samples.shape[2], result.trace.shape[2]
    assert result.levels.shape == (2, 2, len(sizes))
    assert result.samples.shape == (2, 2, shots, len(sizes))
    assert result.sample_costs.shape == (2, 2, shots) and steps >= 1
    assert jnp.isfinite(result.trace).all()
    samples = np.asarray(result.samples)
    assert (samples >= 0).all() and (samples < np.array(sizes)).all()
    for p, problem in enumerate(problems):
        close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
        close(problem.cost(result.levels[p]), result.cost[p])
        close(problem.cost(result.samples[p]), result.sample_costs[p])
    assert (result.cost <= result.sample_costs.min(axis=-1) + 1e-4).all()


@each
def test_same_key_same_result(name):
    run, problems = compiled(name, "quadratic")
    again = run(problems, jax.random.split(jax.random.key(1), 2))
    jax.tree.map(np.testing.assert_array_equal, solved(name, "quadratic"), again)


@each
def test_the_record_of_options(name):
    spec = OPTIMISERS[name]
    assert spec.name == name and spec.summary and spec.paper
    assert issubclass(spec.options, Options) and hash(spec.options()) is not None
    field = next(iter(spec.options.__dataclass_fields__))
    with pytest.raises(OptionError, match=field):
        spec.options(**{field: "nonsense"})


@each
def test_too_many_bits_are_refused_or_no_trouble(name):
    problem = qubo(np.eye(31))
    run = functools.partial(jax.eval_shape, OPTIMISERS[name], problem)
    if OPTIMISERS[name].writes_out:
        with pytest.raises(UserError, match="31 qubits, expected at most 30"):
            run(jax.random.key(0))
    else:
        assert run(jax.random.key(0)).levels.shape == (31,)


@each
def test_registers_are_refused_by_those_that_need_bits(name):
    run = functools.partial(jax.eval_shape, OPTIMISERS[name], levels_form(0))
    if OPTIMISERS[name].bits_only:
        with pytest.raises(UserError, match=rf"{name}: got .* \(3, 2, 4, 1\) levels"):
            run(jax.random.key(0))
    else:
        assert run(jax.random.key(0)).levels.shape == (4,)


@each
def test_whole_numbers_as_costs(name):
    problem = Diagonal(jnp.arange(64))
    result = jax.eval_shape(OPTIMISERS[name], problem, jax.random.key(0))
    assert result.levels.shape == (N,)


@pytest.fixture(scope="module")
def double_precision_last():
    """Constants of traces in double precision do not serve those of other files."""
    yield
    jax.clear_caches()


@each
@pytest.mark.usefixtures("double_precision_last")
def test_traces_in_double_precision(name):
    spec = OPTIMISERS[name]
    problems = [Diagonal(jnp.arange(64.0))] if spec.writes_out else [qubo(MATRICES[0])]
    if not spec.writes_out and not spec.bits_only:
        problems.append(levels_form(0))
    with jax.enable_x64(True):
        for problem in problems:
            result = jax.eval_shape(OPTIMISERS[name], problem, jax.random.key(0))
            assert result.levels.dtype == jnp.int32
