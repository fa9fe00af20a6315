"""Kinds of inputs on the command line and in configurations, spaces and circuits."""

import contextlib
import io
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import hypothesis
import ml_collections
import numpy as np
from hypothesis import strategies as st

from experiments.fuzzing.files import SPACE
from experiments.fuzzing.kind import Given, Kind
from experiments.fuzzing.mutations import (
    TOKENS,
    damaged_bytes,
    json_texts,
    json_values,
    odd_values,
)
from experiments.measuring.small_space import small_space_file
from qnas_jax.command.parsing import parse_flags
from qnas_jax.jobs import default_config, open_setting
from qnas_jax.jobs.registry import JOBS
from qnas_jax.quantum import Circuit, Param, PauliSum
from qnas_jax.quantum.formats.qasm import from_qasm, to_qasm
from qnas_jax.runs import WorkFolder
from qnas_jax.spaces import SpaceOptions, build_space
from qnas_jax.spaces.encoding import parse_arch
from qnas_jax.spaces.registry import SPACES

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_FIELDS = sorted(
    {
        (job.name, group, name)
        for job in JOBS.values()
        for group, record in job.all_groups.items()
        for name in record.__dataclass_fields__
    }
)
_CONFIGS = {
    "nas": "configs/digits.py",
    "benchmark": "configs/benchmark_own_table.py",
    "solve": "configs/solver_maxcut.py",
}


@st.composite
def _flags(draw: st.DrawFn) -> Given:
    """A command line of one configuration with up to three odd arguments."""
    job = draw(st.sampled_from(sorted(_CONFIGS)))
    own = [field for field in _FIELDS if field[0] == job]
    arguments = [f"--config={_ROOT / _CONFIGS[job]}"]
    names = [job]
    for _ in range(draw(st.integers(1, 3))):
        _, group, name = draw(st.sampled_from(own))
        default = JOBS[job].all_groups[group].__dataclass_fields__[name].default
        flag = draw(
            st.sampled_from(
                (f"config.{group}.{name}",) * 6
                + (f"config.{group}", f"config.{name}", f"config.{group}.{name[:-1]}")
                + (f"config.{group}.{name}.x", "config.seed", "stage", "arch", "archs")
                + ("input", "workdir", "from_supernet", "confg", name, "config")
            )
        )
        value = draw(
            st.one_of(
                st.just(str(default)),
                st.just(str(default)),
                st.sampled_from(TOKENS),
                st.text(max_size=6),
                st.integers().map(str),
                st.floats().map(str),
                st.sampled_from(("1,2", "(1, 2)", "[1]", "op_*,x", "True", "no")),
                st.sampled_from(("1", "2", "0.5", "true", "random", "auto", *SPACES)),
            )
        )
        dashes = draw(st.sampled_from((*(7 * ["--"]), "-", "", "--no")))
        joined = draw(st.sampled_from((*(8 * ["="]), " ", "")))
        argument = f"{dashes}{flag}"
        arguments += [argument, value] if joined == " " else [argument + joined + value]
        names += [flag, flag.split(".")[-1], group, value, argument, repr(value)]
        names += [repr(argument)[1:-1], "--config", "--stage"]
    return Given(arguments, tuple(name[:150] for name in names if name))


def _run_flags(arguments: list[str], folder: pathlib.Path) -> Any:
    """Parses a command line as `main.py` does and checks its configuration."""
    parsed = parse_flags(["main.py", *arguments])
    return open_setting(parsed.config, WorkFolder(folder))


@st.composite
def _config_objects(draw: st.DrawFn) -> Given:
    """Values of a configuration of which some are no options at all."""
    job = draw(st.sampled_from(sorted(JOBS)))
    values = default_config(job).to_dict()
    own = [field for field in _FIELDS if field[0] == job]
    names: list[str] = []
    for _ in range(draw(st.integers(1, 2))):
        _, group, name = draw(st.sampled_from(own))
        value = draw(odd_values())
        if not isinstance(values.get(group), dict):
            continue
        match draw(st.integers(0, 9)):
            case 0:
                values[group] = value
                names.append(group)
            case 1:
                name = draw(
                    st.sampled_from(("x", "seed", name + "s", "é", name.upper()))
                )
                values[group] = {**values[group], name: value}
                names.append(name)
            case 2:
                values = {**values, name: value}
                names.append(name)
            case 3:
                values["seed"] = value
                names.append("seed")
            case 4:
                values["job"] = value
                names.append("job")
            case _:
                values[group] = {**values[group], name: value}
                names += [name, group]
    return Given(values, tuple(names))


def _read_config(values: dict[str, Any], folder: pathlib.Path) -> Any:
    try:
        config = ml_collections.ConfigDict(values)
    except Exception:
        hypothesis.reject()  # It is no configuration, and raised in a user's file.
    return open_setting(config, WorkFolder(folder))


def _as_given(values: dict[str, Any], setting: Any) -> str:
    """An accepted value is the one that was given, whatever type it came in."""
    for group in setting.job.groups:
        record = getattr(setting.config, group)
        for name, value in values[group].items():
            got = getattr(record, name)
            if isinstance(value, bool | int | float | np.generic) and got != value:
                return f"{group}.{name} is {got!r}, {value!r} was given"
            if type(got) not in (bool, int, float, str, tuple):
                return f"{group}.{name} is a {type(got).__name__}"
    return ""


_ARCH_NAMES = ("architecture",)


def _arch_values() -> st.SearchStrategy[Given]:
    """What `--arch` may say, and what a list of architectures may hold."""
    texts = damaged_bytes(st.sampled_from((b"rye|oat|x", b"oat|2|y")))
    return st.one_of(
        st.sampled_from(([0, 2, 1], ("rye", "oat", "x"), "oat|2|y", [1, 1, 1])),
        texts.map(lambda text: text.decode("utf-8", "replace")),
        st.sampled_from(TOKENS),
        json_texts(st.sampled_from(([0, 1, 1], ["rye", "2", "y"]))).map(_loaded),
        st.lists(st.one_of(json_values(), odd_values()), max_size=4),
        odd_values(),
    ).map(lambda value: Given(value, _ARCH_NAMES))


def _loaded(text: bytes) -> Any:
    return json.loads(text)


def _is_arch(value: Any, arch: Any) -> str:
    ops = value.split("|") if isinstance(value, str) else value
    wanted = [
        SPACE.choices[layer].index(op) if isinstance(op, str) else op
        for layer, op in enumerate(ops)
    ]
    return "" if arch.tolist() == wanted else f"got {arch.tolist()} for {value!r}"


_SPACE_FILE = small_space_file("fuzzed")
_WORDS = re.compile(r"\d+|SMALL|WIDE|\"\w+\"|input_shape|num_classes|fixed|op\b|Layer")
_PYTHON = (
    *("0", "-1", "3", "2.5", "None", "()", "(SMALL,)", "'skip'", "[]", "{}", "1 / 0"),
    *("print", "op", "fixed", "Layer", "float('nan')", "'mbconv'", "10 ** 30", "True"),
    *("lambda: 0", "'é|'", "SMALL", "dict()", "(8, 8, 1)", "", "1", "2", "8", "5"),
)


@st.composite
def _space_files(draw: st.DrawFn) -> Given:
    """A Python file of a space in which some words are others."""
    text = _SPACE_FILE
    for _ in range(draw(st.integers(1, 2))):
        words = list(_WORDS.finditer(text))
        if words:
            at = words[draw(st.integers(0, len(words) - 1))]
            text = (
                text[: at.start()] + draw(st.sampled_from(_PYTHON)) + text[at.end() :]
            )
    return Given(text, ("space.py", "space", "op ", "layer", "name: got"))


def _build(text: str, folder: pathlib.Path) -> Any:
    from qnas_jax.nets import build_supernet
    from qnas_jax.spaces import BuildableSpace

    path = folder / "space.py"
    path.write_text(text, encoding="utf-8")
    with _registered(), contextlib.redirect_stdout(io.StringIO()):
        space = build_space(SpaceOptions("fuzzed", str(path)), (8, 8, 1), 10)
        if isinstance(space, BuildableSpace):
            build_supernet(space).cost_table()
    return space


@contextlib.contextmanager
def _registered() -> Iterator[None]:
    """Spaces that are registered within the block are forgotten after it."""
    before = dict(SPACES)
    try:
        yield
    finally:
        SPACES.clear()
        SPACES.update(before)


_CIRCUITS = (
    Circuit(2).add("h", 0).add("cx", (0, 1)).add("rz", 1, Param(0, 2.0, 0.5)),
    Circuit(3).add("rxx", (0, 2), 0.3).add("u", 1, 0.1, 0.2, 0.3).add("swap", (1, 2)),
)


def _programs() -> st.SearchStrategy[Given]:
    """OpenQASM 3 texts with faults; they have no file, so errors say what they are."""
    return damaged_bytes(
        st.sampled_from([to_qasm(circuit).encode() for circuit in _CIRCUITS])
    ).map(
        lambda text: Given(
            text.decode("utf-8", "replace"),
            ("OpenQASM", "circuit", "gate", "angle", "qubit", "Param"),
        )
    )


@st.composite
def _paulis(draw: st.DrawFn) -> Given:
    """A sum of Pauli strings as a file may hold it, with one other value."""
    strings: list[Any] = ["ZZ", "XI", "IY"]
    coefficients: list[Any] = [0.5, -1.5, 2]
    value: list[Any] = [2, strings, coefficients]
    odd = draw(st.one_of(odd_values(), json_values()))
    match draw(st.integers(0, 4)):
        case 0:
            value[draw(st.integers(0, 2))] = odd
        case 1:
            strings[draw(st.integers(0, 2))] = odd
        case 2:
            value[1] = tuple(strings)
        case _:
            coefficients[draw(st.integers(0, 2))] = odd
    return Given(tuple(value), ("string", "coefficient", "num_qubits"))


KINDS = (
    Kind("flags", _flags(), _run_flags),
    Kind("configurations", _config_objects(), _read_config, _as_given, share=2.0),
    Kind(
        "one architecture",
        _arch_values(),
        lambda value, folder: parse_arch(SPACE, value),
        _is_arch,
    ),
    Kind("space files", _space_files(), _build, share=0.5),
    Kind("OpenQASM", _programs(), lambda text, folder: from_qasm(text), share=0.5),
    Kind("Pauli sums", _paulis(), lambda value, folder: PauliSum(*value), share=0.5),
)
