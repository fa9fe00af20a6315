"""Real CIFAR-10 images, a reduced space and budget: the whole job on a CPU.

Question: within half an hour on two cores, is the retrained winner better than random
networks of its cost?

    python main.py --config=configs/cifar10_small.py --workdir=runs/cifar10_small

The images are those of `--config.data.data_dir` or `QNAS_DATA_DIR` (lossy JPEG copies).
The space has the cells of NAS-Bench-201, where networks of the same cost differ; the
supernet has half of the channels and sees images of 16 pixels.

Measured (seeds 0, 1, 3; 10,000 test images; JAX 0.10.2, one CPU core, 11 minutes of
processor time a seed): all three searches found the same network, 57.43, 55.89 and
53.85 %; two random ones of its cost each had 52.40, 55.88 and 56.04 % on average. No
difference; trainings differ as much. 32 networks of the space, trained in the
supernet's sizes for 5 epochs (`fused.calibrate=32`, seed 0), had 38.4 to 43.6 % on
validation, standard deviation 1.3: this budget hardly tells architectures apart.
"""

import ml_collections

from qnas_jax.jobs import default_config


def get_config() -> ml_collections.ConfigDict:
    """Real CIFAR-10 images, a reduced space and budget for a CPU."""
    config = default_config()
    config.data.update(source="tfds", name="cifar10", image_size=16)
    config.data.update(valid_fraction=0.2, max_train=20_000, max_valid=2_000)
    config.space.update(name="cifar_small")
    config.supernet.update(sampler="stratified", strata_by="depth")
    config.supernet.update(epochs=20, batch_size=64, learning_rate=0.05)
    config.supernet.update(weight_decay=5e-4, clip_norm=10.0)
    config.supernet_images.update(crop_padding=2, flip=True, label_smoothing=0.0)
    config.scoring.update(score_examples=500, score_chunk=250)
    config.scoring.update(calibration_examples=512, calibration_batch=256)
    config.fused.update(terms=("synflow", "nwot"))
    config.search.update(score="fused", generations=15, population=20)
    config.constraints.max_macs = 2_130_000  # of 300 thousand to 4.8 million
    config.retrain.update(epochs=8, batch_size=64, learning_rate=0.1)
    config.retrain.update(warmup_epochs=1.0, ema_decay=0.99)
    config.retrain.update(compare=False, random_picks=1)
    config.retrain_images.update(crop_padding=2, flip=True)
    return config
