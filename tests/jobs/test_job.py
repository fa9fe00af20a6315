"""The whole job on real digits: what it leaves behind, and that it can be stopped."""

import json

import jax
import numpy as np
import pytest

from qnas_jax.jobs import run_stages
from qnas_jax.runs import RunError, read_rows
from qnas_jax.spaces import parse_arch
from qnas_jax.stopping import Stopped

pytestmark = pytest.mark.slow
COMMAND = ["python", "main.py"]


def read(setting, name):
    return json.loads((setting.folder.path / name).read_text())


def rows(setting, stage):
    found = read_rows(setting.folder.path / "metrics.jsonl")
    return [row for row in found if row["stage"] == stage]


def untimed(row):
    return {name: value for name, value in row.items() if name != "seconds"}


def test_the_job_leaves_every_artefact(finished):
    path = finished.folder.path
    for name in (
        "config.json",
        "environment.json",
        "metrics.jsonl",
        "search/history.jsonl",
        "search/registers.npz",
        "best_arch.json",
        "result.json",
        "report.html",
        "supernet/checkpoints",
        "retrain/winner/checkpoints",
    ):
        assert (path / name).exists(), name
    assert list((path / "figures").glob("*.png"))
    assert read(finished, "environment.json")["command"] == "python main.py"


def test_the_result_is_consistent_with_the_history(finished):
    result = read(finished, "result.json")
    history = read_rows(finished.folder.path / "search" / "history.jsonl")
    searched = [row for row in history if row["generation"] < 3]
    best = max(searched, key=lambda row: row["score"])
    assert result["search_score"] == best["score"]
    assert result["evaluations"] == len(searched) <= 6  # the space has 6 architectures
    assert len({tuple(row["arch"]) for row in history}) == len(history)
    assert result["arch"] == read(finished, "best_arch.json")["arch"]
    assert parse_arch(finished.space, result["string"]).tolist() == result["arch"]
    costs = finished.costs.cost(np.asarray([result["arch"]]))
    assert result["parameters"] == costs["params"][0]
    assert result["macs"] == costs["macs"][0]
    assert set(result["baselines"]) == {"largest"}
    assert result["baselines"]["largest"]["arch"] == finished.costs.largest().tolist()
    for network in (result, *result["baselines"].values()):
        assert 0 <= network["test_accuracy"] <= 1
        assert 0 <= network["validation_accuracy"] <= 1
    assert set(result["seconds"]) >= {"supernet", "search", "retrain"}


def test_validation_of_the_winner_is_the_best_epoch(finished):
    result = read(finished, "result.json")
    epochs = [row for row in rows(finished, "retrain") if row["network"] == "winner"]
    assert [row["epoch"] for row in epochs] == [1, 2]
    best = max(row["valid_accuracy"] for row in epochs)
    assert result["validation_accuracy"] == pytest.approx(best, abs=1e-7)


def test_the_pool_holds_distinct_architectures_best_first(finished):
    pools = rows(finished, "pool")
    assert [row["epoch"] for row in pools] == [1, 2, 3]
    for pool in pools:
        assert pool["scores"] == sorted(pool["scores"], reverse=True)
        assert len({tuple(arch) for arch in pool["archs"]}) == len(pool["archs"])


def test_registers_are_distributions(finished):
    with np.load(finished.folder.path / "search" / "registers.npz") as stored:
        probabilities = stored["probabilities"]
    assert probabilities.shape == (3, 2, 3)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1.0, atol=1e-5)
    assert (probabilities[:, 0, 2] == 0).all()  # layer 0 has two ops


def test_the_first_generation_names_the_ops(finished):
    first, *others = rows(finished, "search")
    assert first["op_names"] == [list(ops) for ops in finished.space.choices]
    assert not any("op_names" in row for row in others)


def test_a_finished_job_is_not_run_again(finished, tiny_config, make_setting):
    before = (finished.folder.path / "metrics.jsonl").read_bytes()
    run_stages(make_setting(tiny_config), "all", COMMAND)
    assert (finished.folder.path / "metrics.jsonl").read_bytes() == before


def test_a_stopped_job_goes_on_as_if_it_never_stopped(
    finished, tiny_config, make_setting, quick
):
    """The same configuration gives the same run, in another folder and in parts."""
    # 20 steps of the supernet, 3 generations, 30 steps of retraining. Stopped within
    # an epoch of the supernet, after a generation, and within the winner's 2nd epoch.
    for calls in (3, 18, 9):
        with pytest.raises(Stopped):
            run_stages(make_setting(tiny_config, "other", calls), "all", COMMAND)
    other = make_setting(tiny_config, "other")
    run_stages(other, "all", COMMAND)
    assert untimed(read(finished, "result.json")) == untimed(read(other, "result.json"))
    for stage in ("supernet", "pool", "search", "retrain"):
        expected = [untimed(row) for row in rows(finished, stage)]
        assert [untimed(row) for row in rows(other, stage)] == expected
    history = "search/history.jsonl"
    expected = (finished.folder.path / history).read_text()
    assert (other.folder.path / history).read_text() == expected


def test_a_stage_reruns_from_there_and_goes_on_if_it_is_stopped(
    finished, tiny_config, make_setting, quick
):
    supernet = [untimed(row) for row in rows(finished, "supernet")]
    tiny_config.search.strategy = "random"
    tiny_config.search.generations = 2
    with pytest.raises(Stopped):  # in the retraining
        run_stages(make_setting(tiny_config, stop_after=6), "search", COMMAND)
    history = finished.folder.path / "search" / "history.jsonl"
    assert {row["generation"] for row in read_rows(history)} <= {0, 1, 2}  # 2: compared
    stored = history.stat().st_mtime_ns
    setting = make_setting(tiny_config)
    run_stages(setting, "search", COMMAND)
    assert history.stat().st_mtime_ns == stored
    assert not (finished.folder.path / "rerun.json").exists()
    assert [untimed(row) for row in rows(setting, "supernet")] == supernet
    assert len(rows(setting, "search")) == 2
    assert read(setting, "config.json")["search"]["strategy"] == "random"


def test_another_configuration_is_refused(finished, tiny_config, make_setting):
    tiny_config.supernet.epochs = 5
    with pytest.raises(RunError, match=r"supernet\.epochs=4, got 5.*--stage=supernet"):
        run_stages(make_setting(tiny_config), "all", COMMAND)


def test_a_later_stage_needs_the_earlier_ones(tiny_config, make_setting):
    with pytest.raises(RunError, match="no finished supernet stage"):
        run_stages(make_setting(tiny_config, "empty"), "search", COMMAND)


def test_retraining_only_the_winner(tiny_config, make_setting, quick):
    tiny_config.retrain.compare = False
    tiny_config.supernet.update(sampler="strict_fair", epochs=2, pool_share=0.0)
    setting = make_setting(tiny_config)
    run_stages(setting, "all", COMMAND)
    assert read(setting, "result.json")["baselines"] == {}
    assert not rows(setting, "pool")


def test_own_data_in_a_file(tiny_config, make_setting, tmp_path):
    """Of the shapes of the finished run, whose programs serve it."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images * 255 / 16).astype(np.uint8)
    np.savez(tmp_path / "own.npz", x_train=images, y_train=digits.target)
    tiny_config.data.update(source="npz", path=str(tmp_path / "own.npz"))
    tiny_config.supernet.epochs = tiny_config.search.generations = 1
    tiny_config.retrain.update(epochs=1, compare=False)
    setting = make_setting(tiny_config)
    run_stages(setting, "all", COMMAND)
    outcome = read(setting, "result.json")
    assert (outcome["data"], outcome["test_examples"]) == ("own", 80)


def test_the_weights_of_the_supernet_can_be_loaded(finished):
    params, stats = finished.weights
    fresh = finished.supernet.init(finished.key("supernet/init"))
    assert jax.tree.structure((params, stats)) == jax.tree.structure(fresh)
    assert (params["fixed"][0] != fresh[0]["fixed"][0]).any()


def test_of_equal_scores_the_winner_has_the_lowest_loss(finished):
    history = read_rows(finished.folder.path / "search" / "history.jsonl")
    generations = finished.config.search.generations
    searched = [row for row in history if row["generation"] < generations]
    best = max(row["score"] for row in searched)
    level = [row for row in searched if row["score"] == best]
    expected = min(level, key=lambda row: row["metrics"]["loss"])
    assert read(finished, "best_arch.json")["arch"] == expected["arch"]
