"""Every command of README and documentation is one that this version takes."""

import ast
import importlib
import pathlib
import re
import tomllib

import pytest
from pages import PAGES, ROOT, commands, page_name

from qnas_jax.command.explaining import asked_for, explain
from qnas_jax.command.helping import SUBCOMMANDS
from qnas_jax.command.listing import TOPICS
from qnas_jax.command.parsing import Parsed, parse_flags
from qnas_jax.jobs.config import read_config_of
from qnas_jax.jobs.registry import job_of

COMMANDS = [
    pytest.param(words, id=f"{page_name(page)}-{number}")
    for page in PAGES
    for number, words in enumerate(commands(page))
]
# What ml_collections reads configurations with.
pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
_SHARED_FLAGS = ("experiments/measuring", "experiments/sweeping")


def check_run(words: list[str]) -> None:
    """Checks the flags of a run as the command does before anything is computed."""
    asked, rest = asked_for(words)
    parsed = parse_flags(["qnas", *rest])
    for name in asked:
        assert explain(parsed.config, name)
    job = job_of(parsed.config)
    config = read_config_of(job, parsed.config)
    assert parsed.values["stage"] in job.stage_names
    _check_needs(parsed, config)


def _check_needs(parsed: Parsed, config: object) -> None:
    """A stage that answers about something is told about what."""
    needed = {"describe": "archs", "predict": "input"}.get(parsed.values["stage"])
    assert needed is None or parsed.values[needed]
    assert config is not None


def check_module(name: str, words: list[str]) -> None:
    """Checks that a script of experiments is there, and that it knows these flags."""
    file = ROOT / (name.replace(".", "/") + ".py")
    known = _defined_in(file)
    for folder in _SHARED_FLAGS:
        for shared in (ROOT / folder).glob("*.py"):
            known |= _defined_in(shared)
    for word in words:
        flag = word.lstrip("-").partition("=")[0]
        assert {flag, flag.removeprefix("no")} & known, f"{name} has no flag {word}"


def _defined_in(file: pathlib.Path) -> set[str]:
    """The flags that a file defines."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr.startswith("DEFINE_") and node.args:
                found.add(getattr(node.args[0], "value", ""))
            if node.func.attr == "add_argument" and node.args:
                found.add(str(getattr(node.args[0], "value", "")).lstrip("-"))
    return found


def check_install(words: list[str]) -> None:
    """Checks that what is installed of ours by an extra has such an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for word in words:
        for extra in re.findall(r"^(?:\.|qnas_jax)\[([\w,]+)\]", word):
            for name in extra.split(","):
                assert name in project["optional-dependencies"]
        if word.endswith(".txt"):
            assert (ROOT / word).is_file()


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_is_taken(words, monkeypatch):
    monkeypatch.chdir(ROOT)
    if "qnas" in words:  # perhaps started by srun
        words = words[words.index("qnas") :]
    match words:
        case ["qnas", "list", topic]:
            assert topic in TOPICS
        case ["qnas", word, *_] if word in SUBCOMMANDS:
            pass
        case ["qnas", *rest] | ["python", "main.py", *rest]:
            check_run(rest)
        case ["python", "-m", "pytest", *rest]:
            assert all((ROOT / path).exists() for path in rest)
        case ["python", "-m", module, *rest]:
            check_module(module, rest)
        case ["python", "-c", code]:
            compile(code, "<page>", "exec")
        case [".", path]:
            assert path == ".venv/bin/activate"
        case ["python", file, *_]:
            assert (ROOT / file).is_file()
        case ["make", target]:
            makefile = (ROOT / "Makefile").read_text("utf-8")
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
        case ["pip", "install", *rest]:
            check_install(rest)
        case ["jupyter", "execute", *rest]:
            assert all((ROOT / path).exists() for path in rest if path[0] != "-")
        case _:
            pytest.fail(f"no test knows this kind of command: {' '.join(words)}")


def test_there_are_commands_on_the_pages():
    assert len(COMMANDS) > 50


def test_modules_named_on_pages_can_be_found():
    for page in PAGES:
        for name in re.findall(r"`(qnas_jax(?:\.\w+)+)`", page.read_text("utf-8")):
            module, _, last = name.rpartition(".")
            if not hasattr(importlib.import_module(module), last):
                importlib.import_module(name)


def test_files_named_on_pages_are_there():
    inside = re.compile(
        r"`((?:qnas_jax|configs|experiments|tests)/[\w/{},.*-]+\.(?:py|md|csv))`"
    )
    for page in PAGES:
        for name in inside.findall(page.read_text("utf-8")):
            assert (ROOT / name).is_file(), f"{page.name}: {name}"
