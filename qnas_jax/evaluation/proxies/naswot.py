"""NASWOT: how well the pattern of open ReLUs tells images apart.

Source: Mellor et al., Neural architecture search without training, ICML 2021, equation
2 and the score below it.
"""

import jax
import jax.numpy as jnp

from qnas_jax.evaluation.proxies.subject import Subject


def nwot(subject: Subject) -> jax.Array:
    """Log |det K|, K the number of ReLUs that two images agree on.

    Every ReLU of the network counts, also one whose output is not used, as in the
    public code.

    Args:
      subject: what is measured.

    Returns:
      A scalar; -inf if two images have the same code.
    """
    return jnp.linalg.slogdet(subject.code_agreement).logabsdet
