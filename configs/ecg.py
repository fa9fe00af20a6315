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
85.33 % +- 2.31 (3.9 k parameters), random network of its cost 86.67 % +- 1.53, largest
86.00 % +- 1.73 (7.9 k). The search is not worth it here: winner less random -1.33
points (95 % interval -10.74 to +8.07, p = 0.60). By accuracy, epochs too, the winners
had 83.67 % +- 1.53. As 8-bit ONNX they have 88, 85 and 85 %; one series takes 0.06 to
0.10 ms in float32 by onnxruntime. Nearest neighbours have 88 % (Euclid) and 77 % (DTW),
and ROCKET 90 %, with all 100 series (`experiments.comparisons.series.classifiers`).

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
