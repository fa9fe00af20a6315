"""What some blocks of the documentation do, beyond running (test_page_snippets)."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from pages import ROOT, block_of

import qnas_jax
from qnas_jax.evaluation import EvaluatorOptions, make_evaluator, scores_of
from qnas_jax.nets import OPS, build_supernet
from qnas_jax.searching.registry import strategy_table
from qnas_jax.spaces import SPACES, SearchSpace, SpaceOptions, build_space


def test_the_citation_is_of_this_version():
    lines = (ROOT / "CITATION.cff").read_text("utf-8").splitlines()
    assert f"version: {qnas_jax.__version__}" in lines


def test_own_space_of_the_page(tmp_path, monkeypatch):
    monkeypatch.setitem(SPACES, "mine", None)
    monkeypatch.setitem(OPS, "scale", None)
    file = tmp_path / "my_space.py"
    file.write_text(block_of("own_space", "register_space("))
    options = SpaceOptions(name="mine", file=str(file))
    space = build_space(options, (8, 8, 1), 10)
    assert space.choices[1][2:] == ("scale", "skip")
    assert build_supernet(space).cost_table().by_op["params"][1, 2] == 24


def test_own_data_and_space_take_less_than_thirty_lines():
    lines = block_of("own_space", "data=(images, labels)").splitlines()
    assert len([line for line in lines if line]) < 30


def test_own_evaluator_of_the_page(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(block_of("own_evaluator", "# mine.py"))
    options = EvaluatorOptions(name="function", file=str(file))
    space = SearchSpace("two", (("skip", "conv"), ("skip", "conv")))
    parts = SimpleNamespace(space=space, kept_outcomes=None, should_stop=None)
    evaluator = make_evaluator(options, options, parts)
    found = evaluator(jax.random.key(0), np.array([[0, 1], [1, 1]]))
    assert scores_of(evaluator, found).tolist() == [0.5, 1.0]


@pytest.mark.slow
def test_a_thousand_searches_of_the_page():
    names: dict = {"jax": jax}
    exec(block_of("own_strategy", "scan_search("), names)
    best = np.asarray(names["state"].best_score)
    assert best.shape == (1000,)
    assert (best == 0).mean() > 0.9  # the optimum is the arch of zeros


def test_a_circuit_of_the_page():
    names: dict = {}
    exec(block_of("nas_for_quantum", "quantum.Circuit("), names)
    # cos(a/2)|00> + sin(a/2)|11>: <ZZ> = 1 and <XX> = sin(a).
    assert names["value"] == pytest.approx(-1 - 0.5 * np.sin(0.3), abs=1e-6)
    assert names["gradient"] == pytest.approx([-0.5 * np.cos(0.3)], abs=1e-6)


def test_strategies_of_the_page_are_those_of_the_registry():
    assert strategy_table() in (ROOT / "docs" / "strategies.md").read_text("utf-8")


def test_own_space_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.setitem(SPACES, "mine", None)
    monkeypatch.setitem(OPS, "scale", None)
    file = tmp_path / "my_space.py"
    file.write_text(block_of("README", "register_space("))
    space = build_space(SpaceOptions(name="mine", file=str(file)), (8, 8, 1), 10)
    assert space.choices == (("mb_k3", "mb_k5"), ("mb_k3", "mb_k5", "scale", "skip"))
    assert build_supernet(space).cost_table().by_op["params"][1, 2] == 24
