"""Real digits, candidates trained from scratch instead of a supernet.

Question: what is a search worth whose scores have no weight sharing in them, on images
so small that each network trains in seconds?

    python main.py --config=configs/digits_trained.py --workdir=runs/digits_trained

64 networks of `digits` are trained for 10 epochs each, side by side in one program
(`training/population.py`), the winner is retrained as in `configs/digits.py`. Real
networks as rungs: `--config.search.strategy=hyperband --config.train.fidelities=3
--config.search.generations=12`.

Measured by `experiments.comparisons.trained_candidates --seeds=5` (JAX 0.10.2, 2 CPU
cores that others worked on too; accuracy on 359 test images, winners retrained twice),
in the 28 s of processor time that `configs/digits.py` takes to train and search its
supernet, programs compiled before:
    10 networks trained, default strategy: 99.11 % +- 0.16 (34 k parameters)
    32 networks, Hyperband over 3 and 10 epochs: 99.11 % +- 0.29 (27 k)
    the supernet's search: 99.00 % +- 0.46 (35 k); a random network: 98.77 % +- 0.46

No difference is significant: on digits almost any network will do. A network takes some
1.5 s of processor time, the 64 of this job about 1.6 minutes, and compiling the space's
programs 51 s once.
"""

import ml_collections

from qnas_jax.jobs import named_config


def get_config() -> ml_collections.ConfigDict:
    """The digits run without a supernet."""
    config = named_config("digits")
    config.evaluator.name = "train"
    config.train.update(epochs=10, batch_size=64, learning_rate=0.1)
    config.train_images.update(crop_padding=1)
    config.search.update(population=8, generations=8)
    return config
