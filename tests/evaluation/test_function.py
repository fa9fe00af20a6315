"""A user's function as an evaluator: what it is told, what its answers become."""

import jax
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation import MemoisedEvaluator, ScoredBy, scores_of
from qnas_jax.evaluation.function import FunctionOptions, load_function
from qnas_jax.options import OptionError
from qnas_jax.searching import generation_keys
from qnas_jax.spaces import SearchSpace
from qnas_jax.status import Status
from qnas_jax.stopping import Stopped
from qnas_jax.user_code.kept_outcomes import KeptOutcomes

SPACE = SearchSpace("small", (("a", "b"), ("x", "y", "z")))
ARCHS = np.array([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]], np.int32)
KEY = jax.random.key(3)

FAULTY = """
import os
SCORE = "error"
LARGER_IS_BETTER = False


def evaluate(arch, indices, seed):
    if arch == ("a", "y"):
        raise ValueError("no such")
    if arch == ("a", "z"):
        return {"error": float("nan"), "size": 3}
    if arch == ("b", "x"):
        return {"size": 3}
    if arch == ("b", "y"):
        return "much"
    if arch == ("b", "z") and WORKERS:
        os._exit(3)
    return {"error": indices[0] + indices[1] / 4, "size": 2, "seed": seed % 1000}
"""


@pytest.fixture
def load(tmp_path):
    opened = []

    def load(text, **options):
        path = tmp_path / "mine.py"
        path.write_text(text)
        opened.append(load_function(FunctionOptions(file=str(path), **options), SPACE))
        return opened[-1]

    yield load
    for evaluator in opened:
        getattr(evaluator, "close", lambda: None)()


@pytest.mark.parametrize("workers", [0, 2])
def test_failures_are_recorded_and_never_win(load, workers):
    evaluator = load(FAULTY + f"\n\nWORKERS = {workers}\n", workers=workers)
    assert evaluator.score == ("error", False) and not evaluator.traceable
    found = evaluator(KEY, ARCHS)
    assert found.status.tolist() == [
        Status.OK,
        Status.ERROR,
        Status.NON_FINITE,
        Status.WRONG_RESULT,
        Status.WRONG_RESULT,
        Status.DIED if workers else Status.OK,
    ]
    best = -np.inf if workers else -1.5
    expected = [0.0, -np.inf, -np.inf, -np.inf, -np.inf, best]
    np.testing.assert_array_equal(scores_of(evaluator, found), expected)
    for reason, said in zip(
        found.reasons,
        (
            "",
            "mine.py, line 9: ValueError: no such",
            "error is nan",
            "got metrics size, expected 'error' among them",
            "mine.py: got str 'much', expected a number or a dict of numbers",
            "its process ended (exit status 3)" if workers else "",
        ),
        strict=True,
    ):
        assert reason.endswith(said) and bool(reason) == bool(said)
    assert found.metrics["size"][0] == 2 and np.isnan(found.metrics["size"][1])
    assert found.costs["seconds"].shape == (6,)


def test_answers_do_not_depend_on_company_or_processes(load):
    text = "def evaluate(arch, seed):\n    return seed % 9973\n"
    alone = load(text)
    values = np.asarray(alone(KEY, ARCHS).metrics["score"])
    assert len(set(values.tolist())) == 6
    turned = alone(KEY, ARCHS[::-1]).metrics["score"]
    np.testing.assert_array_equal(turned, values[::-1])
    for workers in (1, 3):
        found = load(text, workers=workers)(KEY, ARCHS)
        np.testing.assert_array_equal(found.metrics["score"], values)
    other = alone(jax.random.key(4), ARCHS).metrics["score"]
    assert (np.asarray(other) != values).any()


def test_a_population_at_once(load):
    text = (
        "FORM = 'population'\nSCORE = 'n'\n"
        "def evaluate(archs, indices):\n"
        "    assert len(archs) < 7, 'too many'\n"
        "    return {'n': [a.count('b') + i[1] for a, i in zip(archs, indices)]}\n"
    )
    for workers in (0, 1):
        found = load(text, workers=workers)(KEY, ARCHS)
        np.testing.assert_array_equal(found.metrics["n"], [0, 1, 2, 1, 2, 3])
    found = load(text)(KEY, np.concatenate([ARCHS, ARCHS[:1]]))
    assert (np.asarray(found.status) == Status.ERROR).all()
    assert found.reasons[6].endswith("line 4: AssertionError: too many")


def test_a_function_in_jax_runs_inside_programs(load):
    text = (
        "import jax\nFORM = 'jax'\n"
        "def evaluate(archs, key):\n"
        "    return archs.sum(1) + jax.random.uniform(key)\n"
    )
    evaluator = load(text)
    assert evaluator.traceable
    expected = ARCHS.sum(1) + np.asarray(jax.random.uniform(KEY))
    np.testing.assert_allclose(evaluator(KEY, ARCHS).metrics["score"], expected)
    scored = jax.jit(lambda key, archs: ScoredBy(evaluator)(key, archs)[1])
    np.testing.assert_allclose(scored(KEY, ARCHS), expected)
    with pytest.raises(OptionError, match="workers: got 2, allowed: 0 where FORM"):
        load(text, workers=2)
    with pytest.raises(UserError, match=r"mine\.py, line 4: AttributeError"):
        load(text.replace("archs.sum", "archs.total"))(KEY, ARCHS)
    with pytest.raises(UserError, match=r"got metrics {'score': \(\)}, expected"):
        load(text.replace("sum(1)", "sum()"))(KEY, ARCHS)
    with pytest.raises(UserError, match=r"mine\.py: evaluate: got a parameter 'seed'"):
        load(text.replace("key)", "seed)"))


def test_fidelities_are_told_by_name(load):
    text = (
        "FIDELITIES = ('1', '10')\n"
        "def evaluate(arch, fidelity):\n    return int(fidelity)\n"
    )
    evaluator = load(text)
    assert evaluator.fidelities == ("1", "10")
    assert evaluator(KEY, ARCHS[:2]).metrics["score"].tolist() == [10, 10]
    mixed = evaluator(KEY, ARCHS[:3], np.array([0, 1, 0]))
    assert mixed.metrics["score"].tolist() == [1, 10, 1]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("FORM = 'many'", "FORM: got 'many', expected one of architecture, pop"),
        ("SCORE = 3", "SCORE: got 3, expected the name"),
        ("LARGER_IS_BETTER = 'no'", "LARGER_IS_BETTER: got 'no', expected True or"),
        ("FIDELITIES = '12'", "FIDELITIES: got '12', expected a tuple"),
    ],
)
def test_a_wrong_declaration_is_named(load, declared, message):
    with pytest.raises(UserError, match=rf"mine\.py: {message}"):
        load(declared + "\ndef evaluate(arch):\n    return 1\n")


def test_options_that_do_not_go_together():
    with pytest.raises(OptionError, match="time_limit: got 2.0, allowed: 0 where work"):
        FunctionOptions(time_limit=2.0)
    with pytest.raises(OptionError, match="file: got '', allowed: a Python file"):
        load_function(FunctionOptions(), SPACE)


def test_a_memo_writes_reasons_down(load):
    evaluator = load(FAULTY + "\n\nWORKERS = 0\n")
    memo = MemoisedEvaluator(evaluator, lambda archs: {})
    key, _ = generation_keys(KEY, 0)
    memo(key, ARCHS[[0, 1, 0]])
    fresh = memo.fresh
    assert [one.status for one in fresh] == ["ok", "error"]
    assert fresh[1].reason.endswith("mine.py, line 9: ValueError: no such")
    assert fresh[0].metrics["size"] == 2 and fresh[0].costs["seconds"] >= 0


@pytest.mark.parametrize("workers", [0, 1])
def test_what_was_known_before_a_stop_is_not_asked_again(tmp_path, workers):
    """Stopped before the second of three evaluations; then the others follow."""
    path = tmp_path / "mine.py"
    path.write_text(
        "import pathlib\n"
        "def evaluate(arch, indices):\n"
        "    with open(pathlib.Path(__file__).parent / 'asked.txt', 'a') as file:\n"
        "        file.write(f'{sum(indices)} ')\n"
        "    return sum(indices)\n"
    )
    archs, key = np.array([[0, 0], [1, 0], [1, 1]]), jax.random.key(0)
    asked = tmp_path / "asked.txt"

    def evaluator(should_stop):
        options = FunctionOptions(file=str(path), workers=workers)
        kept = KeptOutcomes(tmp_path / "outcomes.jsonl")
        return load_function(options, SPACE, kept=kept, should_stop=should_stop)

    stopped = evaluator(lambda: asked.exists())
    with pytest.raises(Stopped):
        stopped(key, archs)
    stopped.close()
    assert asked.read_text() == "0 "
    second = evaluator(lambda: False)
    assert second(key, archs).metrics["score"].tolist() == [0, 1, 2]
    second.close()
    assert asked.read_text() == "0 1 2 "
