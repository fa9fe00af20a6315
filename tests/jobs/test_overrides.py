"""Overrides that flags would misread, and configurations that do not run."""

import pathlib
import sys

import pytest
from absl import flags
from ml_collections import config_flags

from qnas_jax.jobs.overrides import check_overrides, describe_parsing

# ml_collections loads files in a way that Python is about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ("op_*,x", "('op_*', 'x')"),
        ("op_1, x y ", "('op_1', 'x y')"),
        ("op_*", "('op_*',)"),
        ("'op_*','x'", "'op_*','x'"),
        ("('a', 'b')", "('a', 'b')"),
    ],
)
def test_words_of_a_tuple_are_no_expression(given, checked):
    name = "--config.table.arch_columns"
    assert check_overrides(["main.py", f"{name}={given}"])[1] == f"{name}={checked}"
    assert check_overrides(["main.py", name, given])[2] == checked


def test_other_overrides_stay_as_they_are():
    arguments = ["main.py", "--config=a.py", "--config.seed=1", "--stage", "all"]
    assert check_overrides(arguments) == arguments


def parsed(path: pathlib.Path, text: str) -> str:
    """What is said of a configuration that does not run."""
    path.write_text(text)
    sys.modules.pop("config_config", None)  # the name under which files are loaded
    values = flags.FlagValues()
    arguments = ["main.py", f"--config={path}:with an argument"]
    config_flags.DEFINE_config_file(
        "config", None, "", flag_values=values, sys_argv=arguments
    )
    with pytest.raises(Exception) as caught:  # noqa: PT011 - what is raised is asked
        values(arguments)
        getattr(values.config, "job", None)
    return describe_parsing(caught.value, arguments)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("1 / 0", "line 2: ZeroDivisionError: division by zero"),
        ("int('x')", "line 2: ValueError: invalid literal for int"),
        ("{}['search']", "line 2: KeyError: 'search'"),
        ("None.x", "line 2: AttributeError: 'NoneType' object"),
        ("open('/nope')", "line 2: FileNotFoundError: [Errno 2] No such file"),
        ("(", "line 2: SyntaxError: '(' was never closed"),
    ],
)
def test_a_mistake_in_a_configuration_is_named_with_its_place(tmp_path, body, line):
    path = tmp_path / "mine.py"
    said = parsed(path, f"def get_config(argument):\n  {body}\n")
    assert said.startswith(f"{path}, {line}")


def test_a_configuration_without_its_function(tmp_path):
    path = tmp_path / "mine.py"
    assert parsed(path, "x = 1\n") == (
        f"{path}: got no get_config, expected a function that returns a config"
    )
