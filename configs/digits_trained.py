"""Real digits, candidates trained from scratch instead of a supernet.

Question: what is a search worth whose scores have no weight sharing in them, on images
so small that each network trains in seconds?

    python main.py --config=configs/digits_trained.py --workdir=runs/digits_trained

64 networks of `digits` are trained for 10 epochs each, side by side in one program
(`training/population.py`), the winner is retrained as in `configs/digits.py`. Real
networks as rungs: `--config.search.strategy=hyperband --config.train.fidelities=3
--config.search.generations=12`.

Measured: TO BE FILLED
"""

import ml_collections

from configs import digits


def get_config() -> ml_collections.ConfigDict:
    """The digits run without a supernet."""
    config = digits.get_config()
    config.evaluator.name = "train"
    config.train.update(epochs=10, batch_size=64, learning_rate=0.1)
    config.train_images.update(crop_padding=1)
    config.search.update(population=8, generations=8)
    return config
