"""A job with several objectives: its front, what is retrained of it, its page."""

import itertools
import json
import shutil

import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation import Evaluation
from qnas_jax.jobs import run_stages
from qnas_jax.jobs.nas.candidates import candidates_of
from qnas_jax.jobs.nas.fronts import front_of
from qnas_jax.options import OptionError
from qnas_jax.reporting import formats, report
from qnas_jax.reporting.rows import read_run
from qnas_jax.stopping import Stopped


def evaluation(number, score, macs, status="ok"):
    costs = {"macs": macs, "params": 0}
    return Evaluation(number, 0, (number,), -1, score, {}, costs, status, "")


def test_the_front_by_hand():
    rows = [
        evaluation(1, 0.5, 10),
        evaluation(2, 0.4, 10),  # beaten by 1
        evaluation(3, 0.5, 10),  # as good as 1
        evaluation(4, 0.6, 20),
        evaluation(5, 0.55, 30),  # beaten by 4
        evaluation(6, 0.1, 1),
        evaluation(7, 0.9, 1, "failed"),
        evaluation(8, float("-inf"), 0),
    ]
    assert [row.evaluation for row in front_of(rows, ("macs",))] == [6, 1, 4]
    assert front_of(rows[6:], ("macs",)) == []


def test_the_front_against_brute_force():
    rng = np.random.default_rng(0)
    rows = [
        evaluation(n, float(rng.integers(0, 9)), float(rng.integers(0, 9)))
        for n in range(200)
    ]
    points = {(row.score, -row.costs["macs"]) for row in rows}
    best = {
        a
        for a in points
        if not any(b != a and b[0] >= a[0] and b[1] >= a[1] for b in points)
    }
    found = front_of(rows, ("macs",))
    assert {(row.score, -row.costs["macs"]) for row in found} == best
    costs = [row.costs["macs"] for row in found]
    assert all(a < b for a, b in itertools.pairwise(costs))


def test_a_job_of_two_objectives(finished, tiny_config, make_setting, quick):
    tiny_config.search.update(objectives=("accuracy", "params"), generations=4)
    tiny_config.retrain.update(epochs=1, front=1, compare=False)
    setting = make_setting(tiny_config)
    run_stages(setting, "search", ["python", "main.py"])
    folder = setting.folder.path
    found = json.loads((folder / "search" / "front.json").read_text())
    assert found["objectives"] == ["accuracy", "params"]
    run = read_run(folder)
    own = [row for row in run.history if row["generation"] < 4]
    for member in found["front"]:
        cost = member["costs"]["params"]
        assert not any(
            row["score"] > member["score"] and row["costs"]["params"] <= cost
            for row in own
        )
    best = max(found["front"], key=lambda row: row["score"])
    assert run.result["arch"] == best["arch"]
    assert (run.result["strategy"], run.result["acts_by"]) == (
        "pareto_memory",
        "classical",
    )
    others = set(run.result["baselines"])
    assert others == ({"front_1"} if len(found["front"]) > 1 else set())
    page, figures = report.render_page(run)
    assert "front" in figures and "Best under each budget" in page
    ops = [setting.space.choices[i][op] for i, op in enumerate(best["arch"])]
    assert " | ".join(formats.shortened(name, 14) for name in ops) in page
    # The same command finds everything done.
    assert run_stages(make_setting(tiny_config), "all", ["python", "main.py"])


def test_members_of_a_front_of_two_costs_are_retrained(tiny_config, make_setting):
    """Also one that is on it by the second cost alone, as the first two are."""
    tiny_config.search.objectives = ("accuracy", "params", "macs")
    tiny_config.retrain.update(front=2, compare=False)
    setting = make_setting(tiny_config)
    folder = setting.folder.path
    points = [((0, 1), 0.5, 9, 1), ((1, 1), 0.7, 8, 3), ((0, 0), 0.6, 1, 8)]
    points.append(((1, 0), 0.9, 5, 9))
    front = [
        {"arch": list(arch), "score": score, "costs": {"params": a, "macs": b}}
        for arch, score, a, b in points
    ]
    content = {"objectives": ["accuracy", "params", "macs"], "front": front}
    (folder / "search").mkdir(parents=True)
    (folder / "search" / "front.json").write_text(json.dumps(content))
    best = {"arch": [1, 0], "score": 0.9}
    (folder / "best_arch.json").write_text(json.dumps(best))
    found = candidates_of(setting)
    assert [each.name for each in found] == ["winner", "front_1", "front_2"]
    # By MACs (0, 0), (1/4, 1/2), (1, 1) has a knee. In units of the ranges (0, 0) is
    # 0.91 from the nearer one of it and the winner, (0, 1) is 0.57.
    assert [each.arch.tolist() for each in found[1:]] == [[1, 1], [0, 0]]
    assert [each.search_score for each in found[1:]] == [0.7, 0.6]


def test_a_stopped_search_for_a_front_goes_on(
    finished_folder, tiny_config, make_setting, quick, tmp_path
):
    tiny_config.search.update(objectives=("accuracy", "params", "macs"), generations=5)
    tiny_config.retrain.update(epochs=1, compare=False)
    command = ["python", "main.py"]
    for name in ("whole", "stopped"):
        shutil.copytree(finished_folder, tmp_path / name)
    with pytest.raises(Stopped):  # behind the fifth generation, in the retraining
        run_stages(make_setting(tiny_config, "whole", 6), "search", command)
    with pytest.raises(Stopped):
        run_stages(make_setting(tiny_config, "stopped", 1), "search", command)
    assert not (tmp_path / "stopped" / "search" / "front.json").exists()
    with np.load(tmp_path / "stopped" / "search" / "progress.npz") as kept:
        assert len(kept["registers"]) == 1
    with pytest.raises(Stopped):
        run_stages(make_setting(tiny_config, "stopped", 5), "all", command)
    compared = ("front.json", "history.jsonl", "registers.npz", "../best_arch.json")
    for name in compared:
        whole, stopped = (
            tmp_path / kind / "search" / name for kind in ("whole", "stopped")
        )
        assert whole.read_bytes() == stopped.read_bytes(), name


@pytest.mark.parametrize(
    ("objectives", "words"),
    [
        (("accuracy",), "accuracy .search.score. and one or two costs"),
        (("params", "accuracy"), "accuracy .search.score. and one or two costs"),
        (("accuracy", "params", "params"), "and one or two costs"),
    ],
)
def test_objectives_that_do_not_fit(tiny_config, make_setting, objectives, words):
    tiny_config.search.objectives = objectives
    with pytest.raises(OptionError, match=f"search.objectives: got .*{words}"):
        make_setting(tiny_config)


def test_a_cost_that_is_not_known_is_told_before_anything_is_trained(
    tiny_config, make_setting
):
    tiny_config.search.objectives = ("accuracy", "joules")
    with pytest.raises(UserError, match="accuracy, then some of params, macs, bytes"):
        run_stages(make_setting(tiny_config), "all", ["python", "main.py"])


def test_a_product_of_losses_prefers_cheap_networks(
    finished, tiny_config, make_setting, quick
):
    """Costs count for so much that any loss is worth a cheaper one."""
    tiny_config.search.update(score="loss", objectives=("loss", "params"))
    tiny_config.search.update(front_strategy="weighted_product", generations=8)
    product = tiny_config.front_weighted_product
    product.update(strategy="qudit", targets=(500.0,), below=-9.0, above=-9.0)
    setting = make_setting(tiny_config)
    run_stages(setting, "search", ["python", "main.py"])
    run = read_run(setting.folder.path)
    assert max(row["score"] for row in run.history) < 0
    cheapest = min(run.history, key=lambda row: row["costs"]["params"])
    likely = run.registers.probabilities[-1].argmax(axis=1)
    assert likely.tolist() == cheapest["arch"]


def test_a_front_within_a_budget(finished, tiny_config, make_setting, quick):
    """Of the six networks three have at most 700 parameters."""
    tiny_config.search.update(objectives=("accuracy", "macs"), generations=4)
    tiny_config.constraints.max_params = 700
    tiny_config.retrain.update(epochs=1, front=1, compare=False)
    setting = make_setting(tiny_config)
    run_stages(setting, "search", ["python", "main.py"])
    run = read_run(setting.folder.path)
    sizes = {tuple(row["arch"]): row["costs"]["params"] for row in run.history}
    assert len(sizes) == 3 and max(sizes.values()) <= 700
    found = json.loads((setting.folder.path / "search" / "front.json").read_text())
    front = [tuple(row["arch"]) for row in found["front"]]
    assert front and set(front) <= set(sizes)
    # None of the three is better and cheaper at once than one of the front.
    for row in found["front"]:
        assert not any(
            other["score"] > row["score"]
            and other["costs"]["macs"] <= row["costs"]["macs"]
            for other in run.history
        )
    assert run.result["constraints"] == {"params": 700}
    assert run.result["parameters"] <= 700
    assert all(each["parameters"] <= 700 for each in run.result["baselines"].values())
