"""The ranking of a space: every architecture once, resumable, done again on request."""

import itertools
import json

import jax.numpy as jnp
import numpy as np
import pytest

from qnas_jax.errors import UserError
from qnas_jax.evaluation import TRUTHS, RankOptions, rank_agreement, ranking_measures
from qnas_jax.jobs import run_stages
from qnas_jax.options import OptionError
from qnas_jax.runs import read_arrays
from qnas_jax.stopping import Stopped

COMMAND = ["python", "main.py", "--stage=rank"]
ARCHS = np.asarray(list(itertools.product(range(2), range(3))), np.int32)
TRUTH = np.linspace(0.1, 0.6, 6)


@pytest.fixture
def known_truth(monkeypatch, tmp_path):
    monkeypatch.setitem(TRUTHS, "tiny", lambda folder: (ARCHS, TRUTH))


def ranking(setting):
    return json.loads((setting.folder.path / "ranking.json").read_text())


@pytest.mark.slow
def test_every_architecture_is_ranked(finished, known_truth):
    headline, headings, *rest, worth = run_stages(finished, "rank", COMMAND)
    found = ranking(finished)
    said, (page, *_) = rest[: len(found["measures"])], rest[len(found["measures"]) :]
    assert found["num_archs"] == len(found["scores"]) == 6
    assert found["score"] == "accuracy" and found["scores"] == pytest.approx(
        found["metrics"]["accuracy"]
    )
    np.testing.assert_allclose(found["true"], TRUTH)
    expected = rank_agreement(np.asarray(found["scores"]), TRUTH)
    assert found["kendall_tau"] == pytest.approx(expected["kendall_tau"])
    by_loss = rank_agreement(-np.asarray(found["metrics"]["loss"]), TRUTH)
    assert found["measures"]["loss"]["kendall_tau"] == pytest.approx(
        by_loss["kendall_tau"]
    )
    # Beside the metrics of the task, what needs no training.
    names = ["accuracy", "loss", "balanced_accuracy", "macro_f1"]
    assert list(found["metrics"]) == [*names, "macs", "params", "synflow", "nwot"]
    costs = finished.costs.cost(ARCHS)
    np.testing.assert_array_equal(found["metrics"]["macs"], costs["macs"])
    by_macs = ranking_measures(costs["macs"], TRUTH).row()
    assert found["measures"]["macs"] == by_macs
    assert len(set(found["metrics"]["synflow"])) == 6
    assert headline == "rank: tiny: 6 architectures"
    assert headings.split()[0] == "score" and len(said) == 8
    assert any(
        line.startswith("MACs") and f"{by_macs['kendall_tau']:.3f} [" in line
        for line in said
    )
    assert page.startswith("report: ")
    assert worth == found["worth"]["sentence"]
    assert worth.startswith("Was the search worth it?")
    # Two halves of a comparison each: ten is more than all six.
    assert "; the 6 best-scored beat 50.0 % on average" in worth
    best = ARCHS[np.argmax(found["scores"])]
    assert found["pick"]["arch"] == best.tolist()
    for name in ("ranking_scatter", "ranking_bars"):
        assert (finished.folder.path / "figures" / f"{name}.png").exists()


@pytest.mark.slow
def test_a_stopped_ranking_goes_on(
    finished, tiny_config, make_setting, known_truth, quick
):
    run_stages(finished, "rank", COMMAND)
    expected = ranking(finished)
    tiny_config.search.population = 2  # other options: ranked again, in three batches
    tiny_config.rank.terms = ("macs",)
    with pytest.raises(Stopped):
        run_stages(make_setting(tiny_config, stop_after=2), "rank", COMMAND)
    (stored,) = read_arrays(finished.folder.path / "rank" / "metrics.npz", "loss")
    assert stored.shape == (4,)
    setting = make_setting(tiny_config)
    run_stages(setting, "rank", COMMAND)
    found = ranking(setting)
    for name in ("loss", "macs"):
        np.testing.assert_allclose(
            found["metrics"][name], expected["metrics"][name], rtol=1e-5
        )
    assert "synflow" not in found["metrics"]


@pytest.mark.slow
def test_a_space_without_truth_is_refused(finished):
    with pytest.raises(OptionError, match=r"space\.name: got 'tiny', allowed: one of"):
        run_stages(finished, "rank", COMMAND)


@pytest.mark.slow
def test_a_table_of_the_users_own_is_the_truth(
    finished, tiny_config, make_setting, tmp_path, quick
):
    """Five of the six architectures; the report holds the winner against them too."""
    winner = json.loads((finished.folder.path / "best_arch.json").read_text())["arch"]
    own = [arch for arch in ARCHS.tolist() if arch != winner][:4] + [winner]
    names = finished.space.choices
    rows = [
        ",".join([*(ops[op] for ops, op in zip(names, arch, strict=True)), f"0.{at}"])
        for at, arch in enumerate(own, start=1)
    ]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(["op_1,op_2,test_0", *rows]))
    tiny_config.search.population = 2
    tiny_config.rank.update(truth_file=str(file), terms=())
    # Stopped, a ranking does not go on with architectures in another order.
    with pytest.raises(Stopped):
        run_stages(make_setting(tiny_config, stop_after=2), "rank", COMMAND)
    file.write_text("\n".join(["op_1,op_2,test_0", *rows[::-1]]))
    setting = make_setting(tiny_config)
    run_stages(setting, "rank", COMMAND)
    found = ranking(setting)
    np.testing.assert_allclose(found["true"], [0.5, 0.4, 0.3, 0.2, 0.1])
    evaluator = setting.supernet_evaluator(setting.config.scoring)(setting.weights)
    batches = np.array([own[4:2:-1], own[2:0:-1], [own[0]] * 2])
    losses = [
        evaluator(setting.key("rank"), jnp.asarray(archs)).metrics["loss"]
        for archs in batches
    ]
    np.testing.assert_allclose(
        found["metrics"]["loss"], np.concatenate(losses)[:5], rtol=1e-5
    )
    expected = rank_agreement(np.asarray(found["scores"]), np.asarray(found["true"]))
    assert found["kendall_tau"] == pytest.approx(expected["kendall_tau"])
    result = json.loads((setting.folder.path / "result.json").read_text())
    assert "the winner truly reaches 50.00" in result["worth_by_truth"]["sentence"]
    file.write_text("op_1,test_0\na,0.5")
    message = r"table\.csv: got 1 columns of ops, expected 2, .* 'tiny'"
    with pytest.raises(UserError, match=message):
        run_stages(make_setting(tiny_config), "rank", COMMAND)


@pytest.mark.slow
def test_a_random_part_is_ranked(
    tiny_config, finished, make_setting, known_truth, quick
):
    tiny_config.rank.update(archs=4, terms=())
    setting = make_setting(tiny_config)
    run_stages(setting, "rank", COMMAND)
    found = ranking(setting)
    assert found["num_archs"] == len(found["true"]) == 4
    assert len(set(found["true"])) == 4 and set(found["true"]) < set(TRUTH.tolist())
    assert list(found["metrics"]) == [
        "accuracy",
        "loss",
        "balanced_accuracy",
        "macro_f1",
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"terms": ("zeal",)},
            "terms: got .*zeal.*, allowed: .*one of macs, params",
        ),
        ({"terms": ("macs", "macs")}, "terms: got .*, allowed: terms, each once"),
        ({"archs": 2}, "archs: got 2, allowed: 0, or 3 and more"),
    ],
)
def test_bad_options_are_one_line(values, message):
    with pytest.raises(OptionError, match=message) as caught:
        RankOptions(**values)
    assert "\n" not in str(caught.value)
