"""The full BQNAS recipe on CIFAR-10 (Li et al. 2024), for a GPU or TPU.

Question: does the published recipe, with another search in place of the released rule,
reach the published 97.27 %? The search is the default strategy, as on recorded scores
of real supernets it is ahead of `qbit` (experiments/README.md); the rule of the
literature is `--config.search.strategy=qbit`.

    python main.py --config=configs/cifar10_bqnas.py --workdir=runs/cifar10_bqnas

Recipe: the `proxylessnas` space (21 layers x 16 ops), 800 epochs of supernet training
with the balance pool, population 20, 500 generations, 800 epochs of retraining;
learning rates, decay, momentum, batch size and augmentation of the public code (its
pool search every 50 epochs, 2 generations, 5 members). Differs from it: validation
images see no augmentation, the retrained epoch is chosen on validation, the strategy is
another (with `qbit` the registers move, see `qbit.rule`), batch statistics are
recalibrated for each subnet. On an accelerator the supernet runs in its padded form
(`--config.supernet.form`), 32 steps a call, and computes in bfloat16 with

    --config.supernet.precision=bfloat16 --config.scoring.precision=bfloat16
    --config.retrain.precision=bfloat16

Measured: not yet run in full, which needs an accelerator; the tests run the same code
for a few steps on a CPU.
"""

import math

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """The BQNAS recipe."""
    config = default_config()
    config.data.update(source="tfds", name="cifar10", valid_fraction=0.2)
    config.space.update(name="proxylessnas")
    recipe = {
        "batch_size": 128,
        "schedule": "cosine",
        "momentum": 0.9,
        "weight_decay": 4e-4,
    }
    images = {"label_smoothing": 0.1, "crop_padding": 4, "flip": True, "cutout": 16}
    config.supernet.update(recipe, epochs=800, learning_rate=0.0045)
    config.supernet_images.update(images)
    config.supernet.update(sampler="fair", pool_share=0.5, pool_start=50, pool_every=50)
    config.supernet.update(pool_size=5, pool_population=20, pool_generations=2)
    config.supernet.pool_examples = 2_000
    config.search.update(population=20, generations=500)
    config.qbit.update(rule="han_kim_2002", angle=0.03 * math.pi)
    config.scoring.update(calibration_examples=1_024, score_chunk=256)
    config.retrain.update(recipe, epochs=800, learning_rate=0.045)
    config.retrain_images.update(images)
    return config
