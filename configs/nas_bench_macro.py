"""How well does a short-trained supernet rank a space whose truth is known?

Question: Kendall's tau between the scores of all 6,561 subnets of `nas_bench_macro` on
real CIFAR-10 images (the lossy JPEG copies of `--data_dir`) and their published
accuracies after stand-alone training.

    python main.py --config=configs/nas_bench_macro.py --stage=rank

Measured (seed 0; 5 epochs of `fair` training on 10,000 images, 128 validation images a
score, batch statistics; JAX 0.10.2, 2 CPU cores, about 50 minutes of processor time):
    Kendall's tau   0.101 by accuracy   0.194 by loss
    Spearman        0.147 by accuracy   0.289 by loss
The supernet is far from trained (training accuracy of its paths 31 %), and 128 images
give many ties. A useful ranking needs more epochs: an accelerator.
"""

import ml_collections

from configs import default


def get_config() -> ml_collections.ConfigDict:
    """A supernet with a small budget, then the ranking of the whole space."""
    config = default.get_config()
    config.data.update(source="tfds", name="cifar10", max_train=10_000, max_valid=1_000)
    config.space.update(name="nas_bench_macro")
    config.supernet.update(sampler="fair", epochs=5, batch_size=64, learning_rate=0.05)
    config.supernet_images.update(crop_padding=4, flip=True)
    config.scoring.update(statistics="batch", score_examples=128, score_chunk=128)
    config.search.update(population=27)
    config.retrain.update(epochs=10, batch_size=64)
    config.retrain_images.update(crop_padding=4, flip=True)
    return config
