"""Commands of README and documentation run as they stand, in one folder.

Only sizes are replaced, by further flags behind those that are written: fewer examples
and epochs, and a space of six networks. Commands that name data of the reader's find a
small file or folder of that name.
"""

import json
import shutil

import numpy as np
import PIL.Image
import pytest
from forked_commands import Answer, run_commands
from pages import PAGES, block_of, commands, page_name

pytestmark = pytest.mark.slow

TINY = {
    "space.name": "tiny",
    "constraints.max_params": 0,
    "data.max_train": 60,
    "data.max_valid": 20,
    "data.max_test": 20,
    "supernet.epochs": 1,
    "supernet.batch_size": 16,
    "search.generations": 1,
    "search.population": 3,
    "retrain.epochs": 1,
    "retrain.batch_size": 16,
    "retrain.warmup_epochs": 0.0,
    "retrain.random_picks": 0,
    "retrain.compare": False,
    "export.tuning_steps": 1,
    "export.latency_seconds": 0.01,
}


def flags(options):
    return [f"--config.{name}={value}" for name, value in options.items()]


def written(page, word, more=()):
    """The command of a page that has a word, and further flags."""
    (file,) = [each for each in PAGES if page_name(each) == page]
    (found,) = [words for words in commands(file) if word in " ".join(words)]
    return [*found, *more]


def run_all(folder, *given) -> list[Answer]:
    answers = run_commands(given, folder)
    for words, answer in zip(given, answers, strict=True):
        assert answer.status == 0, (words, answer.err[-2000:])
    return answers


@pytest.fixture(scope="module")
def digits(tmp_path_factory, space_file):
    """A folder in which README's first command was run, on fewer examples."""
    folder = tmp_path_factory.mktemp("written")
    tiny = flags({**TINY, "space.file": space_file})
    run_all(folder, ["qnas", "--config=digits", "--workdir=runs/digits",
                     "--config.export.onnx=False", *tiny])  # fmt: skip
    return folder, tiny


def test_from_a_finished_run_to_answers_of_onnxruntime(digits):
    folder, tiny = digits
    pytest.importorskip("jax2onnx", reason="the extra export is not installed")
    pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    *_, predicted, answered = run_all(
        folder,
        written("README", "--stage=export", tiny),
        written("README", "numpy.savez"),
        written("README", "--input=five.npz"),
        written("README", "onnxruntime"),
    )
    classes = [json.loads(line)["class"] for line in predicted.out.splitlines()]
    numbers = answered.out.strip().strip("[]").split()
    assert len(classes) == len(numbers) == 5
    assert set(classes) | set(numbers) <= set("0123456789")
    with np.load(folder / "five.npz") as arrays:
        assert arrays["x"].shape == (5, 8, 8, 1)


def test_what_looks_at_a_finished_run(digits):
    folder, _ = digits
    shutil.copytree(folder / "runs" / "digits", folder / "runs" / "short")
    (folder / "archs.json").write_text("[[0, 1, 2, 3, 0]]")
    costs, compared, _ = run_all(
        folder,
        written("hardware", "--stage=describe"),
        written("tutorial", "compare"),
        written("quantum_for_nas", "solver_history"),
    )
    assert json.loads(costs.out)["arch"] == [0, 1, 2, 3, 0]
    assert "runs/short" in compared.out
    page = (folder / "runs" / "comparison.html").read_text("utf-8")
    assert "runs/digits" in page


def test_what_an_own_network_costs(tmp_path):
    (tmp_path / "archs.json").write_text("[[0, 2]]")
    (tmp_path / "my_space.py").write_text(block_of("own_space", "register_space("))
    (costs,) = run_all(tmp_path, written("own_space", "--stage=describe"))
    assert json.loads(costs.out)["string"] == "mb2_k3|scale"


def test_photos_of_ones_own(digits):
    folder, tiny = digits
    rng = np.random.default_rng(0)
    for name, least in (("cat", 0), ("dog", 150)):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 100, (8, 8)) + least
            image = PIL.Image.fromarray(pixels.astype(np.uint8))
            image.save(folder / "photos" / name / f"{number}.png")
    shutil.copytree(folder / "photos" / "dog", folder / "new_photos")
    _, answer = run_all(
        folder,
        written("README", "source=folder", [*tiny, "--config.export.onnx=False"]),
        written("README", "--input=new_photos"),
    )
    classes = [json.loads(line)["class"] for line in answer.out.splitlines()]
    assert len(classes) == 20 and set(classes) <= {"cat", "dog"}


def test_tables_and_costs_of_ones_own(tmp_path):
    """The table has nothing but ops and values."""
    rows = [f"{a},{b},0.{a + b}5,0.{a + b}4" for a in range(3) for b in range(3)]
    (tmp_path / "my.csv").write_text("\n".join(["op_1,op_2,val,test", *rows]) + "\n")
    (tmp_path / "my_qubo.json").write_text('{"matrix": [[-1, 2], [0, -1]]}')
    short = flags({"benchmark.seeds": 2, "benchmark.budgets": 3})
    *_, compared, solved, explained = run_all(
        tmp_path,
        written("benchmarks", "runs/my_table", short),
        written("benchmarks", "--workdir=runs/own_random", short),
        written("benchmarks", "--workdir=runs/own_default", short),
        written("benchmarks", "compare"),
        written(
            "quantum_for_nas", "my_qubo.json", ["--config.solver.optimiser=exhaustive"]
        ),
        written("tutorial", "=?"),
    )
    assert (tmp_path / "runs" / "my_table").is_dir()
    assert "memory_registers" in compared.out
    page = (tmp_path / "runs" / "own.html").read_text("utf-8")
    assert "random is nowhere significantly worse than memory_registers" in page
    assert "cost -1" in solved.out + solved.err
    assert explained.out.strip().startswith("search.strategy = memory_registers")
