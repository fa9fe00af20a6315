"""Rank sums, normal scores and learnt weights, on published numbers of 725 networks.

No network is built: the sample of NAS-Bench-Suite-Zero has published training-free
terms, NAS-Bench-201 the accuracies. The validation accuracy after 12 epochs stands in
for a supernet: Kendall's tau with the test accuracy after 200 epochs is 0.60, about
that of the published supernets. Two questions, each over reference samples of 128:

- `sum`: does a sum of normal scores in a reference sample (`evaluation/fused`) lose
  anything against the sum of the ranks among all 725?
- `learnt`: what do N networks teach, whose accuracies are those of a full training
  (`full`), those with noise of so many standard deviations, or those of a short
  training (`short`: 12 epochs on CIFAR-100), which favours what learns fast as the
  stand-in does? Weights drawn towards the sum, and the better of both by pairs.

python -m experiments.comparisons.fused_scores [--data_dir=FOLDER] [--seeds=15] \
    [--networks=16,32] [--out=rows.jsonl]
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging
from scipy import stats

from experiments.measuring.rows import table, write_rows
from qnas_jax.evaluation.fused import FusedScore, NormalScores, calibrate, spread
from qnas_jax.evaluation.tables.npz_file import read_archive

TERMS = (("synflow",), ("nwot",), ("synflow", "nwot"), ("macs",), ("params",))
"""What is added to the stand-in."""

TAUGHT = TERMS[:1] + TERMS[2:3]
"""Those whose weights are learnt, with costs beside them."""

COSTS = ("macs", "params")
_REFERENCE = 128
_STORED = {"macs": "flops"}


@dataclasses.dataclass(frozen=True, eq=False)
class Published:
    """What is published of the sampled networks, on CIFAR-10.

    Attributes:
      features: float [P] by name: `loss` (of the stand-in) and the terms; larger is
        better of all but the loss.
      truth: test accuracy after 200 epochs, float [P].
      targets: what trained networks could teach, float [P] by name.
    """

    features: Mapping[str, np.ndarray]
    truth: np.ndarray
    targets: Mapping[str, np.ndarray]


def read_published(data_dir: str | pathlib.Path) -> Published:
    """Reads the folder of the tables.

    Raises:
      FileNotFoundError: a file is not there.
      ValueError: a file is damaged.
    """
    folder = pathlib.Path(data_dir) / "nas_bench_201"
    source = "set --data_dir or QNAS_DATA_DIR to the folder above it"
    accuracies = (
        "cifar10_test_acc_200",
        "cifar10_valid_acc_200",
        "cifar10_valid_acc_12",
        "cifar100_valid_acc_12",
    )
    bench = read_archive(
        folder / "nas_bench_201.npz",
        accuracies,
        table="the table of NAS-Bench-201",
        source=source,
    )
    sample = read_archive(
        folder / "zero_cost_sample.npz",
        ("arch_index", "datasets", "proxies", "score"),
        table="the scores of NAS-Bench-Suite-Zero",
        source=source,
    )
    rows, names = sample["arch_index"].astype(int), sample["proxies"].tolist()
    scores = sample["score"][:, sample["datasets"].tolist().index("cifar10")]
    features = {"loss": -bench["cifar10_valid_acc_12"][rows].astype(float)}
    for name in ("synflow", "nwot", *COSTS):
        column = scores[:, names.index(_STORED.get(name, name))].astype(float)
        if name == "synflow":  # published without the logarithm
            column = np.where(column > 0, np.log(np.maximum(column, 1e-300)), -np.inf)
        features[name] = column
    full = bench["cifar10_valid_acc_200"][rows]
    normal = np.asarray(NormalScores.of(full)(full))
    rng = np.random.default_rng(0)
    noise = {
        f"noise {size}": normal + size * rng.normal(size=len(rows))
        for size in (0.7, 1.5)
    }
    short = bench["cifar100_valid_acc_12"][rows]
    return Published(
        features,
        bench["cifar10_test_acc_200"][rows],
        {"full": full, **noise, "short": short},
    )


def run(
    known: Published, seeds: Sequence[int], networks: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Compares.

    Args:
      known: the networks.
      seeds: a reference sample each.
      networks: numbers of networks that teach.

    Yields:
      A row a question, terms and seed.
    """
    for terms in TERMS:
        ranks = sum(
            stats.rankdata(-values if name == "loss" else values)
            for name, values in known.features.items()
            if name == "loss" or name in terms
        )
        yield {"what": "rank sum", "terms": terms, **_measures(ranks, known.truth)}
        for seed in seeds:
            order = np.random.default_rng(seed).permutation(len(known.truth))
            sample = {n: v[order[:_REFERENCE]] for n, v in known.features.items()}
            score = FusedScore.of(sample, dict.fromkeys(("loss", *terms), 1.0))
            row = {"terms": terms, "seed": seed}
            total = np.asarray(score(known.features))
            yield {"what": "sum", **row, **_measures(total, known.truth)}
            for name, target in known.targets.items() if terms in TAUGHT else ():
                for count in networks:
                    chosen = order[spread(np.asarray(score(sample)), count)]
                    found = learn(known, score, terms, chosen, target[chosen])
                    about = {"what": f"learnt from {name}", "networks": count, **row}
                    yield {**about, **found}


def learn(
    known: Published,
    score: FusedScore,
    terms: Sequence[str],
    chosen: np.ndarray,
    target: np.ndarray,
) -> dict[str, Any]:
    """Learns weights from some networks, and measures them on all.

    Args:
      known: the networks.
      score: the sum, with the normal scores of its reference.
      terms: of the sum.
      chosen: places of networks, int [N].
      target: what they reached, float [N].

    Returns:
      Measures of the learnt weights; tau of what is used in the end (the better by
      pairs), and whether that are the learnt ones.
    """
    names = tuple(dict.fromkeys(("loss", *terms, *COSTS)))
    features = {
        name: np.asarray(score.normal_score(name, known.features[name][chosen]))
        for name in names
    }
    finite = np.isfinite(np.stack(list(features.values()))).all(axis=0)
    features = {name: values[finite] for name, values in features.items()}
    learnt = calibrate(features, score.weights, target[finite])
    own = FusedScore(score.normal_scores, learnt.weights)
    found = _measures(np.asarray(own(known.features)), known.truth)
    total = np.asarray(score(known.features))
    plain = _measures(total, known.truth)["tau"]
    used = found["tau"] if learnt.is_better else plain
    return {**found, "tau of the used": used, "used": float(learnt.is_better)}


def _measures(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Tau over all and in the best tenth, and the truth of the pick, in percent."""
    lowest = np.min(scores, where=np.isfinite(scores), initial=0.0) - 1.0
    scores = np.where(np.isfinite(scores), scores, lowest)
    best = truth >= np.quantile(truth, 0.9)
    return {
        "tau": float(stats.kendalltau(scores, truth).statistic),
        "best tenth": float(stats.kendalltau(scores[best], truth[best]).statistic),
        "pick": float(truth[np.argmax(scores)]),
    }


def summarise(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Means over the samples, and the least tau of the used score."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (" ".join(row["terms"]), row["what"], row.get("networks"))
        groups.setdefault(key, []).append(row)
    lines = []
    for (terms, what, networks), group in groups.items():
        line = {"terms": terms, "what": what, "networks": networks}
        for field in ("tau", "best tenth", "pick"):
            line[field] = float(np.mean([row[field] for row in group]))
        used = [row.get("tau of the used", row["tau"]) for row in group]
        line |= {"used: tau": float(np.mean(used)), "used: least": min(used)}
        line["share used"] = float(np.mean([row.get("used", 1.0) for row in group]))
        lines.append(line)
    return lines


def main(_: Sequence[str]) -> None:
    """Prints the table."""
    logging.set_verbosity(logging.WARNING)
    folder = _DATA_DIR.value or os.environ.get("QNAS_DATA_DIR") or "."
    counts = list(map(int, _NETWORKS.value))
    rows = list(run(read_published(folder), range(_SEEDS.value), counts))
    write_rows(_OUT.value, rows)
    lines = summarise(rows)
    print(table(lines, list(lines[0])))


if __name__ == "__main__":
    _DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of the data sets")
    _SEEDS = flags.DEFINE_integer("seeds", 15, "reference samples", lower_bound=1)
    _NETWORKS = flags.DEFINE_list("networks", ["16", "32"], "that teach")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    app.run(main)
