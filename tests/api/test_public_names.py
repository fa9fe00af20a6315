"""`import qnas_jax as qnas`: names, examples, no side effects."""

import ast
import doctest
import json
import pathlib
import subprocess
import sys

import pytest

import qnas_jax as qnas
from qnas_jax.nets import OPS
from qnas_jax.spaces import SPACES

SOURCE = pathlib.Path(qnas.__file__)
ROOT = SOURCE.parent.parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def names_for_type_checkers():
    """By public name the module that it is imported from under TYPE_CHECKING."""
    (block,) = [n for n in ast.parse(SOURCE.read_text()).body if isinstance(n, ast.If)]
    return {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_name_is_where_type_checkers_find_it():
    seen = names_for_type_checkers()
    assert sorted(qnas.__all__) == list(qnas.__all__) == sorted(seen)
    for name, module in seen.items():
        found = getattr(qnas, name)
        assert found is getattr(sys.modules[module], name)
    assert set(qnas.__all__) <= set(dir(qnas))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = qnas.serach  # type: ignore[attr-defined]


def test_search_stays_a_function_whatever_is_imported():
    import qnas_jax.searching.loop

    assert callable(qnas.search) and qnas_jax.searching.loop.start


@pytest.mark.parametrize("name", qnas.__all__)
def test_the_example_of_a_name(name, monkeypatch):
    monkeypatch.chdir(ROOT)  # configurations name files from there
    monkeypatch.setattr("qnas_jax.spaces.registry.SPACES", dict(SPACES))
    monkeypatch.setattr("qnas_jax.nets.ops.OPS", dict(OPS))
    thing = getattr(qnas, name)
    (examples,) = doctest.DocTestFinder(recurse=False).find(thing, name, globs={})
    assert examples.examples, f"{name} has no example"
    failed, _ = doctest.DocTestRunner(optionflags=OPTIONS).run(examples)
    assert failed == 0


IMPORT = """
import json, os, sys
environment = dict(os.environ)
import qnas_jax as qnas
loaded = sorted(name for name in sys.modules if name.startswith("qnas_jax"))
heavy = sorted({"jax", "numpy", "flax", "optax"} & set(sys.modules))
qnas.search
print(json.dumps([loaded, heavy, "tensorflow_datasets" in sys.modules,
                  environment == dict(os.environ), "search" in dir(qnas)]))
"""


def test_the_import_alone_loads_nothing():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [["qnas_jax"], [], False, True, True]
