"""Real CIFAR-10 images, a reduced space and budget: the whole job on a CPU.

Question: does the job work on real colour images within half an hour on two cores?

    python main.py --config=configs/cifar10_small.py --workdir=runs/cifar10_small

The images are those of `--config.data.data_dir` or `QNAS_DATA_DIR` (lossy JPEG copies).

Measured (seed 0; accuracy on 10,000 test images; JAX 0.10.2, 2 CPU cores):
    retrained winner    66.40 %   206,994 parameters   6.04 M multiply-accumulates
    random subnet       66.42 %   128,586 parameters   6.19 M (drawn by 0.1)
    largest subnet      66.73 %   357,026 parameters   7.88 M
No difference is significant at this budget (12,000 images, 8 epochs). Measured with
`--config.search.strategy=qbit`, before the default took its place here. 15 minutes of
processor time, compilation included (23 minutes by the clock beside other jobs).
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """Real CIFAR-10 images, a reduced space and budget for a CPU."""
    config = default.get_config()
    config.data.update(source="tfds", name="cifar10", valid_fraction=0.2)
    config.data.update(max_train=12_000, max_valid=2_000)
    config.space.update(name="cifar_small")
    config.supernet.update(epochs=10, batch_size=64, learning_rate=0.1)
    config.supernet.update(pool_every=2, pool_examples=500)
    config.supernet_images.update(crop_padding=4, flip=True)
    config.search.update(generations=20, population=16)
    config.scoring.update(score_examples=1_000)
    config.scoring.update(calibration_examples=256)
    config.retrain.update(epochs=8, batch_size=64, learning_rate=0.1)
    config.retrain.update(warmup_epochs=1.0, ema_decay=0.99)
    config.retrain_images.update(crop_padding=4, flip=True)
    return config
