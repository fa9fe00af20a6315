"""`--stage=solve`: QUBO files and histories, against brute force."""

import itertools
import json

import numpy as np
import pytest

from qnas_jax.jobs import default_config, open_setting, run_stages
from qnas_jax.options import OptionError
from qnas_jax.runs import WorkFolder

NUM_OPS = (3, 2, 4)
ARCHS = np.array(list(itertools.product(*map(range, NUM_OPS))))


def solve(tmp_path, **options):
    config = default_config("solve")
    for name, value in options.items():
        group, _, field = name.partition("__")
        config[group][field] = value
    folder = WorkFolder(tmp_path / "run")
    setting = open_setting(config, folder, say=lambda line: None)
    lines = run_stages(setting, "solve", ["python", "main.py"])
    return lines, json.loads((folder.path / "solution.json").read_text())


def quadratic_scores():
    """Scores between 0 and 1 that a sum over layers and pairs of layers makes up."""
    rng = np.random.default_rng(5)
    scores = np.zeros(len(ARCHS))
    for layer, count in enumerate(NUM_OPS):
        scores += rng.normal(size=count)[ARCHS[:, layer]]
    for a, b in itertools.combinations(range(3), 2):
        pairs = 0.5 * rng.normal(size=(NUM_OPS[a], NUM_OPS[b]))
        scores += pairs[ARCHS[:, a], ARCHS[:, b]]
    return (scores - scores.min()) / np.ptp(scores)


def write_history(path, archs, scores):
    rows = [
        {"arch": arch.tolist(), "score": None if np.isnan(score) else float(score)}
        for arch, score in zip(archs, scores, strict=True)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("optimiser", ["exhaustive", "grover", "simulated_annealing"])
def test_a_qubo_file_is_solved(tmp_path, optimiser):
    matrix = np.random.default_rng(0).normal(size=(7, 7))
    file = tmp_path / "q.csv"
    np.savetxt(file, matrix, delimiter=",")
    lines, solution = solve(
        tmp_path, problem__file=str(file), solver__optimiser=optimiser
    )
    bits = np.array(list(itertools.product((0, 1), repeat=7)))
    costs = np.einsum("si,ij,sj->s", bits, matrix, bits)
    best = bits[costs.argmin()]
    assert solution["best"][0]["bits"] == "".join(map(str, best))
    np.testing.assert_allclose(solution["cost"], costs.min(), rtol=1e-5)
    assert solution["evaluations"] > 0
    assert optimiser in lines[0] and f"{costs.min():.6g}" in lines[0]
    kept = [entry["cost"] for entry in solution["best"]]
    assert kept == sorted(kept) and len(kept) <= 10


@pytest.mark.parametrize(
    ("encoding", "optimiser"), [("binary", "exhaustive"), ("one_hot", "tabu")]
)
def test_a_history_leads_to_the_arch_that_was_not_evaluated(
    tmp_path, encoding, optimiser
):
    scores = quadratic_scores()
    best = int(scores.argmax())
    seen = np.delete(np.arange(len(ARCHS)), best)
    file = tmp_path / "history.jsonl"
    write_history(file, ARCHS[seen], scores[seen])
    lines, solution = solve(
        tmp_path,
        problem__file=str(file),
        problem__encoding=encoding,
        solver__optimiser=optimiser,
        exhaustive__keep=5,
    )
    first = solution["best"][0]
    assert first["arch"] == ARCHS[best].tolist()
    assert first["evaluated_score"] is None
    assert first["predicted_score"] == pytest.approx(scores[best], abs=0.05)
    assert "not evaluated yet" in lines[1]
    others = {tuple(entry["arch"]): entry for entry in solution["best"][1:]}
    known = {tuple(arch): score for arch, score in zip(ARCHS, scores, strict=True)}
    assert len(others) == (4 if optimiser == "exhaustive" else 0)
    for arch, entry in others.items():
        assert entry["evaluated_score"] == pytest.approx(known[arch])


def test_failed_evaluations_do_not_count(tmp_path):
    scores = quadratic_scores()
    scores[::4] = np.nan
    file = tmp_path / "history.jsonl"
    write_history(file, ARCHS, scores)
    lines, _ = solve(tmp_path, problem__file=str(file), problem__num_ops=(3, 2, 5))
    assert f"from {np.isfinite(scores).sum()} evaluations" in lines[1]


@pytest.mark.parametrize(
    ("name", "text", "options", "error", "message"),
    [
        ("", "", {}, OptionError, "file: got '', allowed: a file"),
        ("a.txt", "x", {}, OptionError, r"allowed: a file .json, .csv or .jsonl"),
        ("a.json", "{", {}, ValueError, "a.json: .*not JSON"),
        ("a.json", None, {}, ValueError, "a.json: no such file"),
        ("a.jsonl", None, {}, FileNotFoundError, "got .*a.jsonl, expected a file"),
        ("a.jsonl", "", {}, ValueError, "got 0 evaluations with a score"),
        ("a.jsonl", '{"arch": [0.5]}\n', {}, ValueError, r"line 1: got .*0\.5"),
        ("a.jsonl", '{"arch": [1], "score": "x"}\n', {}, ValueError, "got score 'x'"),
        (
            "a.jsonl",
            '{"arch": [1], "score": 1}\n{"arch": [0], "score": NaN}\n',
            {},
            ValueError,
            "line 2: got score nan, expected a finite number",
        ),
        (
            "a.jsonl",
            '{"arch": [1], "score": 1}\n{"arch": [1, 2], "score": 1}\n',
            {},
            ValueError,
            "line 2: got an architecture of 2 layers, expected 1 as in line 1",
        ),
        (
            "a.jsonl",
            '{"arch": [2], "score": 1}\n{"arch": [0], "score": 0}\n',
            {"problem__num_ops": (2,)},
            OptionError,
            r"got \(2,\), allowed: 1 numbers, at least 3",
        ),
        (
            "a.jsonl",
            '{"arch": [2], "score": 1}\n{"arch": [0], "score": 0}\n',
            {"problem__num_ops": (0,)},
            OptionError,
            r"got \[0\], allowed: with commas between them, each int >= 1",
        ),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, name, text, options, error, message):
    file = tmp_path / name if name else ""
    if text is not None and name:
        file.write_text(text)
    with pytest.raises(error, match=message) as caught:
        solve(tmp_path, problem__file=str(file), **options)
    assert "\n" not in str(caught.value)


def test_several_runs_are_kept_one_by_one_and_the_best_counts(tmp_path):
    matrix = np.random.default_rng(1).normal(size=(8, 8))
    file = tmp_path / "q.csv"
    np.savetxt(file, matrix, delimiter=",")
    options = {"problem__file": str(file), "solver__optimiser": "tabu"}
    _, one = solve(tmp_path / "one", **options)
    _, three = solve(tmp_path / "three", solver__runs=3, **options)
    kept = [
        json.loads((tmp_path / "three/run/solve" / f"run-{n}.json").read_text())
        for n in range(3)
    ]
    assert kept[0]["cost"] == one["cost"]  # the first run is the only one of before
    assert three["cost"] == min(row["cost"] for row in kept)
    assert three["evaluations"] == sum(row["evaluations"] for row in kept)
    bits = [entry["bits"] for entry in three["best"]]
    assert len(set(bits)) == len(bits)
    costs = [entry["cost"] for entry in three["best"]]
    assert costs == sorted(costs) and costs[0] == pytest.approx(three["cost"])
