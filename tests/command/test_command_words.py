"""Sub-commands and help, in this process."""

import pathlib
import re
import sys
import tomllib

import numpy as np
import pytest

import qnas_jax
from qnas_jax.command import doctor
from qnas_jax.command.entry import command_line, run_command
from qnas_jax.command.flags import FLAGS
from qnas_jax.command.listing import TOPICS
from qnas_jax.searching import STRATEGIES

# The flag of ml_collections loads configurations by it.
pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    """Whatever is run here does not start the process anew."""
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")


@pytest.fixture
def answer(capsys):
    def ask(*words):
        status = run_command(words)
        return status, *capsys.readouterr()

    return ask


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("/usr/bin/qnas", ["qnas"]),
        ("main.py", ["python", "main.py"]),
        ("/site/qnas_jax/__main__.py", ["python", "-m", "qnas_jax"]),
    ],
)
def test_the_command_to_go_on_is_the_one_that_was_typed(monkeypatch, program, words):
    monkeypatch.setattr(sys, "argv", [program, "--stage=all"])
    assert command_line() == [*words, "--stage=all"]


def test_the_version_is_that_of_the_package(answer):
    assert answer("--version") == (0, f"qnas_jax {qnas_jax.__version__}\n", "")


def test_help_is_short_and_names_every_flag(answer):
    status, out, err = answer("--config=digits", "--help")
    assert (status, err) == (0, "") and len(out.splitlines()) < 45
    assert all(f"--{flag.name}=" in out or f"]{flag.name}" in out for flag in FLAGS)


def test_full_help_has_every_option_with_its_meaning(answer):
    status, out, _ = answer("--helpfull")
    assert status == 0
    assert "\n  search.generations = 50\n      generations; each evaluates one" in out
    assert "\nqudit (nas)\n" in out and "\n  qudit.angle = " in out
    assert "\n  solver.optimiser = " in out and "\n  benchmark.seeds = " in out


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_listed(answer, topic):
    status, out, err = answer("list", topic)
    assert (status, err) == (0, "") and out.count("\n") >= 1


def test_lists_are_those_of_the_registries(answer):
    _, out, _ = answer("list", "strategies")
    assert [line.split()[0] for line in out.splitlines()] == list(STRATEGIES)
    _, out, _ = answer("list")
    assert [line.split()[2] for line in out.splitlines()] == list(TOPICS)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("list", "stratgies"),
            r"error: qnas list: got 'stratgies', .*mean strategies",
        ),
        (("watch",), r"error: qnas watch: .*required: run; see qnas watch --help"),
        (("watch", "nope"), r"error: nope: got no config.json there, expected"),
        (("watch", "nope", "--port=-1"), r"error: qnas watch: --every is above 0"),
        (("compare", "nope"), r"error: qnas compare: got nope, expected work folders"),
        (("compare",), r"error: qnas compare: .*required: RUN"),
        (("docter",), r"error: got the argument 'docter', .*did you mean doctor\?"),
        (("search",), r"error: got the argument 'search', .*mean --stage=search\?"),
        (("digits",), r"error: got the argument 'digits', .*mean --config=digits\?"),
        (("--config.search.stratgy=?",), r"error: search.stratgy: .*mean strategy\?"),
        (("--config.serch=?",), r"error: serch: got '\?', .*mean search\?"),
    ],
)
def test_a_mistake_is_one_line_that_helps(answer, words, line):
    status, out, err = answer(*words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert re.match(line, err), err


def test_an_option_is_explained_with_its_value(answer):
    status, out, _ = answer("--config=digits", "--config.search.generations=?")
    assert status == 0
    assert out.splitlines() == [
        "  search.generations = 25   (default 50)",
        "      generations; each evaluates one population",
        "      allowed: int >= 1",
    ]
    words = ("--config.search.generations=7", "--config.search.generations=?")
    assert "= 7   (default 50)" in answer(*words)[1]


def test_a_group_is_explained_whole(answer):
    _, out, _ = answer("--config.checkpoints=?")
    names = [line.split()[0] for line in out.splitlines()[::3]]
    assert names == [f"checkpoints.{name}" for name in ("minutes", "steps", "kept")]
    assert "allowed: int >= 0 and < 4294967296" in answer("--config.seed=?")[1]


def test_the_doctor_finds_this_machine_well(answer):
    status, out, _ = answer("doctor")
    assert status == 0, out
    assert out.splitlines()[-1] == "all is well"
    for word in ("python", "jaxlib", "devices", "cpu", "decoded sets", "circuit"):
        assert word in out


def test_the_doctor_looks_for_all_that_is_optional():
    text = (pathlib.Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    devices, developers = {"cuda", "tpu"}, {"test", "dev"}
    assert set(doctor._EXTRAS) == set(extras) - devices - developers
    for extra, names in doctor._EXTRAS.items():
        asked = " ".join(extras[extra])
        assert all(f"{name}>" in asked.replace("[python]", "") for name in names)


def test_the_doctor_says_what_fails(answer, monkeypatch):
    def broken() -> str:
        raise RuntimeError("no\nluck")

    monkeypatch.setattr(doctor, "TESTS", [doctor._as_finding(broken)])
    monkeypatch.setenv("QNAS_DATA_DIR", "/nope")
    status, out, _ = answer("doctor")
    assert status == 1 and out.splitlines()[-1].startswith("2 of ")
    assert re.search(r"FAILED +data +QNAS_DATA_DIR=/nope is no folder", out)
    assert re.search(r"FAILED +test broken +RuntimeError: no luck", out)
    assert answer("doctor", "--no-test")[0] == 1


def test_a_wrong_product_would_be_found(monkeypatch):
    import jax.numpy as jnp

    monkeypatch.setattr(jnp, "matmul", lambda a, b: (a @ b) * np.float32(1.01))
    with pytest.raises(AssertionError, match="off by"):
        doctor.device_computes()
