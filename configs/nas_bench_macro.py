"""How well does a supernet of minutes rank a space whose truth is known?

Question: Kendall's tau between scores of the subnets of `nas_bench_macro` on real
CIFAR-10 images (the lossy JPEG copies of `--data_dir`) and their published accuracies
after stand-alone training; and the true accuracy of what a search of 300 evaluations
picks.

    python main.py --config=configs/nas_bench_macro.py --stage=rank --workdir=runs/m
    python main.py --config=configs/nas_bench_macro.py --stage=search --workdir=runs/m

The supernet has a quarter of the channels and sees images of 16 pixels.

Measured (seeds 0, 1, 2; 600 random networks each; JAX 0.10.2, one CPU core, 472 to
482 s of processor time for all of `rank`, about a minute more for the search):
    Kendall's tau   loss   0.731  0.788  0.784     in the best tenth  -0.01  0.16  0.16
                    fused  0.800  0.823  0.819                         0.37  0.37  0.41
                    accuracy 0.676 0.731 0.625;  multiply-adds alone 0.567 0.594 0.553
    the search's pick, truly    92.93  92.95  92.88  92.95  92.86 % (seeds 0 to 4), best
    of as many random networks by the same score 92.86 on average, random ones of its
    cost 92.62 (`comparisons.searched_picks --seeds=5`, 477 to 551 s a seed)
Of all 6,561 networks the mean is 90.25, the largest network has 92.95, the best 93.13:
searching for the best accuracy without a budget, one might as well take the largest.

No score sees the truth, but that main effects help, and that nwot is the term, was
chosen seeing these accuracies (of other supernets).
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """A supernet of small networks, then the ranking of a part of the space."""
    config = default_config()
    config.data.update(source="tfds", name="cifar10", valid_fraction=0.1, side=16)
    config.space.update(name="nas_bench_macro")
    config.supernet.update(width=0.25, sampler="strict_fair", epochs=8, batch_size=64)
    config.supernet.update(learning_rate=0.05, weight_decay=5e-4, clip_norm=10.0)
    config.supernet_images.update(crop_padding=2, flip=True, label_smoothing=0.0)
    config.scoring.update(score_examples=1_000, score_chunk=250)
    config.scoring.update(calibration_examples=1_024, calibration_batch=256)
    config.fused.update(reference=256)
    config.search.update(score="fused", population=20, generations=15)
    config.rank.update(archs=600)
    config.retrain.update(epochs=10, batch_size=64)
    config.retrain_images.update(crop_padding=4, flip=True)
    return config
