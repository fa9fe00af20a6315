"""Heartbeats of ECG200, candidates trained from scratch, the whole job on series.

Question: what is a search among networks of a few thousand weights worth where all
candidates are really trained, on 100 training series of 96 steps (30 of them to choose
by)?

    python main.py --config=configs/ecg.py --workdir=runs/ecg        # QNAS_DATA_DIR set
    python -m experiments.comparisons.whole_jobs --config=ecg --seeds=3

48 networks of `series_tiny` are trained for 30 epochs each, the winner is retrained
beside the largest network and a random one of its cost, and becomes a model.

Measured (accuracy on 100 test series; JAX 0.10.2, 2 CPU cores that nine other processes
worked on), seeds 0, 1, 2: winner 83.67 % +- 1.53 (4.9 k parameters), random network of
its cost 86.00 % +- 2.00, largest 83.33 % +- 4.73 (7.9 k). The search is not worth it
here: winner less random -2.33 points (95 % interval -9.50 to +4.84, p = 0.30). 30
validation series tell candidates apart by steps of 3 points, and their best is chosen
among 48. As 8-bit ONNX the winners have 81, 84 and 84 %; one series takes 0.06 to 0.08
ms in float32 by onnxruntime. Nearest neighbours have 88 % (Euclid) and 77 % (DTW), and
ROCKET 90 %, with all 100 series (`experiments.comparisons.series.classifiers`).

2.8 to 3.1 minutes of processor time, nothing compiled before; there that were 11 to 13
minutes.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """The ECG run."""
    config = default.get_config()
    config.data.update(source="ucr", name="ECG200", valid_fraction=0.3)
    config.space.update(name="series_tiny")
    config.constraints.max_params = 10_000
    config.evaluator.name = "train"
    config.train.update(epochs=30, batch_size=16, learning_rate=0.05)
    config.train_series.update(shift=4, jitter=0.05)
    config.search.update(population=8, generations=6)
    config.retrain.update(epochs=60, batch_size=16, learning_rate=0.05)
    config.retrain_series.update(shift=4, jitter=0.05)
    return config
