"""Options of a strategy are those that it reads; its numbers are leaves."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_strategies import made

from qnas_jax.errors import UserError
from qnas_jax.options import OptionError
from qnas_jax.searching import STRATEGIES, make_strategy
from qnas_jax.searching.registers.qbit import QbitOptions

NUM_OPS, POPULATION, GENERATIONS = (4, 2, 4), 50, 10
# Parts that are off by default, and a default that is too small for this population.
ON = {
    "x_probability": 0.1,
    "catastrophe_after": 3,
    "observations": 2,
    "parents": 60,
}
FIELDS = [
    (name, field.name)
    for name, spec in STRATEGIES.items()
    for field in dataclasses.fields(spec.options)
]


def make(name, **settings):
    num_ops = (4, 4) if name == "bqnas_released" else NUM_OPS
    known = {field.name for field in dataclasses.fields(STRATEGIES[name].options)}
    settings = {**{key: ON[key] for key in ON.keys() & known}, **settings}
    return made(name, num_ops, POPULATION, GENERATIONS, **settings)


def another(field, present):
    """A value that the field allows, but the present one."""
    if field.metadata["choices"] is not None:
        return next(x for x in field.metadata["choices"] if x != present)
    if isinstance(present, int):
        # More than are remembered by default.
        return 501 if field.name == "memory" else present + 1
    return 0.8 * present or 0.01


def value_of(strategy):
    """What makes two strategies equal: the form of their program and their numbers."""
    leaves, form = jax.tree.flatten(strategy)
    return form, [np.asarray(leaf).tobytes() for leaf in leaves]


@pytest.mark.parametrize(("name", "option"), FIELDS)
def test_every_option_of_a_strategy_changes_it(name, option):
    record = STRATEGIES[name].options
    (field,) = (one for one in dataclasses.fields(record) if one.name == option)
    present = ON.get(option, field.default)
    changed = make(name, **{option: another(field, present)})
    assert value_of(changed) != value_of(make(name))
    assert value_of(make(name, **{option: present})) == value_of(make(name))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_reads_no_more_than_its_record_has(name):
    """Its maker gets the record and nothing else; each field of it is read."""
    record, read = STRATEGIES[name].options, set()

    class Noting(record):
        def __getattribute__(self, attribute):
            read.add(attribute)
            return super().__getattribute__(attribute)

    fields = {field.name for field in dataclasses.fields(record)}
    options = Noting(**{key: ON[key] for key in ON.keys() & fields})
    read.clear()
    num_ops = (4, 4) if name == "bqnas_released" else NUM_OPS
    sizes = {"population": POPULATION, "generations": GENERATIONS}
    STRATEGIES[name].make(num_ops, **sizes, options=options)
    assert fields <= read


@pytest.mark.parametrize("name", STRATEGIES)
def test_numbers_are_leaves_and_share_the_form(name):
    """Other floats give another strategy of the same form, counts another form."""
    record = STRATEGIES[name].options
    plain = make(name)
    for field in dataclasses.fields(record):
        changed = another(field, ON.get(field.name, field.default))
        other = make(name, **{field.name: changed})
        same = jax.tree.structure(other) == jax.tree.structure(plain)
        # A share of the population is a count.
        number = type(field.default) is float and field.name != "elite_share"
        assert same == number or field.name in ("rule",), field.name
    for leaf in jax.tree.leaves(plain):
        assert leaf.dtype == np.float32


def test_equal_arguments_give_the_same_object():
    sizes = {"population": 3, "generations": 4}
    first = make_strategy("qbit", [2, 3], **sizes)
    assert first is make_strategy("qbit", (2, 3), **sizes, options=QbitOptions())
    other = QbitOptions(angle=1)
    assert first is not make_strategy("qbit", (2, 3), **sizes, options=other)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("qgb", None, "strategy: got 'qgb', allowed: one of qbit, qudit, "),
        ("qudit", QbitOptions(), "options of qudit: got QbitOptions, expected QuditO"),
    ],
)
def test_wrong_names_and_records_are_told(name, options, message):
    with pytest.raises(UserError, match=message):
        make_strategy(name, (2, 2), population=2, generations=2, options=options)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("qbit", {"rule": "best"}),
        ("qudit", {"rule": "han_kim_2000"}),
        ("qudit", {"angle": 2.0}),
        ("hamiltonian", {"optimiser": "luck"}),
        ("pbil", {"mutation": 1.5}),
    ],
)
def test_a_bad_value_is_told_by_the_record(name, settings):
    ((field, value),) = settings.items()
    with pytest.raises(OptionError, match=f"^{field}: got {value!r}, allowed: "):
        STRATEGIES[name].options(**settings)


def test_a_strategy_is_a_value_that_programs_take():
    """One compiled function for all angles; its result follows the angle."""

    @jax.jit
    def after(strategy):
        state = strategy.init(jax.random.key(0))
        for score in (1.0, 0.0):
            archs = jnp.full((1, 1), int(score), jnp.int32)
            state = strategy.tell(state, archs, jnp.full(1, score))
        return strategy.probabilities(state)[0, 1]

    angles = (0.1, 0.2, 0.3)
    turn = {"rule": "always", "epsilon": 0.0}
    found = [after(made("qbit", (2,), 1, angle=angle, **turn)) for angle in angles]
    expected = np.sin(np.pi / 4 + np.array(angles)) ** 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert after._cache_size() == 1


def test_strategies_of_other_classes_never_share_a_program():
    """JAX takes registered dataclasses of one form for equal, whatever their class."""
    qudit = made("qudit", (4, 4), rule="always", local_migration_every=0)
    qiga2 = made("qiga2", (4, 4))
    forms = [jax.tree.structure(strategy) for strategy in (qudit, qiga2)]
    assert forms[0] != forms[1]
    copy = jax.tree.map(lambda leaf: leaf + 0, qudit)
    assert type(copy) is type(qudit) and jax.tree.structure(copy) == forms[0]
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(qudit)]
    assert ".angle" in paths and ".epsilon" in paths
