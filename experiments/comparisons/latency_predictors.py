"""Latency predictors on 27 devices: how many measured architectures are enough.

FBNet (5,000 measured architectures) and NAS-Bench-201 (all 15,625). Of each space some
architectures are drawn to learn from and others to judge by: Spearman's rank
correlation and the median relative error. `learnt` is `qnas_jax.latency.learn_latency`;
`with others` builds on predictors of other devices, each learnt from 900 architectures,
none of them of the same family (the name up to its first underscore); `with pairs`
counts pairs of ops (375 more features on NAS-Bench-201; FBNet would have 18,711).
Beside them stand ridge regression, boosted trees and a multi-layer perceptron
(scikit-learn) on one-hot ops. `--largest=4500` leaves 500 of FBNet to judge by: what
another kind of model can learn where there is almost everything to learn from.

What no number of samples would mend is noise of the measurements, as far as latency is
a sum over layers: `ceiling` is the correlation of a predictor that has learnt from all
architectures, those that it is judged by among them.

python -m experiments.comparisons.latency_predictors [--spaces=fbnet]
    [--spaces=nas_bench_201] [--samples=10,50,200,900] [--seeds=5] [--devices=pixel3]
    [--out=rows.jsonl] [--methods="learnt,ridge"] [--figure=curve.png]
    [--data_dir=FOLDER] [--largest=900]
"""

import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging
from scipy import stats

from experiments.figures.few_shot_latency import few_shot_figure
from experiments.measuring.rows import table, write_rows
from qnas_jax.evaluation.tables.nas_bench_201 import load_nas_bench_201
from qnas_jax.evaluation.tables.positions import archs_at
from qnas_jax.latency import (
    LATENCY,
    LatencyPredictor,
    LatencySamples,
    learn_latency,
    read_samples,
)

LARGEST = 900  # architectures to learn from; the others judge, for every number
HIDDEN = (128, 64)  # units of the layers of the perceptron
SPACES = ("fbnet", "nas_bench_201")
METHODS = ("learnt", "with others", "with pairs", "ridge", "boosted trees")
PERCEPTRON = "perceptron"  # minutes where there are many samples; only if asked for

Predict = Callable[[np.ndarray], np.ndarray]


def read_space(name: str, data_dir: str | pathlib.Path) -> LatencySamples:
    """Reads the measured architectures of a space.

    Raises:
      MissingFileError: the file is not there.
      UserError: it is damaged.
    """
    if name == "fbnet":
        path = pathlib.Path(data_dir) / "latency_fbnet_ofa" / "fbnet.npz"
        return read_samples(path, name)
    bench = load_nas_bench_201(data_dir)
    archs = archs_at(bench.space, np.arange(bench.space.size))
    columns = {
        key.removeprefix(f"{LATENCY}/"): values.astype(float)
        for key, values in bench.costs.items()
        if key.startswith(LATENCY)
    }
    return LatencySamples(bench.space, archs, columns)


def family(device: str) -> str:
    """Devices of one family are no help to each other in `with others`."""
    return device.partition("_")[0]


def run(
    samples: LatencySamples,
    devices: Sequence[str],
    numbers: Sequence[int],
    seeds: int,
    methods: Sequence[str] = METHODS,
    largest: int = LARGEST,
) -> Iterator[dict[str, Any]]:
    """Learns and judges.

    Args:
      samples: of a space.
      devices: which to judge.
      numbers: architectures to learn from, at most `largest`.
      seeds: draws of the architectures.
      methods: of `METHODS`, and `PERCEPTRON`.
      largest: architectures that do not judge.

    Yields:
      A row a device, method, number and seed.
    """
    best = {
        device: learn_latency(samples.space, samples.archs, samples.latency_ms[device])(
            samples.archs
        )
        for device in devices
    }
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(samples.archs))
        known, judged = order[:largest], order[largest:]
        whole = {
            device: learn_latency(samples.space, samples.archs[known], own[known])
            for device, own in samples.latency_ms.items()
            if "with others" in methods
        }
        for device in devices:
            others = [
                learnt
                for name, learnt in whole.items()
                if family(name) != family(device)
            ]
            true = samples.latency_ms[device]
            ceiling = errors(best[device][judged], true[judged])["spearman"]
            for number in numbers:
                chosen = known[:number]
                for method in methods:
                    predict = fit(
                        method,
                        samples,
                        samples.archs[chosen],
                        true[chosen],
                        others,
                    )
                    guess = predict(samples.archs[judged])
                    yield {
                        "space": samples.space.name,
                        "target": device,
                        "method": method,
                        "samples": number,
                        "seed": seed,
                        **errors(guess, true[judged]),
                        "ceiling": ceiling,
                    }
        logging.info("%s: seed %d", samples.space.name, seed)


def fit(
    method: str,
    samples: LatencySamples,
    archs: np.ndarray,
    latency_ms: np.ndarray,
    others: Sequence[LatencyPredictor],
) -> Predict:
    """Learns by one of `METHODS`, or `PERCEPTRON`."""
    if method in ("learnt", "with others", "with pairs"):
        return learn_latency(
            samples.space,
            archs,
            latency_ms,
            references=others if method == "with others" else (),
            pairs=method == "with pairs",
        )
    if method == "ridge":
        from sklearn.linear_model import RidgeCV

        model: Any = RidgeCV(alphas=np.logspace(-3, 3, 13))
    elif method == PERCEPTRON:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.neural_network import MLPRegressor
        from sklearn.preprocessing import QuantileTransformer

        model = TransformedTargetRegressor(
            MLPRegressor(
                hidden_layer_sizes=HIDDEN,
                alpha=0.1,
                early_stopping=True,
                random_state=0,
            ),
            transformer=QuantileTransformer(
                n_quantiles=min(1000, len(archs)), output_distribution="normal"
            ),
        )
    else:
        from sklearn.ensemble import HistGradientBoostingRegressor

        smallest = min(20, max(1, len(archs) // 10))
        model = HistGradientBoostingRegressor(
            max_iter=150, min_samples_leaf=smallest, random_state=0
        )
    model.fit(_one_hot(samples, archs), latency_ms)
    return lambda wanted: model.predict(_one_hot(samples, wanted))


def _one_hot(samples: LatencySamples, archs: np.ndarray) -> np.ndarray:
    columns = enumerate(samples.space.num_ops)
    return np.concatenate(
        [np.eye(count)[archs[:, layer]] for layer, count in columns], axis=1
    )


def errors(guess: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Spearman's correlation (0 for a constant guess) and the median relative error."""
    constant = np.ptp(guess) == 0
    rank = 0.0 if constant else float(stats.spearmanr(guess, true).statistic)
    there = true > 0
    off = np.abs(guess[there] - true[there]) / true[there]
    return {"spearman": rank, "median error": float(np.median(off))}


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line a space, method and number: over devices of the means over seeds."""
    lines = []
    for space, method, number in dict.fromkeys(
        (row["space"], row["method"], row["samples"]) for row in rows
    ):
        own = [
            row
            for row in rows
            if (row["space"], row["method"], row["samples"]) == (space, method, number)
        ]
        means = _by_device(own, "spearman", np.mean)
        spread = _by_device(own, "spearman", np.std)
        off = _by_device(own, "median error", np.mean)
        lowest = min(means, key=lambda name: means[name])
        lines.append(
            {
                "space": space,
                "method": method,
                "samples": number,
                "Spearman, median": f"{np.median(list(means.values())):.4f}",
                "lowest": f"{means[lowest]:.3f} ({lowest})",
                ">= 0.95": f"{sum(m >= 0.95 for m in means.values())} of {len(means)}",
                "over seeds": f"± {np.median(list(spread.values())):.4f}",
                "median error": f"{np.median(list(off.values())):.2%}",
            }
        )
    return lines


def by_device(rows: Sequence[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """A line a space and device: what was learnt from so many architectures."""
    lines = []
    for space, device in dict.fromkeys((row["space"], row["target"]) for row in rows):
        own = [
            row
            for row in rows
            if (row["space"], row["target"], row["method"], row["samples"])
            == (space, device, "learnt", number)
        ]
        if own:
            ranks = [row["spearman"] for row in own]
            off = [row["median error"] for row in own]
            lines.append(
                {
                    "space": space,
                    "device": device,
                    "Spearman": f"{np.mean(ranks):.4f} ± {np.std(ranks):.4f}",
                    "ceiling": f"{np.mean([row['ceiling'] for row in own]):.4f}",
                    "median error": f"{np.mean(off):.2%}",
                }
            )
    return lines


def _by_device(
    rows: Sequence[dict[str, Any]], field: str, of: Callable[[Any], Any]
) -> dict[str, float]:
    devices = dict.fromkeys(row["target"] for row in rows)
    return {
        name: float(of([row[field] for row in rows if row["target"] == name]))
        for name in devices
    }


def main(argv: Sequence[str]) -> None:
    """Prints tables; writes rows and a figure where they are wanted."""
    del argv
    folder = _DATA_DIR.value or os.environ.get("QNAS_DATA_DIR") or "."
    rows: list[dict[str, Any]] = []
    numbers = [int(number) for number in _SAMPLES.value]
    for name in _SPACES.value:
        samples = read_space(name, folder)
        devices = _DEVICES.value or list(samples.latency_ms)
        rows += run(
            samples, devices, numbers, _SEEDS.value, _METHODS.value, _LARGEST.value
        )
    lines, each = summary(rows), by_device(rows, max(numbers))
    print(table(lines, list(lines[0])))
    if each:
        print("\n" + table(each, list(each[0])))
    write_rows(_OUT.value, rows)
    if _FIGURE.value:
        pathlib.Path(_FIGURE.value).write_bytes(few_shot_figure(rows))


if __name__ == "__main__":
    _SPACES = flags.DEFINE_multi_enum("spaces", list(SPACES), SPACES, "which spaces")
    _SAMPLES = flags.DEFINE_list("samples", ["10", "50", "200", "900"], "to learn from")
    _SEEDS = flags.DEFINE_integer("seeds", 5, "draws", 1)
    _METHODS = flags.DEFINE_list(
        "methods",
        ["learnt", "with others", "ridge"],
        "which of " + ", ".join((*METHODS, PERCEPTRON)),
    )
    _LARGEST = flags.DEFINE_integer(
        "largest", LARGEST, "architectures that do not judge", lower_bound=2
    )
    _DEVICES = flags.DEFINE_list("devices", [], "names; all by default")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    _FIGURE = flags.DEFINE_string("figure", None, "PNG file for the few-shot curve")
    _DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of the public data")
    app.run(main)
