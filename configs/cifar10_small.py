"""placeholder"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """Real CIFAR-10 images, a reduced space and budget for a CPU."""
    config = default.get_config()
    config.data.update(source="tfds", name="cifar10", valid_fraction=0.2)
    config.data.update(max_train=20_000, max_valid=2_000)
    config.space.update(name="cifar_small")
    config.supernet.update(epochs=12, batch_size=64, learning_rate=0.05, crop_padding=4)
    config.supernet.update(flip=True, pool_every=3, pool_images=500)
    config.search.update(generations=20, population=20, score_images=1_000)
    config.retrain.update(epochs=10, batch_size=64, learning_rate=0.1, crop_padding=4)
    config.retrain.update(flip=True, warmup_epochs=1.0, ema_decay=0.99)
    return config
