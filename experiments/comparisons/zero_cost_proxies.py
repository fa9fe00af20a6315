"""Zero-cost proxies on NAS-Bench-201 networks that we build, against the benchmark.

A random sample of 725 architectures (the one that NAS-Bench-Suite-Zero publishes scores
of) is scored on CIFAR-10 training images. Each proxy is compared by Spearman's rank
correlation with the accuracy after 200 epochs (test: what the published numbers refer
to; validation beside it), and with the published scores of the same architectures. The
95 % interval is a bootstrap over architectures.

Sources: Abdelfattah et al., ICLR 2021 (Spearman on all architectures); Krishnakumar et
al., NAS-Bench-Suite-Zero, NeurIPS 2022 (scores).

python -m experiments.comparisons.zero_cost_proxies [--num_archs=725]
    [--num_images=64] \
    [--proxies=synflow,snip] [--out=rows.jsonl] [--scores=scores.npz]
"""

import dataclasses
import os
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags, logging
from scipy import stats

from experiments.measuring.rows import table, write_rows
from qnas_jax.data import DataOptions, load
from qnas_jax.evaluation.proxies import PROXIES, make_proxy_scorer
from qnas_jax.evaluation.tables.npz_file import read_archive
from qnas_jax.huge_pages import use_huge_pages
from qnas_jax.nets import build_supernet
from qnas_jax.spaces import nas_bench_201
from qnas_jax.tasks import ImageClassification

PUBLISHED = {"synflow": 0.74, "jacob_cov": 0.73, "snip": 0.60, "grad_norm": 0.60}
"""Spearman with CIFAR-10 accuracy over all architectures."""

_STORED_NAMES = {"jacob_cov": "jacov", "macs": "flops"}
_RESAMPLES = 1000


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """The sampled architectures and what the benchmarks say of them on CIFAR-10.

    Attributes:
      archs: int32 [P, 6].
      test: float32 [P], percent, 200 epochs.
      valid: float32 [P], likewise.
      stored: published scores by our names of the proxies, float32 [P], NaN where
        there is none.
    """

    archs: np.ndarray
    test: np.ndarray
    valid: np.ndarray
    stored: Mapping[str, np.ndarray]

    def first(self, count: int) -> "Sample":
        """The first `count` architectures; the sample is in random order."""
        stored = {name: scores[:count] for name, scores in self.stored.items()}
        return Sample(self.archs[:count], self.test[:count], self.valid[:count], stored)


def read_sample(data_dir: str | pathlib.Path) -> Sample:
    """Reads the sample from the folder of the tables.

    Raises:
      FileNotFoundError: a file is not there.
      ValueError: a file is damaged.
    """
    folder = pathlib.Path(data_dir) / "nas_bench_201"
    source = "set --data_dir or QNAS_DATA_DIR to the folder above it"
    accuracies = ("cifar10_test_acc_200", "cifar10_valid_acc_200")
    bench = read_archive(
        folder / "nas_bench_201.npz",
        ("ops", *accuracies),
        table="the table of NAS-Bench-201",
        source=source,
    )
    zero_cost = read_archive(
        folder / "zero_cost_sample.npz",
        ("arch_index", "datasets", "proxies", "score"),
        table="the scores of NAS-Bench-Suite-Zero",
        source=source,
    )
    rows = zero_cost["arch_index"].astype(int)
    names = zero_cost["proxies"].tolist()
    scores = zero_cost["score"][:, zero_cost["datasets"].tolist().index("cifar10")]
    stored = {
        name: scores[:, names.index(_STORED_NAMES.get(name, name))]
        for name in PROXIES
        if _STORED_NAMES.get(name, name) in names
    }
    test, valid = (bench[name][rows] for name in accuracies)
    return Sample(bench["ops"][rows].astype(np.int32), test, valid, stored)


def read_images(
    data_dir: str | pathlib.Path, count: int, seed: int
) -> tuple[jax.Array, jax.Array]:
    """A random batch of normalised CIFAR-10 training images, and its labels."""
    options = DataOptions(source="tfds", name="cifar10", data_dir=str(data_dir))
    data = load(options)
    chosen = np.random.default_rng(seed).choice(len(data.train), count, replace=False)
    batch = data.train.take(chosen)
    images = ImageClassification.of(data).prepare(jnp.asarray(batch.inputs))
    return images, jnp.asarray(batch.targets)


def measure(
    archs: np.ndarray,
    names: Sequence[str],
    images: jax.Array,
    labels: jax.Array,
    *,
    seed: int = 0,
    at_once: int = 25,
) -> tuple[dict[str, np.ndarray], float]:
    """Scores architectures in equal calls.

    Args:
      archs: int [P, 6].
      names: proxies.
      images: float32 [N, H, W, 3].
      labels: int32 [N].
      seed: of the weights.
      at_once: architectures of one call; one compiled program serves all calls.

    Returns:
      Scores float32 [P] by name, and seconds an architecture without the first call,
      which compiles (with it, if there is but one).
    """
    _, height, width, channels = images.shape
    supernet = build_supernet(nas_bench_201((height, width, channels), 10))
    score = make_proxy_scorer(supernet, names, images, labels, jax.random.key(seed))
    at_once = min(at_once, len(archs))
    parts: list[dict[str, np.ndarray]] = []
    seconds = []
    for start in range(0, len(archs), at_once):
        part = archs[start : start + at_once]
        filled = np.resize(part, (at_once, archs.shape[1]))
        before = time.perf_counter()
        scores = score(filled)
        parts.append({name: np.asarray(s)[: len(part)] for name, s in scores.items()})
        seconds.append((time.perf_counter() - before) / at_once)
        logging.info("%d of %d architectures", start + len(part), len(archs))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in names}
    return joined, float(np.mean(seconds[1:] or seconds))


def run(
    sample: Sample, scores: Mapping[str, np.ndarray], resamples: int = _RESAMPLES
) -> Iterator[dict[str, Any]]:
    """Compares scores with accuracies and with published scores.

    Args:
      sample: the architectures.
      scores: float [P] by proxy.
      resamples: of the bootstrap.

    Yields:
      A row a proxy: Spearman with the test accuracy and its 95 % interval, with the
      validation accuracy, of the published scores with the test accuracy, and between
      our and the published scores; None where nothing is published.
    """
    for name, own in scores.items():
        low, high = bootstrap_interval(own, sample.test, resamples)
        row = {
            "proxy": name,
            "archs": len(own),
            "spearman test": spearman(own, sample.test),
            "95% low": low,
            "95% high": high,
            "spearman valid": spearman(own, sample.valid),
            "stored scores, test": None,
            "with stored scores": None,
            "published": PUBLISHED.get(name),
        }
        if name in sample.stored:
            stored = sample.stored[name]
            there = np.isfinite(stored)
            row["stored scores, test"] = spearman(stored[there], sample.test[there])
            row["with stored scores"] = spearman(stored[there], own[there])
        yield row


def spearman(left: np.ndarray, right: np.ndarray) -> float:
    """Spearman's rank correlation; -inf is the lowest rank."""
    return float(stats.spearmanr(left, right).statistic)


def bootstrap_interval(
    left: np.ndarray, right: np.ndarray, resamples: int
) -> tuple[float, float]:
    """Percentile interval (95 %) of Spearman's correlation over resampled pairs."""
    rng = np.random.default_rng(0)
    values = []
    for _ in range(resamples):
        chosen = rng.integers(0, len(left), len(left))
        values.append(spearman(left[chosen], right[chosen]))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def main(argv: Sequence[str]) -> None:
    """Prints the table; writes rows and scores where they are wanted."""
    del argv
    folder = _DATA_DIR.value or os.environ.get("QNAS_DATA_DIR") or "."
    sample = read_sample(folder).first(_NUM_ARCHS.value)
    images, labels = read_images(folder, _NUM_IMAGES.value, _SEED.value)
    scores, seconds = measure(
        sample.archs, _PROXIES.value or list(PROXIES), images, labels, seed=_SEED.value
    )
    if _SCORES.value:
        columns: dict[str, Any] = {"archs": sample.archs, **scores}
        np.savez(_SCORES.value, **columns)
    rows = list(run(sample, scores))
    print(table(rows, list(rows[0])))
    print(f"\n{1 / seconds:.2f} architectures a second, all of these proxies")
    about = {
        "images": _NUM_IMAGES.value,
        "seed": _SEED.value,
        "seconds an arch": seconds,
    }
    write_rows(_OUT.value, [{**row, **about} for row in rows])


if __name__ == "__main__":
    use_huge_pages()
    _NUM_ARCHS = flags.DEFINE_integer("num_archs", 725, "of the sample", 4)
    _NUM_IMAGES = flags.DEFINE_integer("num_images", 64, "of one batch", 2)
    _PROXIES = flags.DEFINE_list("proxies", [], "names; all by default")
    _SEED = flags.DEFINE_integer(
        "seed",
        0,
        "of weights and choice of images",
        lower_bound=0,
        upper_bound=2**32 - 1,
    )
    _DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of the data sets")
    _OUT = flags.DEFINE_string("out", None, "JSONL file for the rows")
    _SCORES = flags.DEFINE_string("scores", None, "npz file for the scores")
    app.run(main)
