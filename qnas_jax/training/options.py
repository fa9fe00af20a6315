"""Options of the two training stages."""

import dataclasses

from qnas_jax.options import Options, option

SCHEDULES = ("cosine", "step", "constant")
PATH_SAMPLERS = ("uniform", "fair", "strict_fair", "balance_pool")


@dataclasses.dataclass(frozen=True)
class TrainingOptions(Options):
    """What both stages share: epochs, optimiser, augmentation.

    Raises:
      OptionError: a value is not allowed.
    """

    epochs: int = option(10, "passes over the training split", low=1)
    batch_size: int = option(64, "images a step", low=1)
    learning_rate: float = option(0.05, "peak learning rate", above=0)
    schedule: str = option("cosine", "course of the learning rate", choices=SCHEDULES)
    warmup_epochs: float = option(
        0.0, "linear increase from 0 over these epochs", low=0
    )
    decay_every: float = option(20.0, "epochs between decays of `step`", above=0)
    decay_rate: float = option(0.8, "factor of each decay of `step`", above=0, high=1)
    momentum: float = option(0.9, "momentum of SGD", low=0, below=1)
    weight_decay: float = option(4e-4, "L2 penalty, added to the gradient", low=0)
    clip_norm: float = option(0.0, "largest global gradient norm; 0 is off", low=0)
    label_smoothing: float = option(0.1, "mass spread over all classes", low=0, below=1)
    crop_padding: int = option(0, "zero border of random crops, pixels", low=0)
    flip: bool = option(False, "mirror half of the images")
    cutout: int = option(
        0, "side of the square set to the mean, pixels; 0 is off", low=0
    )


@dataclasses.dataclass(frozen=True)
class SupernetOptions(TrainingOptions):
    """Training of the weight-sharing supernet.

    Raises:
      OptionError: a value is not allowed.
    """

    sampler: str = option(
        "balance_pool", "which paths are trained", choices=PATH_SAMPLERS
    )
    pool_every: int = option(5, "epochs between searches for the balance pool", low=1)
    pool_size: int = option(5, "architectures kept in the balance pool", low=1)
    pool_share: float = option(
        0.5, "share of the steps that train a pool member", low=0, high=1
    )
    pool_ramp: float = option(
        0.0, "epochs after the first search until the full share", low=0
    )
    pool_generations: int = option(2, "generations of each pool search", low=1)
    pool_population: int = option(20, "population of each pool search", low=1)
    pool_images: int = option(
        500, "validation images that score pool candidates; 0 is all", low=0
    )


@dataclasses.dataclass(frozen=True)
class RetrainOptions(TrainingOptions):
    """Training of stand-alone networks from scratch.

    Raises:
      OptionError: a value is not allowed.
    """

    ema_decay: float = option(
        0.0, "decay of the weights' moving average; 0 is off", low=0, below=1
    )
    drop_path: float = option(
        0.0, "probability of leaving out the last residual layer", low=0, below=1
    )
    compare: bool = option(
        True, "also retrain a random and the largest subnet, for comparison"
    )
