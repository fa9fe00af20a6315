"""Picks of whole searches beside their rivals, on a tiny space with a made-up truth."""

import numpy as np
import pytest

from experiments.comparisons import searched_picks
from experiments.measuring.configuration import load_config
from qnas_jax.evaluation import TRUTHS
from qnas_jax.jobs.nas.rank import score_archs, signed_scores
from qnas_jax.runs import read_json

ARCHS = np.array(list(np.ndindex(3, 2)), np.int32)
TRUTH = np.array([0.9, 0.1, 0.5, 0.3, 0.2, 0.6])


@pytest.mark.slow
def test_a_pick_beside_its_rivals(tiny_space, tmp_path, monkeypatch):
    monkeypatch.setitem(TRUTHS, tiny_space, lambda folder: (ARCHS, TRUTH))
    config = load_config(
        "configs/digits.py",
        [
            *(
                f"space.name={tiny_space}",
                "supernet.batch_size=32",
                "search.score=loss",
            ),
            *("data.max_train=64", "data.max_valid=64", "data.max_test=40"),
            *("search.population=4", "search.generations=2", "supernet.epochs=1"),
            *("scoring.calibration_examples=32", "constraints.max_params=0"),
        ],
    )
    (row,) = searched_picks.run(config, [3], tmp_path)
    found = read_json(tmp_path / "seed_3" / "best_arch.json")
    (at,) = np.flatnonzero((found["arch"] == ARCHS).all(axis=1))
    assert (row["seed"], row["evaluations"]) == (3, found["evaluations"])
    assert row["pick"] == TRUTH[at] and row["any network"] == TRUTH.mean()
    config.seed = 3
    setting = searched_picks._open(config, tmp_path / "seed_3")
    costs = setting.costs.cost(ARCHS)
    assert row["largest"] == TRUTH[costs["params"].argmax()]
    off = np.abs(costs["macs"] / costs["macs"][at] - 1)
    alike = (off <= 0.1) & (np.arange(6) != at)
    if not alike.any():
        alike = np.arange(6) != at  # the ten nearest, of five
    assert row["random of its cost"] == pytest.approx(TRUTH[alike].mean())
    assert row["beaten"] == pytest.approx((TRUTH[at] > TRUTH[alike]).mean())
    # Random search has seen as many networks as the search, which meets some twice.
    scores = signed_scores(setting, score_archs(setting, ARCHS))["loss"]
    seen = np.random.default_rng(3).permutation(6)[: row["evaluations"]]
    assert row["random search"] == TRUTH[max(seen, key=lambda place: scores[place])]
    # What is there is looked up again, not searched again.
    (again,) = searched_picks.run(config, [3], tmp_path)
    assert again == row


def row(seed, pick):
    rivals = {"random search": 0.8, "random of its cost": 0.5 + seed / 10}
    return {"seed": seed, "pick": pick, "largest": 0.9, "any network": 0.4, **rivals}


def test_summary_by_hand():
    rows = [row(0, 0.7), row(1, 0.8), row(2, 0.9)]
    lines = {line["what"]: line for line in searched_picks.summarise(rows)}
    pick, alike = lines["pick"], lines["random of its cost"]
    assert pick["true %"] == pytest.approx(80) and pick["pick has more"] is None
    # Student's t of two degrees of freedom is 4.3027, the standard error 10 / sqrt(3).
    assert pick["+-"] == pytest.approx(4.30265 * 10 / 3**0.5, rel=1e-5)
    assert (pick["least"], pick["most"]) == (pytest.approx(70), pytest.approx(90))
    assert alike["pick has more"] == pytest.approx(20)
    assert alike["gain +-"] == pytest.approx(0, abs=1e-9)  # paired: always 20
    assert lines["largest"]["pick has more"] == pytest.approx(-10)
    (one, *_) = searched_picks.summarise(rows[:1])
    assert one["true %"] == pytest.approx(70) and one["+-"] is None
