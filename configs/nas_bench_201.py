"""How well does a supernet of cells rank NAS-Bench-201, whose truth is known?

Question: Kendall's tau between scores of its cells on the 25,000 CIFAR-10 images that
the benchmark trained on, and their published test accuracies.

    python main.py --config=configs/nas_bench_201.py --stage=rank --workdir=runs/n201

The supernet has one cell a stage instead of five, half of the channels, and sees images
of 16 pixels: a twentieth of the operations.

Measured (seed 0, 600 networks, 6.0 million path-images, 44 minutes of processor time
with all scoring, one CPU core, JAX 0.10.2), tau over all / in the best tenth, true
accuracy of the pick: accuracy 0.60 / 0.07, 93.78 %; loss 0.48 / 0.11, 92.12 %; fused
0.70 / 0.08, 93.64 %; multiply-adds 0.59 / -0.09, synflow 0.60 / 0.14, nwot 0.63 /
-0.14. So one cell a stage is too little: the supernet alone ranks no better than
counting multiply-adds, and by loss worse: the twelve networks of the lowest losses
truly have 90 to 93 %. Published supernets of five cells and 5 channels reach 0.72 with
as many path-images; one of that size takes six times the time here.
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """A supernet of small cell networks, then the ranking of a part of the space."""
    config = default_config()
    config.data.update(source="tfds", name="cifar10", side=16, max_valid=5_000)
    config.data.update(split_file="cifar10_splits/nas_bench_201.npz")
    config.space.update(name="nas_bench_201")
    config.supernet.update(width=0.3125, cells=1, sampler="stratified")
    config.supernet.strata_by = "depth"
    config.supernet.update(epochs=140, batch_size=64, learning_rate=0.05)
    config.supernet.update(weight_decay=5e-4, clip_norm=10.0, steps_per_call=32)
    config.supernet_images.update(crop_padding=2, flip=True, label_smoothing=0.0)
    config.scoring.update(score_examples=1_000, score_chunk=250)
    config.scoring.update(calibration_examples=1_024, calibration_batch=256)
    config.fused.update(terms=("synflow", "nwot"), reference=256)
    config.search.update(score="fused", population=20, generations=15)
    config.rank.update(archs=600)
    config.retrain.update(epochs=10, batch_size=64)
    config.retrain_images.update(crop_padding=4, flip=True)
    return config
