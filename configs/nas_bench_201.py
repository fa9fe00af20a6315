"""How well does a supernet of cells rank NAS-Bench-201, whose truth is known?

Question: Kendall's tau between scores of its cells on the 25,000 CIFAR-10 images that
the benchmark trained on, and their published test accuracies.

    python main.py --config=configs/nas_bench_201.py --stage=rank --workdir=runs/n201

The supernet has one cell a stage instead of five, half of the channels, and sees images
of 16 pixels: a twentieth of the operations.

Measured: not yet run in full, which takes some 25 minutes of processor time; the tests
run the same code for a few steps.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """A supernet of small cell networks, then the ranking of a part of the space."""
    config = default.get_config()
    config.data.update(source="tfds", name="cifar10", side=16, max_valid=5_000)
    config.data.update(split_file="cifar10_splits/nas_bench_201.npz")
    config.space.update(name="nas_bench_201")
    config.supernet.update(width=0.5, cells=1, sampler="stratified")
    config.supernet.strata_by = "depth"
    config.supernet.update(epochs=80, batch_size=64, learning_rate=0.05)
    config.supernet.update(weight_decay=5e-4, clip_norm=10.0)
    config.supernet_images.update(crop_padding=2, flip=True, label_smoothing=0.0)
    config.scoring.update(score_examples=1_000, score_chunk=250)
    config.scoring.update(calibration_examples=1_024, calibration_batch=256)
    config.fused.update(reference=256)
    config.search.update(score="fused", population=20, generations=15)
    config.rank.update(archs=600)
    config.retrain.update(epochs=10, batch_size=64)
    config.retrain_images.update(crop_padding=4, flip=True)
    return config
