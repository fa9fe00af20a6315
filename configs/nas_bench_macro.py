"""How well does a short-trained supernet rank a space whose truth is known?

Question: Kendall's tau between the scores of all 6,561 subnets of `nas_bench_macro` on
real CIFAR-10 images (the lossy JPEG copies of `--data_dir`) and their published
accuracies after stand-alone training.

    python main.py --config=configs/nas_bench_macro.py --stage=rank

Measured: pending.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """A supernet with a small budget, then the ranking of the whole space."""
    config = default.get_config()
    config.data.update(source="tfds", name="cifar10", max_train=10_000, max_valid=1_000)
    config.space.update(name="nas_bench_macro")
    config.supernet.update(sampler="fair", epochs=5, batch_size=64, learning_rate=0.05)
    config.supernet.update(crop_padding=4, flip=True)
    config.search.update(statistics="batch", score_images=128, score_chunk=128)
    config.search.update(population=27)
    config.retrain.update(epochs=10, batch_size=64, crop_padding=4, flip=True)
    return config
