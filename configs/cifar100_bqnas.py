"""The full BQNAS recipe on CIFAR-100 (Li et al. 2024), for a GPU or TPU.

Question: as `cifar10_bqnas`, against the published 81.36 %.

    python main.py --config=configs/cifar100_bqnas.py --workdir=runs/cifar100_bqnas

Measured: not yet run in full, which needs an accelerator; the tests run the same code
for a few steps on a CPU.
"""

import ml_collections

from qnas_jax.jobs import named_config


def get_config() -> ml_collections.ConfigDict:
    """The recipe of `cifar10_bqnas` on CIFAR-100."""
    config = named_config("cifar10_bqnas")
    config.data.update(name="cifar100")
    return config
