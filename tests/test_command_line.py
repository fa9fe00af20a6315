"""The command line as a user sees it: exit status, one line of error, Ctrl-C."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from forked_commands import run_commands

from qnas_jax.spaces import SpaceOptions, arch_to_string, build_space

ROOT = pathlib.Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow
BENCHMARK = ("--config=configs/benchmark_own_table.py", "--stage=benchmark")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "main.py", *arguments]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
    )


MISTAKES = [
    (["--config.search.generatoins=5"], "search.generatoins: got '5'"),
    (["--config.search.generations=many"], "search.generations: got 'many'"),
    (["--config.supernet.learning_rate=-1"], "learning_rate: got -1.0"),
    (["--config=configs/nope.py"], "--config: got configs/nope.py"),
    (["--stage=nope"], "--stage: got 'nope', allowed: one of all, supernet"),
    (["--confg=1"], "Unknown command line flag 'confg'"),
    (["search"], "(did you mean --stage=search?)"),
    (["--config=digts"], "(did you mean digits?)"),
    (["--config.search.stratgy=qbit"], "(did you mean strategy?)"),
    (["--config.search.strategy=qbitt"], "(did you mean qbit?)"),
    (["--config.data.source=digit"], "(did you mean digits?)"),
    (["--config.space.name=digit"], "(did you mean digits?)"),
    (["--stage=serch"], "(did you mean search?)"),
    (["--stage=describe"], "--archs: got nothing"),
    (["--config.space.name=nope"], "name: got 'nope', allowed: one of"),
    (["--stage=benchmark"], "got a configuration with job='nas', expected one such as"),
    (
        ["--config=configs/benchmark_own_table.py", "--stage=rank"],
        "a configuration with job='benchmark', expected one such as configs/digits.py",
    ),
    (
        [*BENCHMARK, "--config.table.file=nope.csv"],
        "nope.csv: no such file, expected a",
    ),
    (
        [*BENCHMARK, "--config.scoring.score_examples=3"],
        "got --config.scoring.score_examples=3, a field that --config does not have",
    ),
]


def test_an_error_is_one_line_and_status_2(tmp_path):
    commands = [
        ["qnas", f"--workdir={tmp_path / str(number)}", *arguments]
        for number, (arguments, _) in enumerate(MISTAKES)
    ]
    answers = run_commands(commands, ROOT)
    for (arguments, message), answer in zip(MISTAKES, answers, strict=True):
        status, out, err = answer
        assert (status, out) == (2, ""), (arguments, err)
        lines = [line for line in err.splitlines() if not line.endswith(": working")]
        assert len(lines) == 1 and lines[0].startswith("error: "), (arguments, err)
        assert message in lines[0], arguments


def test_describe_prints_one_json_line_an_architecture(tmp_path, data_dir):
    reference = json.loads((data_dir / "bqnas_reference_counts.json").read_text())
    subnets = reference["fbnet_s"]["subnets"][:3]
    space = build_space(SpaceOptions(name="fbnet_s"), (32, 32, 3), 10)
    archs = [subnet["arch"] for subnet in subnets]
    file = tmp_path / "archs.json"
    file.write_text(json.dumps([*archs[:2], arch_to_string(space, archs[2])]))
    arguments = (
        "--config=configs/cifar10_bqnas.py",
        "--config.space.name=fbnet_s",
        "--stage=describe",
    )
    # No data folder is needed: the shape of a named set is known.
    result = run(*arguments, f"--archs={file}", QNAS_DATA_DIR="")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    for line, subnet in zip(lines, subnets, strict=True):
        assert line["arch"] == subnet["arch"]
        assert line["parameters"] == subnet["params"]
        assert line["macs"] == subnet["macs"]
        searched = [layer for layer in line["layers"] if layer["role"] == "layer"]
        assert "|".join(layer["op"] for layer in searched) == line["string"]
        assert sum(layer["params"] for layer in line["layers"]) == line["parameters"]
        assert sum(layer["macs"] for layer in line["layers"]) == line["macs"]


SLOW_JOB = """
import time

from qnas_jax.spaces import SearchSpace, register_space

SPACE = SearchSpace("recipes", (("rye", "oat"),) * 4)
register_space("recipes", lambda shape, outputs: SPACE)


def evaluate(arch):
    time.sleep(0.2)
    return arch.count("oat")
"""


def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(tmp_path):
    """In the middle of a generation, by the function's first words."""
    file, folder = tmp_path / "mine.py", tmp_path / "run"
    file.write_text(SLOW_JOB)
    arguments = (
        "--config=configs/digits.py",
        "--config.space.name=recipes",
        f"--config.space.file={file}",
        "--config.evaluator.name=function",
        f"--config.evaluator.file={file}",
        f"--workdir={folder}",
        "--config.search.strategy=exhaustive",
        "--config.search.generations=2",
        "--config.search.population=8",
        "--config.constraints.max_params=0",
    )
    process = subprocess.Popen(
        command(*arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    kept = folder / "search" / "outcomes.jsonl"
    deadline = time.monotonic() + 240
    while not kept.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"to go on: python main.py {' '.join(arguments)}" in errors
    assert "Traceback" not in errors
    known = [json.loads(line)["outcome"] for line in kept.read_text().splitlines()]
    assert 1 <= len(known) < 8
    result = run(*arguments)
    assert result.returncode == 0, result.stderr
    assert "report: " in result.stdout
    history = (folder / "search" / "history.jsonl").read_text().splitlines()
    seconds = [json.loads(line)["costs"]["seconds"] for line in history]
    assert len(seconds) == 16
    # What was known was not evaluated again.
    assert seconds[: len(known)] == pytest.approx([row["seconds"] for row in known])


def test_a_benchmark_of_an_own_table(tmp_path):
    result = run(
        *BENCHMARK,
        f"--workdir={tmp_path}",
        "--config.search.strategy=random",
        "--config.benchmark.seeds=3",
    )
    assert result.returncode == 0, result.stderr
    assert "random on example: 3 searches" in result.stdout
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 3
