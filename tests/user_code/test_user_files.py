"""A user's file: what runs, and how a mistake in it is told."""

import pytest

from qnas_jax.errors import MissingFileError, UserError
from qnas_jax.status import Status
from qnas_jax.user_code.calls import UserFunction
from qnas_jax.user_code.files import load_file


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_a_file_is_run_as_a_module(write):
    text = "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int = 3\n"
    assert load_file(write(text)).Point().x == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\nif x\n", r"mine\.py, line 2: SyntaxError: expected ':'"),
        ("\n\nraise KeyError('no')\n", r"mine\.py, line 3: KeyError: 'no'"),
        ("def f():\n    1 / 0\n\nf()\n", r"mine\.py, line 2: ZeroDivisionError: div"),
        ("import json\njson.loads('{')\n", r"mine\.py, line 2: JSONDecodeError"),
        ("import not_there\n", r"mine\.py, line 1: ModuleNotFoundError"),
        ("import sys\nsys.exit(3)\n", r"mine\.py, line 2: SystemExit: 3"),
        ("raise ValueError('a\\nb')\n", r"line 1: ValueError: a b$"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(write, text, message):
    with pytest.raises(UserError, match=message):
        load_file(write(text))


def test_no_file_and_no_function(write):
    with pytest.raises(MissingFileError, match="got nowhere, expected a Python file"):
        load_file("nowhere")
    path = write("def other(arch):\n    return 1\n")
    with pytest.raises(UserError, match="got other, expected a function evaluate"):
        UserFunction.read(path, "evaluate", ())


@pytest.mark.parametrize(
    ("signature", "wanted"),
    [
        ("arch", {}),
        ("arch, seed", {"seed": 5}),
        ("arch, *, indices, other=1", {"indices": (0, 1)}),
        ("arch, **rest", {"seed": 5, "indices": (0, 1)}),
        ("*archs", {}),
    ],
)
def test_a_function_gets_what_it_names(write, signature, wanted):
    body = "    seen.update(locals())\n    return 1"
    path = write(f"seen = {{}}\ndef evaluate({signature}):\n{body}\n")
    function = UserFunction.read(path, "evaluate", ("indices", "seed"))
    offered = {"indices": (0, 1), "seed": 5}
    assert function(("a", "b"), offered, None).metrics == {"": 1.0}
    seen = dict(function.function.__globals__["seen"])
    seen.update(seen.pop("rest", {}))
    assert {name: seen[name] for name in offered if name in seen} == wanted


def test_an_argument_that_nobody_gives_is_refused(write):
    for signature, message in [
        ("arch, epochs", "got a parameter 'epochs', expected one argument"),
        ("", "got a function of nothing"),
    ]:
        path = write(f"def evaluate({signature}):\n    return 1\n")
        with pytest.raises(UserError, match=message):
            UserFunction.read(path, "evaluate", ("seed",))


@pytest.mark.parametrize(
    ("expression", "metrics"),
    [
        ("0.5", {"": 0.5}),
        ("True", {"": 1.0}),
        ("np.float32(0.5)", {"": 0.5}),
        ("np.array([0.5])", {"": 0.5}),
        ("10**400", {"": float("inf")}),
        ("{'accuracy': 1, 'size': np.int64(3)}", {"accuracy": 1.0, "size": 3.0}),
    ],
)
def test_results_are_read(write, expression, metrics):
    path = write(f"import numpy as np\ndef evaluate(arch):\n    return {expression}\n")
    outcome = UserFunction.read(path, "evaluate", ())("a", {}, None)
    assert (outcome.status, outcome.metrics) == (Status.OK, metrics)


@pytest.mark.parametrize(
    ("expression", "count", "reason"),
    [
        ("None", None, "got NoneType None, expected a number or a dict"),
        ("'0.5'", None, "got str '0.5', expected a number"),
        ("{}", None, "got dict {}, expected metrics by name"),
        ("{1: 2}", None, "got dict {1: 2}, expected metrics by name"),
        ("{'a': [1, 2]}", None, "got list [1, 2], expected a number"),
        ("np.zeros(2)", None, "expected one number"),
        ("1j", None, "got complex 1j, expected a number"),
        ("0.5", 2, "got float 0.5, expected 2 numbers"),
        ("[1, 2, 3]", 2, "got 3 numbers, expected 2"),
        ("[1, 'x']", 2, "got str 'x', expected a number"),
    ],
)
def test_what_is_no_result_is_said(write, expression, count, reason):
    path = write(f"import numpy as np\ndef evaluate(arch):\n    return {expression}\n")
    outcome = UserFunction.read(path, "evaluate", ())("a", {}, count)
    assert outcome.status == Status.WRONG_RESULT and outcome.metrics == {}
    assert reason in outcome.reason


def test_an_exception_is_an_outcome_with_its_place(write):
    text = "def evaluate(arch):\n    return {'a': 1}[arch]\n"
    function = UserFunction.read(write(text), "evaluate", ())
    outcome = function("b", {}, None)
    assert outcome.status == Status.ERROR
    assert outcome.reason.endswith("mine.py, line 2: KeyError: 'b'")
    assert function("a", {}, None).status == Status.OK
