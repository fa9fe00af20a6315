"""Heartbeats of ECG200, candidates trained from scratch, the whole job on series.

Question: what is a search among networks of a few thousand weights worth where all
candidates are really trained, on 100 training series of 96 steps (30 of them to choose
by)?

    python main.py --config=configs/ecg.py --workdir=runs/ecg        # QNAS_DATA_DIR set
    python -m experiments.comparisons.whole_jobs --config=ecg --seeds=3

48 networks of `series_tiny` are trained for 30 epochs each and compared by their
validation loss, since 30 series tell accuracies apart by steps of 3 points; the winner
is retrained beside the largest network and a random one of its cost, and becomes a
model.

Measured (accuracy on 100 test series; JAX 0.10.2, 2 CPU cores), seeds 0, 1, 2: winner
83.00 % +- 4.58 (5.7 k parameters), random network of its cost 82.00 % +- 4.36, largest
86.67 % +- 2.31 (7.9 k). The search is not told apart from a random pick: +1.00 points
(95 % interval -1.48 to +3.48, p = 0.23). As 8-bit ONNX the winners have 87, 79 and 84 %
(87, 78 and 84 in float32); on one core one series takes 0.044 to 0.050 ms in float32
and 0.045 to 0.074 in 8 bits by onnxruntime, of 1 ms allowed. Nearest
neighbours have 88 % (Euclid) and 77 % (DTW), and ROCKET 90 %, with all 100 series
(`experiments.comparisons.series.classifiers`).

115 s with nothing compiled before and nothing else running (158 s of processor time).
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """The ECG run."""
    config = default_config()
    config.data.update(source="ucr", name="ECG200", valid_fraction=0.3)
    config.space.update(name="series_tiny")
    config.constraints.max_params = 10_000
    config.evaluator.name = "train"
    config.train.update(epochs=30, batch_size=16, learning_rate=0.05)
    config.train_series.update(shift=4, jitter=0.05)
    config.search.update(population=8, generations=6, score="loss")
    config.retrain.update(epochs=60, batch_size=16, learning_rate=0.05, kept_by="loss")
    config.retrain_series.update(shift=4, jitter=0.05)
    config.export.max_ms = 1.0
    return config
