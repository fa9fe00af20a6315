"""Rankings against budgets, on a tiny space with a made-up truth."""

import json

import ml_collections
import numpy as np
import pytest

from experiments.comparisons import rankings
from experiments.figures.rankings import rankings_figure
from experiments.measuring.configuration import load_config
from experiments.measuring.processor_time import ProcessorClock
from experiments.measuring.ranking_rows import summarise
from qnas_jax.options import OptionError
from qnas_jax.runs import read_rows

ARCHS = np.array(list(np.ndindex(3, 2)), np.int32)
TRUTH = np.random.default_rng(0).random(6)


@pytest.fixture
def config(tiny_space) -> ml_collections.ConfigDict:
    config = load_config(
        "configs/digits.py",
        [
            *(f"space.name={tiny_space}", "supernet.batch_size=32"),
            *("data.max_train=64", "data.max_valid=64", "data.max_test=40"),
            *("search.population=6", "rank.terms=macs,params"),
            *("scoring.calibration_examples=32", "supernet.sampler=fair"),
        ],
    )
    return config


@pytest.mark.slow
def test_a_row_each_and_none_twice(config, tmp_path):
    plan = rankings.Plan(config, ("x=1",), tmp_path, along=True)
    rows = list(rankings.run(plan, (ARCHS, TRUTH), [1, 2], [0]))
    floor, half, whole = json.loads(json.dumps(rows))
    assert floor["epochs"] == 0 and list(floor["measures"]) == ["macs", "params"]
    # Two steps an epoch, of one path on 32 images each.
    assert (half["epochs"], half["path images"]) == (1, 2 * 32)
    assert (whole["epochs"], whole["path images"]) == (2, 4 * 32)
    assert {"accuracy", "loss"} <= set(whole["measures"])
    assert half["means"]["loss"] != whole["means"]["loss"]
    assert 0 < half["processor s"] < whole["processor s"]
    assert half["scoring processor s"] > 0
    # One training of two epochs was measured on its way.
    (folder,) = (tmp_path / plan.name).glob("epochs_along_2_seed_0")
    epochs = [row["epoch"] for row in read_rows(folder / "metrics.jsonl")]
    assert epochs == [1, 2]
    assert list(rankings.run(plan, (ARCHS, TRUTH), [1, 2], [0], rows)) == []
    assert rankings._identity(whole) != rankings._identity({**whole, "schedule": "own"})


def test_another_option_is_another_setting_and_another_seed_is_not(config, tmp_path):
    def name(**changes):
        other = config.copy_and_resolve_references()
        for field, value in changes.items():
            other.update({field: value})
        return rankings.Plan(other, (), tmp_path).name

    assert name() == name(seed=3) == name(supernet={"epochs": 77})
    assert name() != name(supernet={"learning_rate": 0.5})


def test_overrides_are_checked_and_take_the_type_of_the_option():
    config = load_config(
        "configs/digits.py",
        ["supernet.width=1", "retrain.compare=false", "rank.terms=macs", "seed=3"],
    )
    assert config.supernet.width == 1.0 and type(config.supernet.width) is float
    assert config.retrain.compare is False and config.rank.terms == ("macs",)
    assert config.seed == 3
    with pytest.raises(OptionError, match=r"supernet\.widht: got '1', allowed: one of"):
        load_config("configs/digits.py", ["supernet.widht=1"])


def measures(tau):
    fields = dict.fromkeys(("tau_low", "tau_high", "best_tenth_low", "spearman"), tau)
    return fields | {
        "kendall_tau": tau,
        "best_tenth_tau": None if tau > 0.65 else tau / 2,
        "pick": 0.9,
        "top_ten": 0.93,
    }


def rows():
    base = {"setting": "a", "space": "s", "schedule": "own", "overrides": []}
    floor = {"epochs": 0, "seed": None, "path images": 0, "processor s": 0.0}
    yield {
        **base,
        **floor,
        "measures": dict.fromkeys(("macs", "params"), measures(0.55)),
    }
    for epochs in (2, 5):
        for seed, tau in enumerate((0.5, 0.6, 0.7)):
            own = {"epochs": epochs, "seed": seed, "path images": epochs * 1000}
            yield {
                **base,
                **own,
                "processor s": 60.0,
                "measures": {"loss": measures(tau + epochs / 100)},
            }


def test_summary_over_seeds():
    floor, _, two, five = summarise(list(rows()))
    assert (floor["score"], floor["tau"], floor["epochs"]) == ("macs", 0.55, 0)
    assert (two["seeds"], two["path images"]) == (3, 2000)
    assert two["tau"] == pytest.approx(0.62) and two["least tau"] == pytest.approx(0.52)
    # Student's t of two degrees of freedom is 4.3027, the standard error .1 / sqrt(3).
    half = 4.30265 * 0.1 / 3**0.5
    assert (two["low"], two["high"]) == pytest.approx((0.62 - half, 0.62 + half))
    assert (two["ends"], floor["ends"]) == ("t", "")
    # One seed of the first three has no tau in the best tenth, of the others none two.
    assert two["best tenth"] == pytest.approx((0.26 + 0.31) / 2)
    assert (two["tenth low"], two["tenth high"]) == pytest.approx((0.26, 0.31))
    assert five["best tenth"] == pytest.approx((0.275 + 0.325) / 2)
    assert five["least tenth"] == pytest.approx(0.275)
    assert five["pick %"] == pytest.approx(90) and five["top ten %"] == pytest.approx(
        93
    )


def test_figure():
    figure = rankings_figure.__wrapped__(list(rows()), ["loss", "fused"])
    over_all, tenth = figure.axes
    dots, means, floor = over_all.lines
    assert len(dots.get_xdata()) == 6
    np.testing.assert_allclose(means.get_xdata(), [0.002, 0.005])
    np.testing.assert_allclose(means.get_ydata(), [0.62, 0.65])
    half = 4.30265 * 0.1 / 3**0.5
    (bars,) = over_all.collections
    first, _ = bars.get_segments()
    np.testing.assert_allclose(
        first, [[0.002, 0.62 - half], [0.002, 0.62 + half]], 1e-5
    )
    (short,) = tenth.collections  # two seeds: their range
    np.testing.assert_allclose(short.get_segments()[0][:, 1], [0.26, 0.31])
    assert floor.get_ydata()[0] == 0.55 and over_all.get_xscale() == "log"
    assert len(tenth.lines[0].get_xdata()) == 4  # two of six are not known
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["loss", "MACs or parameters alone"]


def test_the_clock_goes_on(tmp_path):
    for _ in range(2):
        clock = ProcessorClock(tmp_path / "seconds.json")
        before = clock.seconds.get("work", 0.0)
        with pytest.raises(KeyError), clock.counting("work"):
            sum(range(300_000))
            raise KeyError
        assert clock.seconds["work"] > before
