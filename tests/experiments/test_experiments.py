"""Every experiment runs, tiny, and its rows say what they should."""

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest

from experiments.benches import (
    gpu_parts,
    gpu_session,
    guard,
    kernels,
    scoring,
    series,
    training,
)
from experiments.comparisons import search_rules
from experiments.comparisons.search_setting import search_setting
from experiments.measuring.rows import table, write_rows
from experiments.measuring.workload import (
    make_workload,
    random_archs,
    search_populations,
)
from experiments.peers import torch_supernet
from experiments.peers.torch_supernet import TorchPeer
from qnas_jax.spaces import SpaceOptions, build_space


def test_rows_carry_their_provenance(tmp_path):
    write_rows(str(tmp_path / "out" / "rows.jsonl"), [{"a": 1}, {"a": 2}])
    lines = (tmp_path / "out" / "rows.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["a"] for row in rows] == [1, 2]
    assert all(row["jax"] and row["device"] for row in rows)


def test_a_table_is_markdown():
    text = table([{"x": 1.23456, "y": "a"}], ["x", "y"])
    assert text.splitlines() == ["| x | y |", "| --- | --- |", "| 1.2346 | a |"]


def test_bench_kernels_compares_every_form(small_machine):
    rows = kernels.run(
        [(2, 4, 8, 3, 1)], [(2, 4, 3, 5, 2)], [(2, 4, 3)], [(4, 4, 4)], 1
    )
    assert [row["case"].split()[0] for row in rows] == [
        *["depthwise"] * 2,
        *["conv"] * 2,
        *["pointwise"] * 2,
        *["normalise"] * 2,
        *["block"] * 2,
    ]
    assert all(row["ratio"] > 0 for row in rows)


@pytest.mark.slow
def test_bench_series_has_every_form():
    rows = series.run([(2, 6, 3, 3, 1, 2)], 1)
    found = [(row["case"].split()[0], row["where"]) for row in rows]
    forms = {"conv": 3, "depth-wise": 2, "recurrence": 2}
    for (name, where), count in Counter(found).items():
        assert count == forms[name] and where in ("branch", "vmap")
    assert all(row["of the reference"] > 0 for row in rows)


@pytest.mark.slow
def test_bench_scoring_agrees_with_the_simple_forms(tiny_space, small_machine):
    """It compares the accuracies of all forms itself."""
    rows = scoring.run(
        tiny_space, population=4, images=32, chunk=16, passes=1, small=True
    )
    forms = [row["form"] for row in rows]
    assert forms[:2] == ["ours", "bfloat16"] and forms[-1] == "vmap over archs"
    assert 0 < rows[0]["share of the matrix rate"] < 1
    assert rows[0]["share of the copy bandwidth"] > 0
    assert rows[1]["Kendall tau with float32"] > 0.5


@pytest.mark.slow
def test_bench_guard_tells_what_an_epoch_pays(tiny_space):
    row = guard.run(tiny_space, batch=8, examples=80, passes=1)
    assert set(row) == set(guard.COLUMNS) and row["state MiB"] > 0
    parts = row["once an epoch ms"], row["step ms"]
    assert row["per cent of an epoch"] == pytest.approx(10 * parts[0] / parts[1])


@pytest.mark.slow
def test_bench_training_runs(tiny_space, small_machine):
    ours, gradient = training.run(tiny_space, batch=8, num_archs=2, passes=1)
    assert (ours["form"], gradient["form"]) == ("ours", "gradient only")
    assert 0 < ours["share of the matrix rate"] < 1
    peaks = [ours[name] for name in ("peak MiB before compiling", "compiled", "run")]
    assert peaks == sorted(peaks) and 0 < ours["temporary MiB"] < peaks[-1]


@pytest.mark.slow
def test_a_gpu_session_keeps_what_it_has(tmp_path):
    """A part that fails leaves its last words, one without time is named."""
    names = ("device", "pytorch scoring", "rank")
    parts = {name: gpu_parts.PARTS[name] for name in names}
    parts["rank"] = dataclasses.replace(parts["rank"], seconds=0)
    settings = gpu_parts.Settings(tiny=True)
    out = tmp_path / "gpu.json"
    result = gpu_session.run(parts, settings, out, 600.0)
    assert json.loads(out.read_text()).keys() == result.keys()
    assert result["device"]["copy GB/s"] > 0 and result["device"]["ended"] == "ok"
    assert (
        "Error" in result["pytorch scoring"]["log"]
        and result["pytorch scoring"]["ended"] != "ok"
    )
    assert result["rank"] == {"ended": "no time left"}


def test_the_form_that_networks_take():
    """The fastest that ran everywhere and agrees with the library's."""
    case = "8x8x768 k5 s1 bfloat16 paths 1"
    notes = {
        f"{case} {form} {part}": seconds
        for form, seconds in {"reference": 3.0, "taps": 2.0, "pallas": 1.0}.items()
        for part in ("forward", "to kernel")
    }
    notes |= {f"{case} at 3 TB/s": 0.1, f"{case} pallas to kernel error": 1e-3}
    assert gpu_session.fastest_depthwise(notes) == "pallas"
    wrong = notes | {f"{case} pallas to kernel error": float("nan")}
    assert gpu_session.fastest_depthwise(wrong) == "taps"
    failed = notes | {f"{case} pallas forward": "XlaRuntimeError: no"}
    assert gpu_session.fastest_depthwise(failed) == "taps"
    assert gpu_session.fastest_depthwise({}) == ""


def test_work_is_the_same_in_every_process(tiny_space):
    one, two = (make_workload(tiny_space, 4) for _ in range(2))
    assert (one.inputs == two.inputs).all() and (one.labels == two.labels).all()
    archs = random_archs(one.space, 5)
    assert (archs == random_archs(two.space, 5)).all()
    table = one.macs(archs)
    assert table.shape == (5,) and (table > 0).all()


def test_populations_of_a_search_grow_alike():
    space = build_space(SpaceOptions(name="digits"), (8, 8, 1), 10)
    asked = search_populations(space, [1, 60], 16)
    distinct = {n: len({tuple(arch) for arch in archs}) for n, archs in asked.items()}
    assert distinct[1] > 12 > distinct[60]


def test_the_peer_needs_the_public_code(tmp_path):
    images = np.zeros((1, 8, 8, 1), np.uint8)
    with pytest.raises(ValueError, match="expected the public BQNAS code"):
        TorchPeer(str(tmp_path), "proxylessnas", images, images)
    with pytest.raises(ValueError, match="the peer has"):
        TorchPeer(str(tmp_path), "digits", images, images)


def test_the_peer_folds_its_normalisations():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layers = [
        torch.nn.Conv2d(3, 4, 3, bias=False),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 2, 1),
    ]
    network = torch.nn.Sequential(*layers).train()
    images = torch.randn(8, 3, 6, 6)
    for _ in range(3):
        network(images)  # moves the running statistics
    folded = torch_supernet.folded(network)
    kinds = [type(layer).__name__ for layer in folded]
    assert kinds == ["Conv2d", "Identity", "ReLU", "Conv2d"]
    with torch.inference_mode():
        expected = network.eval()(images).numpy()
        np.testing.assert_allclose(folded(images).numpy(), expected, atol=1e-5)
    assert type(network[1]).__name__ == "BatchNorm2d"


def test_search_rules_compares_settings():
    settings = [search_setting(name, population=8) for name in ("qbit", "random")]
    qbit, random = search_rules.run_onemax(settings, 8, bits=20, generations=40)
    assert qbit["mean"] > random["mean"]
    assert qbit["migration"] == "default"


def test_search_rules_solves_knapsacks(data_dir):
    rows = search_rules.run_knapsack(data_dir, 2, generations=3, sizes=(250,))
    assert [row["strategy"] for row in rows] == ["qiga1", "qiga2", "qbit"]
    assert {row["items"] for row in rows} == {250}
    assert all(row["mean"] > 1000 for row in rows)
